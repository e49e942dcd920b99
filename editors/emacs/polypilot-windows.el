;;; polypilot-windows.el --- The windows of the chat -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The transcript, below it the prompt, and above both who answers.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)
(require 'polypilot-status)
(require 'polypilot-transcript)
(require 'polypilot-session)
(require 'polypilot-prompt)

(defcustom polypilot-chat-display-action
  '((display-buffer-reuse-window display-buffer-in-direction)
    (direction . right) (window-width . 0.4))
  "Where the chat opens; see `display-buffer'."
  :type 'sexp
  :group 'polypilot)

(defcustom polypilot-chat-prompt-height 6
  "Lines of the window that messages are written in."
  :type 'integer
  :group 'polypilot)

(defun polypilot--bar (parts)
  "Return the set ones of PARTS as a header line."
  (replace-regexp-in-string
   "%" "%%" (polypilot-clean (string-join (cl-remove-if-not #'polypilot-set-p parts) " · "))))

(defun polypilot--show-titles ()
  "Say above the windows who answers, and what can be done."
  (let ((target (plist-get (polypilot-status) :chat)))
    (when (get-buffer polypilot-transcript-buffer)
      (with-current-buffer (polypilot-transcript)
        (setq header-line-format
              (polypilot--bar
               (list "Polypilot"
                     (or (plist-get polypilot--chosen :model)
                         (plist-get polypilot--chosen :provider)
                         (plist-get target :model) (plist-get target :provider))
                     (plist-get polypilot--chosen :mode)
                     (plist-get polypilot--chosen :title)
                     (and polypilot--turn "answering"))))))
    (when (get-buffer polypilot-prompt-buffer)
      (with-current-buffer (polypilot--prompt)
        (setq header-line-format
              (polypilot--bar
               (list (cond
                      (polypilot--questions
                       (substitute-command-keys "\\[polypilot-answer] answers the question"))
                      (polypilot--turn (substitute-command-keys "\\[polypilot-stop] stops"))
                      (t (substitute-command-keys "\\[polypilot-send] sends")))
                     (and polypilot--attachments
                          (concat "with " (mapconcat #'polypilot-attachment-label
                                                     polypilot--attachments ", "))))))))
    (force-mode-line-update t)))
(add-hook 'polypilot-status-hook #'polypilot--show-titles)

(defun polypilot--follow ()
  "Show the transcript's end."
  (with-current-buffer (polypilot-transcript)
    (goto-char (point-max))
    (dolist (window (get-buffer-window-list nil nil t))
      (set-window-point window (point-max)))))

(defun polypilot--add-attachment (attachment)
  "Send ATTACHMENT, if there is one, with the next message."
  (when attachment
    (setq polypilot--attachments (append polypilot--attachments (list attachment)))
    (polypilot--show-titles)))

;;; What the user sees beside it

(defun polypilot--chat-buffer-p (buffer)
  "Whether BUFFER is one of the chat's."
  (member (buffer-name buffer) (list polypilot-transcript-buffer polypilot-prompt-buffer)))

(defun polypilot--front-buffer ()
  "Return the buffer in front besides the chat's, or nil."
  (let ((windows (cl-remove-if (lambda (window)
                                 (polypilot--chat-buffer-p (window-buffer window)))
                               (window-list nil 'no-minibuffer))))
    (and windows
         (window-buffer (car (sort windows (lambda (a b) (> (window-use-time a)
                                                            (window-use-time b)))))))))

(defun polypilot--scene ()
  "Return the buffer in front and the selection as the protocol has them."
  (let ((buffer (polypilot--front-buffer))
        (selection (cl-find-if #'polypilot-attachment-start polypilot--attachments :from-end t)))
    (when (and buffer (buffer-file-name buffer))
      (append (list :buffer (with-current-buffer buffer (polypilot-buffer-uri)))
              (let ((attached (and selection (polypilot--attached selection))))
                (and attached (list :selection (list :uri (plist-get attached :uri)
                                                     :range (plist-get attached :range)))))))))

(provide 'polypilot-windows)
;;; polypilot-windows.el ends here
