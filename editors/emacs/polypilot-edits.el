;;; polypilot-edits.el --- Edits that an answer proposes -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Shown as diffs in the transcript, applied whole or by the hunk, or turned
;; down.  The server makes the change when the user has accepted it.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-transcript)

(cl-defstruct (polypilot-edit (:copier nil))
  "A proposed edit; START and END are its diff's, HUNKS conses of marker and header."
  id label start end hunks done)

(defvar polypilot--edits nil "The edits that were proposed, first first.")

(defun polypilot--pending-edits ()
  "Return the edits that wait for the user."
  (cl-remove-if #'polypilot-edit-done polypilot--edits))

(defun polypilot--find-hunks (start end)
  "Return the hunks of the diff between START and END of the transcript."
  (with-current-buffer (polypilot-transcript)
    (save-excursion
      (goto-char start)
      (cl-loop while (re-search-forward "^@@.*$" end t)
               collect (cons (copy-marker (match-beginning 0))
                             (match-string-no-properties 0))))))

(defun polypilot-show-edit (value)
  "Show VALUE, an edit delta of an answer."
  (if (plist-get value :refused)
      ;; As it is written: nothing is looked up for a place that was refused.
      (polypilot-put-note (format "no edit of %s: %s" (polypilot-clean (plist-get value :uri))
                                  (plist-get value :refused)))
    (let ((name (polypilot-name (plist-get value :uri))))
      (pcase-let ((`(,start . ,end) (polypilot-put-diff name (plist-get value :diff))))
        (setq polypilot--edits
              (append polypilot--edits
                      (list (make-polypilot-edit
                             :id (plist-get value :id) :label name :start start :end end
                             :hunks (polypilot--find-hunks start end)))))))))

(defun polypilot--accept-edit (edit hunk)
  "Have the server make EDIT, or its HUNK of that number alone."
  (polypilot-request-or-report
   "polypilot/edit/accept"
   (append (list :id (polypilot-edit-id edit)) (and hunk (list :hunks (vector hunk))))
   (lambda (result)
     (if (not (polypilot-true-p (plist-get result :applied)))
         (polypilot-notify (format "%s: %s" (polypilot-edit-label edit)
                                   (or (plist-get result :reason) "the edit was not made")))
       (setf (polypilot-edit-done edit) (not (equal (plist-get result :state) "open")))
       (polypilot-put-note
        (if hunk
            (format "hunk %d of %s was applied" (1+ hunk) (polypilot-edit-label edit))
          (format "the edit of %s was applied" (polypilot-edit-label edit))))))))

(defun polypilot--reject-edit (edit)
  "Turn EDIT down."
  (polypilot-request-or-report
   "polypilot/edit/reject" (list :id (polypilot-edit-id edit))
   (lambda (_result)
     (setf (polypilot-edit-done edit) t)
     (polypilot-put-note (format "the edit of %s was turned down" (polypilot-edit-label edit))))))

(defun polypilot--edit-here ()
  "Return the edit at point in the transcript, else the last one that waits."
  (let ((pending (polypilot--pending-edits)))
    (or (and (eq (current-buffer) (polypilot-transcript))
             (cl-find-if (lambda (edit)
                           (<= (save-excursion
                                 (goto-char (polypilot-edit-start edit))
                                 (line-beginning-position -1))
                               (point)
                               (save-excursion
                                 (goto-char (polypilot-edit-end edit))
                                 (line-end-position 2))))
                         pending))
        (car (last pending))
        (user-error "No edit is proposed"))))

(defun polypilot-accept-edit ()
  "Apply the proposed edit at point, else the last one."
  (interactive)
  (polypilot--accept-edit (polypilot--edit-here) nil))

(defun polypilot-accept-hunk ()
  "Apply the hunk at point of a proposed edit."
  (interactive)
  (let ((edit (polypilot--edit-here)))
    (polypilot--accept-edit
     edit (max 0 (1- (cl-count-if (lambda (hunk) (<= (car hunk) (line-end-position)))
                                  (polypilot-edit-hunks edit)))))))

(defun polypilot-reject-edit ()
  "Turn the proposed edit at point down, else the last one."
  (interactive)
  (polypilot--reject-edit (polypilot--edit-here)))

(defun polypilot--edit-choices (edit)
  "Return what can be done with EDIT: conses of a text and a function."
  (let ((label (polypilot-edit-label edit))
        (hunks (polypilot-edit-hunks edit)))
    (append
     (list (cons (concat label ": apply") (lambda () (polypilot--accept-edit edit nil))))
     (and (cdr hunks)
          (cl-loop for hunk in hunks for number from 0
                   collect (let ((number number))
                             (cons (format "%s: apply %s" label (cdr hunk))
                                   (lambda () (polypilot--accept-edit edit number))))))
     (list (cons (concat label ": turn down") (lambda () (polypilot--reject-edit edit)))))))

;;;###autoload
(defun polypilot-edits ()
  "Apply what an answer proposes, whole or by the hunk, or turn it down."
  (interactive)
  (let ((choices (mapcan #'polypilot--edit-choices (polypilot--pending-edits))))
    (unless choices
      (user-error "No edit is proposed"))
    (funcall (cdr (polypilot-choose "Proposed edits: " choices #'car)))))

(provide 'polypilot-edits)
;;; polypilot-edits.el ends here
