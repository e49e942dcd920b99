;;; polypilot-ghost.el --- Suggestions in the buffer -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What the user can do with them: switch them on, accept one whole or in
;; parts, see the next, turn it down.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)
(require 'polypilot-offer)
(require 'polypilot-overlay)
(require 'polypilot-suggest)

(defun polypilot-ghost-watch ()
  "Begin to suggest in the current buffer."
  (setq polypilot--tick (buffer-chars-modified-tick))
  (add-hook 'post-command-hook #'polypilot--post-command nil t)
  (add-hook 'after-change-functions #'polypilot--watch-change nil t)
  (add-hook 'window-selection-change-functions #'polypilot--selection-changed nil t))

(defun polypilot--selection-changed (_window)
  "Another window was selected."
  (polypilot--leave-others))

(defun polypilot-ghost-unwatch ()
  "Suggest no more in the current buffer."
  (polypilot--drop)
  (remove-hook 'post-command-hook #'polypilot--post-command t)
  (remove-hook 'after-change-functions #'polypilot--watch-change t)
  (remove-hook 'window-selection-change-functions #'polypilot--selection-changed t))

;;; Commands

(defun polypilot--word (text)
  "Return the first word of TEXT, with the blanks and line ends before it."
  (with-syntax-table (syntax-table)
    (if (string-match "\\`[ \t\n]*\\(?:\\(?:\\sw\\|\\s_\\)+\\|\\(?:[^ \t\n]\\)\\)" text)
        (let ((end (match-end 0)))
          ;; A run of signs is a word too.
          (unless (string-match-p "\\(?:\\sw\\|\\s_\\)" (substring text (1- end) end))
            (while (and (< end (length text))
                        (string-match-p "\\`[^ \t\n]\\'" (substring text end (1+ end)))
                        (not (string-match-p "\\(?:\\sw\\|\\s_\\)"
                                             (substring text end (1+ end)))))
              (cl-incf end)))
          (substring text 0 end))
      text)))

(defun polypilot--line (text)
  "Return TEXT up to its next line end, one at its beginning apart."
  (if (string-match "\\`\n?[^\n]*" text)
      (match-string 0 text)
    text))

(defun polypilot--accept (part)
  "Insert the PART of the suggestion that this function takes; nil takes all."
  (let ((offer (and polypilot--visible (polypilot--current))))
    (unless offer
      (user-error "No suggestion is shown"))
    (let* ((rest (polypilot--rest offer))
           (taken (if part (funcall part rest) rest))
           (whole (equal taken rest))
           (end (marker-position (polypilot-offer-end offer)))
           (length (- (length (polypilot-offer-text offer)) (- (length rest) (length taken)))))
      (polypilot--cancel-request)
      (undo-boundary)
      (when whole
        (delete-region (point) end)
        (polypilot--drop))
      (insert taken)
      (undo-boundary)
      (if whole
          (polypilot--run-command (plist-get (polypilot-offer-item offer) :command))
        (when (polypilot--offer-id offer)
          (polypilot-send-notification
           "textDocument/didPartiallyAcceptCompletion"
           (list :item (polypilot-offer-item offer)
                 :acceptedLength (polypilot--taken-length offer length))))))))

(defun polypilot-accept ()
  "Insert the suggestion."
  (interactive "*")
  (polypilot--accept nil))

(defun polypilot-accept-word ()
  "Insert the suggestion's next word."
  (interactive "*")
  (polypilot--accept #'polypilot--word))

(defun polypilot-accept-line ()
  "Insert the suggestion's next line."
  (interactive "*")
  (polypilot--accept #'polypilot--line))

(defun polypilot--cycle (step)
  "Go STEP suggestions on; ask for all of them the first time."
  (unless polypilot--visible
    (user-error "No suggestion is shown"))
  (if (and (= (length polypilot--offers) 1) (not polypilot--invoked))
      (polypilot--ask 1 step)
    (setq polypilot--index (mod (+ polypilot--index step) (length polypilot--offers)))
    (polypilot--redraw)))

(defun polypilot-next ()
  "Show the next suggestion."
  (interactive)
  (polypilot--cycle 1))

(defun polypilot-previous ()
  "Show the previous suggestion."
  (interactive)
  (polypilot--cycle -1))

(defun polypilot-dismiss ()
  "Turn the suggestion down."
  (interactive)
  (let* ((offer (polypilot--current))
         (id (and offer (polypilot--offer-id offer))))
    (when id
      (polypilot--run-command (list :command "polypilot.dismissed" :arguments (vector id))))
    (polypilot--cancel-request)
    (polypilot--drop)
    (setq polypilot--asked (polypilot--place))))

(defun polypilot-trigger ()
  "Ask for suggestions here, whatever is paused."
  (interactive "*")
  (unless (polypilot-document-open-p)
    (user-error "The server doesn't have this buffer; M-x polypilot-mode gives it"))
  (polypilot--ask 1))

(defun polypilot-toggle ()
  "Switch automatic suggestions in this buffer off or on."
  (interactive)
  (setq polypilot-off (not polypilot-off))
  (when polypilot-off
    (polypilot--cancel-request)
    (polypilot--drop))
  (polypilot-notify (if polypilot-off "suggestions are off here" "suggestions are on here")))

(defvar polypilot-ghost-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'polypilot-accept)
    (define-key map (kbd "<tab>") #'polypilot-accept)
    (define-key map (kbd "M-<right>") #'polypilot-accept-word)
    (define-key map (kbd "C-M-<right>") #'polypilot-accept-line)
    (define-key map (kbd "M-n") #'polypilot-next)
    (define-key map (kbd "M-p") #'polypilot-previous)
    (define-key map (kbd "C-g") #'polypilot-dismiss)
    map)
  "Keys while a suggestion is shown; at other times they do what they always did.")

;; Before other minor modes' keys: it is theirs again as soon as nothing is shown.
(setq minor-mode-map-alist
      (cons (cons 'polypilot--visible polypilot-ghost-map)
            (assq-delete-all 'polypilot--visible minor-mode-map-alist)))

(provide 'polypilot-ghost)
;;; polypilot-ghost.el ends here
