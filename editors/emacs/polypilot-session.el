;;; polypilot-session.el --- The conversation that is on screen -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What is known of it, and what goes along with its next message.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-document)

(defvar polypilot--session nil "The id of the conversation, or nil before its first message.")
(defvar polypilot--chosen nil "Title, provider, model, mode and effort of the conversation.")
(defvar polypilot--question nil "The id of the last question.")
(defvar polypilot--answered nil "The id of the last answer.")
(defvar polypilot--replaces nil "The id of the message that the next one takes the place of.")
(defvar polypilot--attachments nil "What goes with the next message, first first.")
(defvar polypilot--turn nil "The answer that is being written, or nil.")
(defvar polypilot--turns 0 "How many answers there were.")
(defvar polypilot--questions nil "What tools want to do: alists of the request's id and more.")

(defvar polypilot-chat-done-hook nil "Run when an answer has ended.")

(cl-defstruct (polypilot-attachment (:copier nil))
  "A buffer, or what is between two markers of it, called LABEL."
  buffer start end label)

(defun polypilot--buffer-label ()
  "Return the current buffer as it is called on screen."
  (if buffer-file-name (polypilot-name (polypilot-uri buffer-file-name)) (buffer-name)))

(defun polypilot--region-attachment ()
  "Return the active region as an attachment, or nil."
  (when (use-region-p)
    (let ((start (region-beginning)) (end (region-end)))
      (make-polypilot-attachment
       :buffer (current-buffer) :start (copy-marker start) :end (copy-marker end)
       :label (format "%s, lines %d-%d" (polypilot--buffer-label)
                      (line-number-at-pos start t)
                      (line-number-at-pos (max start (1- end)) t))))))

(defun polypilot--attached (attachment)
  "Return ATTACHMENT as the protocol has it, or nil if its buffer is gone."
  (when (buffer-live-p (polypilot-attachment-buffer attachment))
    (with-current-buffer (polypilot-attachment-buffer attachment)
      (let ((start (polypilot-attachment-start attachment))
            (uri (polypilot-buffer-uri)))
        (if (null start)
            (list :kind "document" :uri uri)
          (list :kind "selection" :uri uri
                :range (polypilot-range start (polypilot-attachment-end attachment))))))))

(provide 'polypilot-session)
;;; polypilot-session.el ends here
