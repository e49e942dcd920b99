;;; polypilot.el --- Suggestions and chat from any model provider -*- lexical-binding: t; -*-

;; Author: Polypilot contributors
;; Maintainer: Polypilot contributors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.2"))
;; Keywords: convenience, tools, languages
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Ghost text while you type, and a chat, from whichever provider you chose:
;; a supplier whose key is in your keyring, or a model on your own machine.
;; All of it is done by the program `polypilot', a language server:
;;
;;     pipx install 'polypilot[embedded]'
;;
;; Then, in your init file:
;;
;;     (require 'polypilot)
;;     (global-polypilot-mode)
;;
;; It needs no other package, and works beside eglot and lsp-mode.

;;; Code:

(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)
(require 'polypilot-status)
(require 'polypilot-ghost)
(require 'polypilot-select)
(require 'polypilot-chat)
(require 'polypilot-conversation)

(defcustom polypilot-modes '(prog-mode text-mode conf-mode)
  "Major modes of the buffers that the server is given.
Those derived from them count.  `global-polypilot-mode' gives it the
buffers that visit a local file."
  :type '(repeat symbol)
  :group 'polypilot)

(defvar polypilot-command-map
  (let ((map (make-sparse-keymap)))
    (define-key map "c" #'polypilot-chat)
    (define-key map "a" #'polypilot-ask)
    (define-key map "b" #'polypilot-attach)
    (define-key map "e" #'polypilot-edits)
    (define-key map "h" #'polypilot-chat-history)
    (define-key map "k" #'polypilot-stop)
    (define-key map "n" #'polypilot-chat-new)
    (define-key map "m" #'polypilot-select)
    (define-key map "p" #'polypilot-pause)
    (define-key map "t" #'polypilot-toggle)
    (define-key map "s" #'polypilot-show-status)
    (define-key map "d" #'polypilot-doctor)
    (define-key map "l" #'polypilot-log)
    (define-key map "y" #'polypilot-answer)
    (define-key map (kbd "TAB") #'polypilot-trigger)
    map)
  "Commands of Polypilot, to be bound to a prefix key of your own.")
(fset 'polypilot-command-map polypilot-command-map)

(defvar polypilot-mode-map (make-sparse-keymap)
  "Keys in buffers that the server has; none of them is set.")

;;;###autoload
(define-minor-mode polypilot-mode
  "Suggestions while you type.
\\{polypilot-ghost-map}"
  :lighter (:eval (polypilot-mode-line))
  :group 'polypilot
  (cond
   (polypilot-mode
    (polypilot-ghost-watch)
    (polypilot-document-watch)
    (polypilot-start-quietly))
   (t
    (polypilot-ghost-unwatch)
    (polypilot-document-unwatch))))

(defun polypilot--open-all ()
  "Give the server, which has just begun, the buffers that it is for."
  (dolist (buffer (buffer-list))
    (when (buffer-local-value 'polypilot-mode buffer)
      (with-current-buffer buffer
        (polypilot-document-open)))))
(add-hook 'polypilot-ready-hook #'polypilot--open-all)

(defun polypilot--turn-on ()
  "Switch the mode on, if this buffer is one for it."
  (when (and buffer-file-name
             (not (file-remote-p buffer-file-name))
             (not (minibufferp))
             (apply #'derived-mode-p polypilot-modes))
    (polypilot-mode 1)))

;;;###autoload
(define-globalized-minor-mode global-polypilot-mode polypilot-mode polypilot--turn-on
  :group 'polypilot)

(provide 'polypilot)
;;; polypilot.el ends here
