;;; polypilot-document.el --- Documents as Polypilot's server sees them -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Keeps the server's copy of a buffer in step, and applies the edits that the
;; server asks for.  Positions are counted in characters of the whole buffer,
;; whatever it is narrowed to.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)

(defvar-local polypilot--version nil
  "The version of the document that the server has, or nil if it has none.")
(defvar-local polypilot--opened-as nil "The URI under which the document was opened.")
(defvar-local polypilot--changes nil "Changes that the server has not been told of, last first.")
(defvar-local polypilot--before nil
  "The change that is being made, or nil.
Start and end as positions, both as numbers, and the buffer's size.")
(defvar-local polypilot--resend nil "Whether the whole text has to be sent.")

(defvar polypilot--flush-timer nil "Sends what has changed when nobody asks for anything.")

(defconst polypilot--language-ids
  '(("c++" . "cpp") ("csharp" . "csharp") ("js" . "javascript") ("js2" . "javascript")
    ("js-jsx" . "javascriptreact") ("jsx" . "javascriptreact") ("tsx" . "typescriptreact")
    ("sh" . "shellscript") ("bash" . "shellscript") ("emacs-lisp" . "elisp")
    ("lisp-interaction" . "elisp") ("latex" . "latex") ("tex" . "latex") ("gfm" . "markdown")
    ("mhtml" . "html") ("html" . "html") ("objc" . "objective-c") ("text" . "plaintext")
    ("fundamental" . "plaintext") ("makefile-gmake" . "makefile") ("caml" . "ocaml")
    ("tuareg" . "ocaml") ("cperl" . "perl") ("enh-ruby" . "ruby") ("conf-toml" . "toml")
    ("nxml" . "xml") ("f90" . "fortran-modern") ("ess-r" . "r"))
  "The protocol's names of languages that Emacs calls otherwise.")

