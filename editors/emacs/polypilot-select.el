;;; polypilot-select.el --- Providers, models and keys -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Chooses a provider and a model; the server saves the choice.  A key goes to
;; the program `polypilot auth set', over its standard input: it is in no
;; variable, no argument, no history, and never on the server's wire.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)

(defun polypilot--later (function &rest arguments)
  "Call FUNCTION with ARGUMENTS soon, and not in the process filter."
  (apply #'run-at-time 0 nil
         (lambda (&rest arguments) (with-local-quit (apply function arguments)))
         arguments))

(defun polypilot--provider-label (row)
  "Return the provider ROW as it is listed."
  (let ((local (polypilot-true-p (plist-get row :local)))
        (selected (append (plist-get row :selectedFor) nil))
        (stored (plist-get row :keyStored)))
    (string-join
     (delq nil
           (list (or (plist-get row :name) (plist-get row :id))
                 (cond (local "on this machine")
                       ((eq stored t) "key stored")
                       ((polypilot--needs-key-p row) "needs a key"))
                 (and (not local) (polypilot-true-p (plist-get row :free)) "free")
                 (and selected (concat "selected for " (string-join selected " and ")))))
     " · ")))

(defun polypilot--needs-key-p (row)
  "Whether the provider ROW has no key yet and needs one."
  (and (equal (plist-get row :auth) "keyring") (eq (plist-get row :keyStored) :json-false)))

(defun polypilot--model-label (row)
  "Return the model ROW as it is listed."
  (string-join
   (delq nil
         (list (plist-get row :id)
               (and (polypilot-set-p (plist-get row :name))
                    (not (equal (plist-get row :name) (plist-get row :id)))
                    (plist-get row :name))
               (and (plist-get row :contextTokens)
                    (format "%d tokens" (plist-get row :contextTokens)))
               (and (plist-get row :shutdownDate)
                    (concat "until " (plist-get row :shutdownDate)))
               (and (polypilot-true-p (plist-get row :default)) "default")))
   " · "))

(defun polypilot--choose-provider (prompt callback &optional filter)
  "Ask with PROMPT for a provider that passes FILTER, and call CALLBACK."
  (polypilot-request-or-report
   "polypilot/providers" nil
   (lambda (rows)
     (let ((rows (append rows nil)))
       (polypilot--later
        (lambda ()
          (funcall callback
                   (polypilot-choose prompt
                                     (if filter (cl-remove-if-not filter rows) rows)
                                     #'polypilot--provider-label))))))))

(defun polypilot--choose-model-of (provider callback)
  "Ask for a model of PROVIDER and call CALLBACK with both; nil is its own choice."
  (polypilot-request-or-report
   "polypilot/models" (list :provider provider)
   (lambda (rows)
     (if (= (length rows) 0)
         (funcall callback provider nil)
       (polypilot--later
        (lambda ()
          (let ((row (polypilot-choose "Model: " (append rows nil) #'polypilot--model-label)))
            (funcall callback provider (plist-get row :id)))))))))

(defun polypilot--with-key (row callback)
  "Call CALLBACK when the provider ROW has its key, which is asked for if need be."
  (if (not (polypilot--needs-key-p row))
      (funcall callback)
    (when (plist-get row :keyPage)
      (polypilot-notify (format "keys for %s: %s" (plist-get row :name)
                                (plist-get row :keyPage))))
    (polypilot--ask-key (plist-get row :id) callback (plist-get row :account))))

(defun polypilot--choose-model (callback)
  "Ask for a provider and a model, and call CALLBACK with both."
  (polypilot--choose-provider
   "Provider: "
   (lambda (row)
     (polypilot--with-key
      row (lambda () (polypilot--choose-model-of (plist-get row :id) callback))))))

;;;###autoload
(defun polypilot-select (purpose)
  "Choose a provider and a model for PURPOSE: completion, chat or both."
  (interactive (list (completing-read "Choose for: " '("both" "completion" "chat") nil t)))
  (polypilot--choose-model
   (lambda (provider model)
     (polypilot-request-or-report
      "polypilot/select"
      (append (list :for purpose :provider provider) (and model (list :model model)))
      (lambda (result)
        (polypilot-notify
         (concat (if (equal purpose "both") "completion and chat" purpose) ": "
                 (plist-get result :provider)
                 (and (polypilot-set-p (plist-get result :model))
                      (concat " / " (plist-get result :model)))
                 (and (plist-get result :warning)
                      (concat "\n" (plist-get result :warning))))))))))

;;; Keys

(defun polypilot--store-key (provider key account callback)
  "Hand KEY for PROVIDER, and its ACCOUNT if it has a name, to the program.
Call CALLBACK if it was stored.  KEY is overwritten."
  (let* ((output (generate-new-buffer " *polypilot-auth*" t))
         (process-environment (append polypilot-environment process-environment))
         (default-directory (expand-file-name "~/"))
         (process
          (make-process
           :name "polypilot-auth" :buffer output :connection-type 'pipe :noquery t
           :coding 'utf-8-unix
           :command (append polypilot-command
                            (list "auth" "set" provider "--stdin")
                            (and account (list "--account" account)))
           :sentinel
           (lambda (process _event)
             (unless (process-live-p process)
               (let ((code (process-exit-status process))
                     (text (with-current-buffer output
                             ;; The program doesn't repeat the key; if a wrapper did, it
                             ;; still isn't shown.
                             (string-trim (string-replace key "…" (buffer-string))))))
                 (clear-string key)
                 (kill-buffer output)
                 (if (/= code 0)
                     (polypilot-notify (format "the key for %s was not stored: %s"
                                               provider text))
                   (polypilot-notify (if (string-empty-p text)
                                         (format "the key for %s is stored" provider)
                                       text))
                   (polypilot-refresh)
                   (funcall callback))))))))
    (condition-case nil
        (progn
          (process-send-string process key)
          (process-send-string process "\n")
          (process-send-eof process))
      ;; It has ended; its sentinel says why.
      (error nil))))

(defun polypilot--ask-key (provider &optional callback account)
  "Ask for the key of PROVIDER and store it; then call CALLBACK.
ACCOUNT is the key's name, where the user has several."
  (cond
   ((null (polypilot-program)) (polypilot-report (polypilot-missing)))
   ((not (string-match-p "\\`[[:alnum:]][[:alnum:]._-]*\\'" provider))
    (polypilot-notify "give a provider's id only; the key is asked for and not shown"))
   (t
    (let ((key (read-passwd (format "Key for %s (not shown): " provider))))
      (if (string-blank-p key)
          (polypilot-notify "no key was entered; nothing has changed")
        (let ((trimmed (string-trim key)))
          (unless (eq trimmed key)
            (clear-string key))
          (polypilot--store-key provider trimmed account (or callback #'ignore))))))))

;;;###autoload
(defun polypilot-auth ()
  "Store a provider's key in the keyring."
  (interactive)
  (polypilot--choose-provider
   "Key for: "
   (lambda (row) (polypilot--ask-key (plist-get row :id) nil (plist-get row :account)))
   (lambda (row) (equal (plist-get row :auth) "keyring"))))

(provide 'polypilot-select)
;;; polypilot-select.el ends here
