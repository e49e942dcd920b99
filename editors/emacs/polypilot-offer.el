;;; polypilot-offer.el --- A suggestion and its text -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; A suggestion is held by two markers around the text that it replaces.  What
;; is typed lies between the first of them and point: as long as the
;; suggestion begins with that, it stays.  What lies between point and the
;; second marker is taken away by accepting it; a bracket that Emacs closed by
;; itself comes to lie there.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)

(cl-defstruct (polypilot-offer (:copier nil))
  "A suggestion, of TEXT, in place of what lies between START and END."
  item text start end)

(defvar-local polypilot--offers nil "The suggestions for the current place, as a vector.")
(defvar-local polypilot--index 0 "Which of the suggestions is shown.")

(defvar polypilot--shown-ids nil "The suggestions that the server knows were shown.")

;;; The text of a suggestion

(defun polypilot--offer (item)
  "Return the offer that ITEM is at point, or nil if it doesn't fit."
  (let* ((text (plist-get item :insertText))
         (range (plist-get item :range))
         (start (if range (polypilot-number (plist-get range :start)) (point)))
         (end (if range (polypilot-number (plist-get range :end)) (point))))
    (when (and (polypilot-set-p text) (<= start (point) end))
      (make-polypilot-offer
       :item item
       :text (replace-regexp-in-string "\r\n?" "\n" text)
       :start (copy-marker start)
       :end (copy-marker end t)))))

(defun polypilot--rest (offer)
  "Return what of OFFER is still to be inserted at point, or nil if it doesn't fit."
  (let ((start (polypilot-offer-start offer)) (end (polypilot-offer-end offer)))
    (when (and (marker-position start) (<= start (point) end))
      (let ((typed (buffer-substring-no-properties start (point)))
            (text (polypilot-offer-text offer)))
        (when (string-prefix-p typed text)
          (substring text (length typed)))))))

(defun polypilot--current ()
  "Return the offer that fits at point, or nil."
  (let* ((offer (and polypilot--offers (aref polypilot--offers polypilot--index)))
         (rest (and offer (polypilot--rest offer))))
    (and rest
         (not (and (string-empty-p rest) (= (point) (polypilot-offer-end offer))))
         offer)))

(defun polypilot--pieces (wanted present)
  "Return how WANTED comes of PRESENT by insertions alone: a list of pieces.
Each is a cons of a text and whether it is in PRESENT.  Return nil if it
doesn't."
  (let ((pieces nil) (text "") (at 0))
    (if (string-suffix-p present wanted)
        (list (cons (substring wanted 0 (- (length wanted) (length present))) nil)
              (cons present t))
      (dolist (char (append wanted nil))
        (if (and (< at (length present)) (eq char (aref present at)))
            (progn
              (push (cons text nil) pieces)
              (push (cons (string char) t) pieces)
              (setq text "" at (1+ at)))
          (setq text (concat text (string char)))))
      (when (= at (length present))
        (nreverse (cons (cons text nil) pieces))))))

;;; What became of them

(defun polypilot--offer-id (offer)
  "Return the id by which the server knows OFFER, or nil."
  (let ((arguments (plist-get (plist-get (polypilot-offer-item offer) :command) :arguments)))
    (and (vectorp arguments) (> (length arguments) 0) (aref arguments 0))))

(defun polypilot--tell-shown (offer)
  "Tell the server, once, that the user sees OFFER."
  (let ((id (polypilot--offer-id offer)))
    (when (and id (not (member id polypilot--shown-ids)))
      (setq polypilot--shown-ids (cons id (seq-take polypilot--shown-ids 63)))
      (polypilot-send-notification "textDocument/didShowCompletion"
                                   (list :item (polypilot-offer-item offer))))))

(defun polypilot--utf-16-length (text)
  "Return how many units of UTF-16 TEXT takes."
  (cl-loop for char across text sum (if (> char #xffff) 2 1)))

(defun polypilot--taken-length (offer taken)
  "Return how much TAKEN characters of OFFER are in the text that the server sent."
  (let* ((raw (plist-get (polypilot-offer-item offer) :insertText))
         (at 0))
    (dotimes (_ taken)
      (cl-incf at (if (string-prefix-p "\r\n" (substring raw at)) 2 1)))
    (polypilot--utf-16-length (substring raw 0 at))))

(defun polypilot--run-command (command)
  "Have the server run COMMAND, whose outcome is its own business."
  (when (and command (polypilot-running-p))
    (polypilot-rpc-request polypilot--rpc "workspace/executeCommand"
                           (list :command (plist-get command :command)
                                 :arguments (or (plist-get command :arguments) []))
                           #'ignore)))

(provide 'polypilot-offer)
;;; polypilot-offer.el ends here