(defun polypilot-language-id ()
  "Return the name of the buffer's language in the protocol."
  (let ((name (replace-regexp-in-string
               "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode))))
    (or (cdr (assoc name polypilot--language-ids)) name)))

(defun polypilot-buffer-uri ()
  "Return the URI of the current buffer."
  (let ((buffer (or (buffer-base-buffer) (current-buffer))))
    (if (buffer-file-name buffer)
        (polypilot-uri (buffer-file-name buffer))
      (concat "untitled:" (url-hexify-string (buffer-name buffer))))))

(defun polypilot-position (position)
  "Return the number POSITION of the current buffer as the protocol has it."
  (save-restriction
    (widen)
    (save-excursion
      (goto-char position)
      (let ((inhibit-field-text-motion t))
        (list :line (1- (line-number-at-pos nil t))
              :character (- (point) (line-beginning-position)))))))

(defun polypilot-number (position)
  "Return POSITION of the protocol as a number in the current buffer, or nil.
What is beyond a line's end means its end, as does a line too many the
end of the text."
  (save-restriction
    (widen)
    (save-excursion
      (goto-char (point-min))
      (let ((inhibit-field-text-motion t)
            (beyond (forward-line (plist-get position :line))))
        (if (or (> beyond 0)
                (and (> (plist-get position :line) 0) (not (bolp))))
            (point-max)
          (min (+ (point) (plist-get position :character)) (line-end-position)))))))

(defun polypilot-range (start end)
  "Return the numbers START and END as a range of the protocol."
  (list :start (polypilot-position start) :end (polypilot-position end)))

(defun polypilot--text (start end)
  "Return the text between START and END, as it is sent."
  (save-restriction
    (widen)
    (polypilot-rpc-text (buffer-substring-no-properties start end))))

;;; Keeping in step

(defun polypilot-document-open-p ()
  "Whether the server has the current buffer."
  (and polypilot--version (polypilot-running-p)))

(defun polypilot-document-open ()
  "Give the current buffer to a running server that hasn't got it."
  (when (and (polypilot-running-p) (not polypilot--version))
    (let ((root (and buffer-file-name (polypilot-root buffer-file-name))))
      (when root
        (polypilot-add-folder root)))
    (setq polypilot--version 0
          polypilot--opened-as (polypilot-buffer-uri)
          polypilot--changes nil polypilot--before nil polypilot--resend nil)
    (polypilot-send-notification
     "textDocument/didOpen"
     (list :textDocument
           (list :uri polypilot--opened-as
                 :languageId (polypilot-language-id)
                 :version polypilot--version
                 :text (save-restriction
                         (widen)
                         (polypilot--text (point-min) (point-max))))))))

(defun polypilot-document-close ()
  "Take the current buffer away from the server."
  (when polypilot--version
    (polypilot-send-notification
     "textDocument/didClose" (list :textDocument (list :uri polypilot--opened-as))))
  (setq polypilot--version nil))

(defun polypilot--before-change (start end)
  "The text from START to END is about to change: remember where that is."
  (when polypilot--version
    (setq polypilot--before
          (list (polypilot-position start) (polypilot-position end)
                start end (buffer-size)))))

(defun polypilot--after-change (start end length)
  "Remember what became of the text from START to END, of LENGTH before.
What was announced may be larger than the change, and one announcement
may be that of several."
  (when polypilot--version
    (pcase polypilot--before
      (`(,first ,last ,low ,high ,size)
       (if (or (< start low) (> (+ start length) high))
           (setq polypilot--resend t)
         (push (list :range (list :start first :end last)
                     :text (polypilot--text low (+ high (- (buffer-size) size))))
               polypilot--changes)))
      (_ (setq polypilot--resend t)))
    (ignore end)
    (setq polypilot--before nil)
    (polypilot--flush-later)))

(defun polypilot--flush-later ()
  "Flush all documents when Emacs is idle, if no request does it before."
  (unless polypilot--flush-timer
    (setq polypilot--flush-timer
          (run-with-idle-timer
           0.2 nil
           (lambda ()
             (setq polypilot--flush-timer nil)
             (dolist (buffer (buffer-list))
               (when (buffer-local-value 'polypilot--version buffer)
                 (with-current-buffer buffer
                   (polypilot-document-flush)))))))))

(defun polypilot-document-flush ()
  "Tell the server what has changed in the current buffer."
  (when (and polypilot--version (or polypilot--changes polypilot--resend))
    (let ((changes (if polypilot--resend
                       (vector (list :text (save-restriction
                                             (widen)
                                             (polypilot--text (point-min) (point-max)))))
                     (vconcat (nreverse polypilot--changes)))))
      (setq polypilot--changes nil polypilot--resend nil)
      (cl-incf polypilot--version)
      (polypilot-send-notification
       "textDocument/didChange"
       (list :textDocument (list :uri polypilot--opened-as :version polypilot--version)
             :contentChanges changes)))))

(defun polypilot--after-save ()
  "Tell the server that the buffer was saved."
  (when polypilot--version
    (polypilot-document-flush)
    (polypilot-send-notification
     "textDocument/didSave" (list :textDocument (list :uri polypilot--opened-as)))))

(defun polypilot--renamed ()
  "The buffer visits another file now."
  (when (and polypilot--version (not (equal polypilot--opened-as (polypilot-buffer-uri))))
    (polypilot-document-close)
    (polypilot-document-open)))

(defun polypilot--forget-documents ()
  "The server has ended: it has no document any more."
  (dolist (buffer (buffer-list))
    (when (buffer-local-value 'polypilot--version buffer)
      (with-current-buffer buffer
        (setq polypilot--version nil)))))
(add-hook 'polypilot-gone-hook #'polypilot--forget-documents)

(defconst polypilot--document-hooks
  '((before-change-functions . polypilot--before-change)
    (after-change-functions . polypilot--after-change)
    (after-save-hook . polypilot--after-save)
    (after-set-visited-file-name-hook . polypilot--renamed)
    (kill-buffer-hook . polypilot-document-close)
    ;; Another major mode takes all that is the buffer's own away.
    (change-major-mode-hook . polypilot-document-close))
  "What is watched in a buffer that the server has.")

(defun polypilot-document-watch ()
  "Begin to keep the server's copy of the buffer in step."
  (pcase-dolist (`(,hook . ,function) polypilot--document-hooks)
    (add-hook hook function nil t))
  (polypilot-document-open))

(defun polypilot-document-unwatch ()
  "Take the buffer away from the server for good."
  (pcase-dolist (`(,hook . ,function) polypilot--document-hooks)
    (remove-hook hook function t))
  (polypilot-document-close))

;;; Edits of the server's

(defun polypilot--apply-text-edits (edits)
  "Make the vector EDITS in the current buffer, as one step for undo."
  (let ((places (mapcar
                 (lambda (edit)
                   (let ((range (plist-get edit :range)))
                     (list (polypilot-number (plist-get range :start))
                           (polypilot-number (plist-get range :end))
                           (replace-regexp-in-string "\r\n?" "\n" (plist-get edit :newText)))))
                 edits)))
    (barf-if-buffer-read-only)
    (undo-boundary)
    (save-restriction
      (widen)
      (save-excursion
        (atomic-change-group
          ;; From the end: what is before keeps its place.
          (dolist (place (sort (nreverse places) (lambda (a b) (> (car a) (car b)))))
            (pcase-let ((`(,start ,end ,text) place))
              (goto-char start)
              (delete-region start end)
              (insert text))))))
    (undo-boundary)))

(defun polypilot--edit-document (uri version edits)
  "Make EDITS in the document URI, if it still has VERSION."
  (let ((path (polypilot-path uri)))
    (with-current-buffer
        (or (cl-find-if (lambda (buffer)
                          (equal (buffer-local-value 'polypilot--opened-as buffer) uri))
                        (buffer-list))
            (find-file-noselect (or path (error "Not a file: %s" uri))))
      (polypilot-document-flush)
      (when (and version polypilot--version (/= version polypilot--version))
        (error "%s has changed meanwhile" (polypilot-name uri)))
      (polypilot--apply-text-edits edits))))

(defun polypilot--apply-change (change)
  "Make one CHANGE of a workspace edit."
  (if (equal (plist-get change :kind) "create")
      (let ((path (polypilot-path (plist-get change :uri))))
        (unless (file-exists-p path)
          (make-directory (file-name-directory path) t)))
    (let ((document (plist-get change :textDocument)))
      (polypilot--edit-document (plist-get document :uri) (plist-get document :version)
                                (plist-get change :edits)))))

(defun polypilot--answer-apply-edit (id params)
  "Make the edit of PARAMS and answer the request ID."
  (let* ((edit (plist-get params :edit))
         (changes (plist-get edit :documentChanges))
         (why (condition-case err
                  (progn (mapc #'polypilot--apply-change changes) nil)
                (error (error-message-string err)))))
    (polypilot-answer-request
     id (if why
            (list :applied :json-false :failureReason why)
          (list :applied t)))))

(push '("workspace/applyEdit" . polypilot--answer-apply-edit) polypilot-request-functions)

(provide 'polypilot-document)
;;; polypilot-document.el ends here
