;;; init.el --- Emacs in the tests -*- lexical-binding: t; -*-

;;; Commentary:

;; The package from the tree, and a door for the test: it sends a form in a
;; line, and gets what it is worth as a line of JSON.

;;; Code:

(setq inhibit-startup-screen t
      initial-scratch-message nil
      make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      enable-local-variables :safe
      use-short-answers t
      ;; Looking for a shorter name, Emacs 28 loses keys that come meanwhile.
      suggest-key-bindings nil
      extended-command-suggest-shorter nil
      ring-bell-function #'ignore)
(menu-bar-mode -1)
(setq debug-on-error (getenv "POLYPILOT_TEST_DEBUG"))
(add-to-list 'load-path (getenv "POLYPILOT_EMACS_PACKAGE"))
(require 'json)
(require 'polypilot)

(defvar test-messages nil "What was shown to the user, last first.")
(defun test-note (text)
  "Remember TEXT."
  (push text test-messages))
(advice-add 'polypilot-notify :before #'test-note)

(setq polypilot-command (append (json-parse-string (getenv "POLYPILOT_EMACS_COMMAND")) nil)
      polypilot-root-markers '("root-of-the-test"))

(defun test-ghost ()
  "Return the suggestion as it is drawn in the selected window, without what is in the buffer."
  (with-current-buffer (window-buffer (selected-window))
    (if (not polypilot--overlay)
        ""
      ;; Without the blank that the cursor is drawn at.
      (string-remove-prefix
       " \n" (replace-regexp-in-string
              "\\` \n" " \n\n"
              (substring-no-properties (or (overlay-get polypilot--overlay 'after-string)
                                           (overlay-get polypilot--overlay 'display))))))))

(defun test-text (&optional buffer)
  "Return the text of BUFFER, or of the selected window's."
  (with-current-buffer (or buffer (window-buffer (selected-window)))
    (save-restriction
      (widen)
      (buffer-substring-no-properties (point-min) (point-max)))))

(defun test-transcript ()
  "Return the transcript's text."
  (test-text (polypilot-transcript)))

(defun test--answer (process line)
  "Evaluate LINE for PROCESS and answer."
  (let* ((answer
          (condition-case err
              (with-current-buffer (window-buffer (selected-window))
                (list :value (eval (read line) t)))
            (error (list :error (error-message-string err)))))
         (text (condition-case nil
                   (let ((json-false :json-false)) (json-encode answer))
                 (error "{\"value\": null}"))))
    (process-send-string process (concat (encode-coding-string text 'utf-8) "\n"))))

(defun test--filter (process bytes)
  "Take BYTES of PROCESS."
  (let ((text (concat (process-get process 'rest) bytes)))
    (while (string-match "\n" text)
      (let ((line (decode-coding-string (substring text 0 (match-beginning 0)) 'utf-8)))
        (setq text (substring text (match-end 0)))
        (test--answer process line)))
    (process-put process 'rest text)))

(make-network-process :name "test" :server t :family 'local :noquery t
                      :coding 'no-conversion
                      :service (getenv "POLYPILOT_TEST_DOOR")
                      :filter #'test--filter)
;;; init.el ends here
