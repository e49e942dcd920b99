;;; polypilot-transcript.el --- The text of a chat with Polypilot -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The buffer that questions and answers are in.  What a model wrote is only
;; ever text here: it visits no file, no local variables are read from it, and
;; nothing in it is run.  Fontified as Markdown if markdown-mode is there.

;;; Code:

(require 'cl-lib)
(require 'diff-mode)
(require 'polypilot-core)

(defconst polypilot-transcript-buffer "*polypilot-chat*" "The transcript's name.")

(defface polypilot-heading '((t :inherit (bold font-lock-function-name-face)))
  "Who speaks, in the chat."
  :group 'polypilot)
(defface polypilot-note '((t :inherit (italic shadow)))
  "Remarks in the chat that are not the model's."
  :group 'polypilot)

(defvar-local polypilot--kind nil "What kind of text was added last.")
(defvar-local polypilot--turn-start nil "Where the text begins in which a code fence may be open.")
(defvar-local polypilot--thought nil "The overlay of the thoughts that are being added to.")

(defvar polypilot-transcript-mode-map (make-sparse-keymap)
  "Keys in the transcript.")

(defvar markdown-mode-font-lock-keywords)
(declare-function markdown-syntax-propertize "ext:markdown-mode" (start end))
(declare-function markdown-syntactic-face "ext:markdown-mode" (state))

(defconst polypilot--plain-keywords
  '(("^#+ .*$" . 'polypilot-heading)
    ("^\\*[^*\n]+\\*$" . 'polypilot-note)
    ("^\\*\\*[^*\n]+\\*\\*" . 'bold)
    ("`[^`\n]+`" . 'font-lock-constant-face))
  "What is made out in a transcript without markdown-mode.")

(define-derived-mode polypilot-transcript-mode special-mode "Polypilot"
  "A chat's questions and answers.
\\{polypilot-transcript-mode-map}"
  (buffer-disable-undo)
  (visual-line-mode 1)
  (setq-local window-point-insertion-type t
              truncate-lines nil
              ;; The end comes into view line by line; what is above it stays.
              scroll-conservatively 101)
  (add-to-invisibility-spec '(polypilot-thought . t))
  (if (not (require 'markdown-mode nil t))
      (setq font-lock-defaults '(polypilot--plain-keywords t))
    (setq-local syntax-propertize-function #'markdown-syntax-propertize)
    (setq font-lock-defaults
          '(markdown-mode-font-lock-keywords
            nil nil nil nil
            (font-lock-multiline . t)
            (font-lock-syntactic-face-function . markdown-syntactic-face)))))

(defun polypilot-transcript ()
  "Return the transcript's buffer."
  (or (get-buffer polypilot-transcript-buffer)
      (with-current-buffer (get-buffer-create polypilot-transcript-buffer)
        (polypilot-transcript-mode)
        (current-buffer))))

(defmacro polypilot--in-transcript (&rest body)
  "Evaluate BODY at the end of the transcript, which it may change."
  (declare (indent 0) (debug t))
  `(with-current-buffer (polypilot-transcript)
     (let ((inhibit-read-only t))
       (save-excursion
         (goto-char (point-max))
         ,@body))))

(defun polypilot-put (text)
  "Append TEXT."
  (polypilot--in-transcript (insert text)))

(defun polypilot--paragraph ()
  "Begin a paragraph."
  (polypilot--in-transcript
    (let ((breaks (save-excursion (- (skip-chars-backward "\n")))))
      (unless (or (bobp) (> breaks 1))
        (insert (make-string (- 2 breaks) ?\n))))
    (setq polypilot--thought nil)))

(defun polypilot--open-fence ()
  "Return the code fence that is open at the transcript's end, or nil."
  (with-current-buffer (polypilot-transcript)
    (when polypilot--turn-start
      (save-excursion
        (goto-char polypilot--turn-start)
        (let ((open nil))
          (while (re-search-forward "^ \\{0,3\\}\\(```+\\|~~~+\\)\\(.*\\)$" nil t)
            (let ((fence (match-string-no-properties 1)) (more (match-string 2)))
              (cond
               ((null open) (setq open fence))
               ((and (string-prefix-p open fence) (string-blank-p more)) (setq open nil)))))
          open)))))

(defun polypilot--close-fence ()
  "Close the code fence that an answer left open; it would swallow what follows."
  (let ((fence (polypilot--open-fence)))
    (when fence
      (polypilot-put (concat "\n" fence))))
  (with-current-buffer (polypilot-transcript)
    (setq polypilot--turn-start nil)))

(defun polypilot--begin-text ()
  "What comes now may hold code fences."
  (polypilot--in-transcript
    (unless polypilot--turn-start
      (setq polypilot--turn-start (copy-marker (point))))))

(defun polypilot-put-heading (title &optional text)
  "Append the heading TITLE, and TEXT below it."
  (polypilot--close-fence)
  (polypilot--paragraph)
  (polypilot-put (concat "## " (polypilot-clean title) "\n\n"))
  (when text
    (polypilot--begin-text)
    (polypilot-put text))
  (polypilot--in-transcript (setq polypilot--kind nil)))

(defun polypilot--toggle-thought (button)
  "Show or hide the thought below BUTTON."
  (let ((overlay (button-get button 'polypilot-thought)))
    (overlay-put overlay 'invisible
                 (if (overlay-get overlay 'invisible) nil 'polypilot-thought))))

(defun polypilot--put-thought (text fresh)
  "Append TEXT to a thought, which begins if FRESH."
  (polypilot--in-transcript
    (when fresh
      (let ((start (point)) overlay)
        (insert "▸ thought\n")
        (setq overlay (make-overlay (1- (point)) (point)))
        (make-text-button start (1- (point)) 'follow-link t 'polypilot-thought overlay
                          'action #'polypilot--toggle-thought)
        (overlay-put overlay 'invisible 'polypilot-thought)
        (overlay-put overlay 'face 'polypilot-note)
        (overlay-put overlay 'isearch-open-invisible #'delete-overlay)
        (setq polypilot--thought overlay)))
    (goto-char (point-max))
    (insert (if fresh "> " "") (string-replace "\n" "\n> " text))
    (move-overlay polypilot--thought (overlay-start polypilot--thought) (point-max))))

(defun polypilot-stream (kind text)
  "Append TEXT, of KIND text, thought or refusal; a new kind begins a paragraph."
  (let* ((text (replace-regexp-in-string "\r\n?" "\n" text))
         (fresh (not (equal kind (buffer-local-value 'polypilot--kind (polypilot-transcript)))))
         (text (if fresh (string-trim-left text "\n+") text)))
    (unless (and fresh (string-empty-p text))
      (when fresh
        (polypilot--paragraph)
        (polypilot--in-transcript (setq polypilot--kind kind)))
      (if (equal kind "thought")
          (polypilot--put-thought (polypilot-clean text) fresh)
        (polypilot--begin-text)
        (polypilot-put (if (equal kind "refusal")
                           (concat (if fresh "**Refused:** " "") (polypilot-clean text))
                         text))))))

(defun polypilot-put-note (text)
  "Append TEXT as a remark of ours."
  (polypilot--close-fence)
  (polypilot--paragraph)
  (polypilot-put (mapconcat (lambda (line) (format "*%s*" line))
                            (split-string (polypilot-clean text) "\n") "\n"))
  (polypilot--in-transcript (setq polypilot--kind nil)))

(defun polypilot-put-problem (problem)
  "Append PROBLEM."
  (polypilot--close-fence)
  (polypilot--paragraph)
  (polypilot-put (concat "**Error:** "
                         (string-replace "\n" "\n\n" (polypilot-describe problem))))
  (polypilot--in-transcript (setq polypilot--kind nil)))

(defun polypilot--paint-diff (start end)
  "Give the lines of the diff between START and END their faces."
  (save-excursion
    (goto-char start)
    (while (< (point) end)
      (let ((face (pcase (char-after)
                    (?+ 'diff-added) (?- 'diff-removed) (?@ 'diff-hunk-header))))
        (when face
          (overlay-put (make-overlay (point) (min end (1+ (line-end-position)))) 'face face)))
      (forward-line))))

(defun polypilot-put-diff (title text)
  "Append the diff TEXT, called TITLE, in a block that nothing in it can end.
Return where its text begins and ends, as markers."
  (polypilot-put-note title)
  (let* ((text (string-trim-right (replace-regexp-in-string "\r\n?" "\n" text) "\n"))
         (longest (cl-loop with at = 0 while (string-match "`+" text at)
                           do (setq at (match-end 0))
                           maximize (- (match-end 0) (match-beginning 0))))
         (fence (make-string (max 3 (1+ (or longest 0))) ?`)))
    (polypilot--in-transcript
      (insert "\n\n" fence "diff\n")
      (let ((start (copy-marker (point))))
        (insert text)
        (let ((end (copy-marker (point))))
          (insert "\n" fence)
          (polypilot--paint-diff start end)
          (cons start end))))))

(defun polypilot-clear-transcript ()
  "Empty the transcript."
  (polypilot--in-transcript
    (erase-buffer)
    (delete-all-overlays)
    (setq polypilot--kind nil polypilot--turn-start nil polypilot--thought nil)))

(defun polypilot-diff (old new)
  "Return how NEW came of OLD as a unified diff.
Without the program diff it is all of NEW."
  (let ((files (list (make-temp-file "polypilot") (make-temp-file "polypilot")))
        (coding-system-for-write 'utf-8-unix)
        (coding-system-for-read 'utf-8-unix))
    (unwind-protect
        (with-temp-buffer
          (cl-mapc (lambda (file text) (write-region text nil file nil 'quiet))
                   files (list old new))
          (let ((status (ignore-errors
                          (apply #'call-process "diff" nil t nil "-u" files))))
            (if (not (memq status '(0 1)))
                new
              ;; Without its two lines of file names.
              (goto-char (point-min))
              (forward-line 2)
              (buffer-substring-no-properties (point) (point-max)))))
      (mapc #'delete-file files))))

(provide 'polypilot-transcript)
;;; polypilot-transcript.el ends here
