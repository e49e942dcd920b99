;;; polypilot-suggest.el --- Asking for suggestions -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; While the user types, and when they want one.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)
(require 'polypilot-offer)
(require 'polypilot-overlay)

(defcustom polypilot-auto t
  "Whether suggestions come while typing; else by `polypilot-trigger' alone."
  :type 'boolean
  :group 'polypilot)

(defcustom polypilot-idle-delay 0.05
  "Seconds without a key after which a suggestion is asked for.
The server has a pacing of its own; this only spares it the keys in
between when many come at once."
  :type 'number
  :group 'polypilot)

(defvar-local polypilot--invoked nil "Whether all alternatives were asked for.")
(defvar-local polypilot--asked nil "The place that was asked about last, or dismissed.")
(defvar-local polypilot--tick nil "The buffer's tick after the last command.")
(defvar-local polypilot-off nil "Whether automatic suggestions are switched off in this buffer.")

(defvar polypilot--pending nil "The id of the request under way, or nil.")
(defvar polypilot--ask-timer nil "Waits until Emacs is idle to ask.")

(declare-function polypilot-paused-p "polypilot-status" ())

(defun polypilot--place ()
  "Return the place of point and the state of the text.
A request that was made for both is not made again."
  (list (point) (buffer-chars-modified-tick)))

(defun polypilot--cancel-request ()
  "Forget the request under way."
  (when polypilot--ask-timer
    (cancel-timer polypilot--ask-timer)
    (setq polypilot--ask-timer nil))
  (when polypilot--pending
    (polypilot-cancel polypilot--pending)
    (setq polypilot--pending nil)))

(defun polypilot--take-answer (kind step grew result)
  "Take RESULT, which is for point, as KIND, STEP and GREW of `polypilot--ask' say."
  (let ((offers (delq nil (mapcar #'polypilot--offer (plist-get result :items)))))
    (setq offers (cl-remove-if-not #'polypilot--rest offers))
    (cond
     (grew (polypilot--extend offers))
     (offers
      (let ((at (polypilot--seen-index offers)))
        (polypilot--drop)
        (setq polypilot--offers (vconcat offers)
              polypilot--index (mod (+ at step) (length offers))
              polypilot--invoked (eq kind 1))
        (polypilot--redraw)))
     (t (polypilot--drop)))))

(defun polypilot--seen-index (items)
  "Return the index among ITEMS of the one that is shown, or 0."
  (let* ((current (polypilot--current))
         (rest (and current (polypilot--rest current))))
    (or (and rest
             (cl-position-if (lambda (offer)
                               (and (equal (polypilot--rest offer) rest)
                                    (= (polypilot-offer-end offer)
                                       (polypilot-offer-end current))))
                             items))
        0)))

(defun polypilot--extend (items)
  "Show the longer form that is among ITEMS of what is shown."
  (let* ((current (polypilot--current))
         (rest (and current (polypilot--rest current)))
         (longer (and rest
                      (cl-find-if (lambda (offer)
                                    (and (= (polypilot-offer-end offer)
                                            (polypilot-offer-end current))
                                         (string-prefix-p rest (polypilot--rest offer))))
                                  items))))
    (when longer
      (aset polypilot--offers polypilot--index longer)
      (polypilot--redraw))))

(defun polypilot--ask (kind &optional step grew)
  "Ask for suggestions at point; KIND is 1 if the user wants them, else 2.
STEP is how far to go from the one that is shown.  With GREW only a
longer form of that is wanted."
  (polypilot--cancel-request)
  (when (polypilot-document-open-p)
    (polypilot-document-flush)
    (let* ((buffer (current-buffer))
           (place (polypilot--place))
           id)
      (setq polypilot--asked place)
      (setq id (polypilot-rpc-request
                polypilot--rpc "textDocument/inlineCompletion"
                (list :textDocument (list :uri polypilot--opened-as)
                      :position (polypilot-position (point))
                      :context (list :triggerKind kind))
                (lambda (problem result)
                  (when (eql id polypilot--pending)
                    (setq polypilot--pending nil)
                    (cond
                     (problem (when (eq kind 1) (polypilot-report problem)))
                     ;; No answer (null: superseded) leaves what is there.
                     ((and result (buffer-live-p buffer)
                           (eq buffer (window-buffer (selected-window))))
                      (with-current-buffer buffer
                        (when (equal place (polypilot--place))
                          (polypilot--take-answer kind (or step 0) grew result)))))))))
      (setq polypilot--pending id))))

(defun polypilot--wanted-p ()
  "Whether a suggestion may be asked for without the user's wish."
  (and polypilot-auto
       (not polypilot-off)
       (not (polypilot-paused-p))
       (not (polypilot--hidden-p))))

(defun polypilot--ask-later ()
  "Ask when Emacs is idle."
  (polypilot--cancel-request)
  (setq polypilot--ask-timer
        (run-with-idle-timer
         polypilot-idle-delay nil
         (lambda (buffer place)
           (setq polypilot--ask-timer nil)
           (when (and (eq buffer (current-buffer))
                      (equal place (polypilot--place))
                      (polypilot--wanted-p))
             (polypilot--ask 2)))
         (current-buffer) (polypilot--place))))

(defun polypilot--post-command ()
  "After a command: show what still fits, ask if the text has changed."
  (let* ((tick (buffer-chars-modified-tick))
         (changed (and polypilot--tick (/= tick polypilot--tick))))
    (setq polypilot--tick tick)
    (polypilot--redraw)
    (cond
     ((equal polypilot--asked (polypilot--place)))
     ((and changed (not (memq this-command '(undo undo-only undo-redo)))
           (polypilot--wanted-p))
      (polypilot--ask-later))
     (t (polypilot--cancel-request)))))

(defun polypilot--grew (params)
  "The server can show more of what it has given in the document of PARAMS."
  (with-current-buffer (window-buffer (selected-window))
    (when (and (equal (plist-get params :uri) polypilot--opened-as)
               polypilot--visible
               (not polypilot--pending)
               (equal polypilot--asked (polypilot--place)))
      (polypilot--ask 2 0 t))))
(push '("polypilot/completionGrew" . polypilot--grew) polypilot-notification-functions)

(defun polypilot--leave-others ()
  "A suggestion is for the window that the user is in."
  (dolist (buffer (buffer-list))
    (when (and (buffer-local-value 'polypilot--visible buffer)
               (not (eq buffer (window-buffer (selected-window)))))
      (with-current-buffer buffer
        (polypilot--drop)))))

(defun polypilot-leave ()
  "Take away what is shown and what is coming, in all buffers."
  (polypilot--cancel-request)
  (dolist (buffer (buffer-list))
    (when (buffer-local-value 'polypilot--offers buffer)
      (with-current-buffer buffer
        (polypilot--drop)))))
(add-hook 'polypilot-gone-hook #'polypilot-leave)

(provide 'polypilot-suggest)
;;; polypilot-suggest.el ends here
