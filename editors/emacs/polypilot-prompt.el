;;; polypilot-prompt.el --- Where the next message is written -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; An ordinary buffer, which completes #mentions and /commands as the server
;; knows them.

;;; Code:

(require 'polypilot-core)
(require 'polypilot-server)

(defconst polypilot-prompt-buffer "*polypilot-prompt*" "The prompt's name.")

(defvar polypilot-prompt-mode-map (make-sparse-keymap)
  "Keys in the prompt.")

(define-derived-mode polypilot-prompt-mode text-mode "Polypilot-Prompt"
  "What is asked next.
\\{polypilot-prompt-mode-map}"
  (setq-local completion-at-point-functions '(polypilot--complete))
  (visual-line-mode 1))

(defun polypilot--prompt ()
  "Return the prompt's buffer."
  (or (get-buffer polypilot-prompt-buffer)
      (with-current-buffer (get-buffer-create polypilot-prompt-buffer)
        (polypilot-prompt-mode)
        (current-buffer))))

;;; Completion

(defun polypilot--command-candidates ()
  "Return the commands of the chat, each with what it does."
  (mapcar (lambda (row) (cons (concat "/" (plist-get row :name)) (plist-get row :description)))
          (polypilot-request-now "polypilot/chat/commands" nil 1)))

(defun polypilot--mention-candidates (typed)
  "Return what may take the place of the mention TYPED, each with what it is."
  (mapcar (lambda (row) (cons (plist-get row :insert) (plist-get row :detail)))
          (polypilot-request-now "polypilot/chat/mentions" (list :typed typed) 1)))

(defun polypilot--complete ()
  "Complete the #mention or the /command before point, as the server knows them."
  (let* ((end (point))
         (start (save-excursion
                  (skip-chars-backward "^ \t\n")
                  (point)))
         (typed (buffer-substring-no-properties start end))
         (rows (cond
                ((string-prefix-p "#" typed) (polypilot--mention-candidates typed))
                ((and (= start (point-min)) (string-prefix-p "/" typed))
                 (polypilot--command-candidates)))))
    (when rows
      (list start end (mapcar #'car rows)
            :annotation-function
            (lambda (candidate)
              (let ((detail (cdr (assoc candidate rows))))
                (and detail (concat "  " (polypilot-clean detail)))))
            :exclusive 'no))))

(provide 'polypilot-prompt)
;;; polypilot-prompt.el ends here
