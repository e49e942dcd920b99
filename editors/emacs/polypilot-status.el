;;; polypilot-status.el --- What Polypilot's server says of itself -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; For the mode line, and once for each distinct error.

;;; Code:

(require 'polypilot-core)
(require 'polypilot-server)

(defvar polypilot--status nil "The last status, as in docs/protocol.md.")
(defvar polypilot--paused nil "Whether automatic suggestions are off everywhere.")
(defvar polypilot--told nil "The errors and notices that the user has seen.")

(declare-function polypilot-leave "polypilot-suggest" ())

(defconst polypilot--state-words
  '(("starting" . "starting") ("paused" . "paused") ("needsKey" . "needs a key")
    ("needsModel" . "needs a model") ("error" . "error"))
  "States as they are called on screen.")

(defun polypilot-paused-p ()
  "Whether automatic suggestions are off everywhere."
  polypilot--paused)

(defun polypilot--once (text)
  "Show TEXT, if it wasn't before."
  (when (and polypilot-notify (not (member text polypilot--told)))
    (push text polypilot--told)
    (polypilot-notify text)))

(defun polypilot--take-status (params)
  "Take PARAMS, the server's status."
  (setq polypilot--status params
        polypilot--paused (polypilot-true-p (plist-get params :paused)))
  (let ((problem (plist-get params :error)))
    (when (plist-get problem :message)
      (polypilot--once (polypilot-describe problem))))
  (mapc #'polypilot--once (plist-get params :notices))
  (polypilot--status-changed))
(push '("polypilot/status" . polypilot--take-status) polypilot-notification-functions)

(defun polypilot--status-changed ()
  "The status is another one."
  (run-hooks 'polypilot-status-hook)
  (force-mode-line-update t))

(defun polypilot--status-gone ()
  "The server has ended."
  (setq polypilot--status nil)
  (polypilot--status-changed))
(add-hook 'polypilot-gone-hook #'polypilot--status-gone)

(defun polypilot-status ()
  "Return the server's last status, a plist as in docs/protocol.md, or nil."
  polypilot--status)

(defun polypilot--target (row)
  "Return provider and model of ROW in words."
  (cond
   ((not (polypilot-set-p (plist-get row :provider))) "none")
   ((polypilot-set-p (plist-get row :model))
    (format "%s / %s" (plist-get row :provider) (plist-get row :model)))
   (t (plist-get row :provider))))

(defun polypilot-mode-line ()
  "Return a short text for the mode line, without a server an empty one."
  (if (null polypilot--status)
      ""
    (let* ((state (plist-get polypilot--status :state))
           (target (plist-get polypilot--status :completion))
           (text (or (cdr (assoc state polypilot--state-words))
                     (and polypilot--paused "paused")
                     (plist-get target :model) (plist-get target :provider) state "")))
      (concat " polypilot:"
              (replace-regexp-in-string "%" "%%" (polypilot-clean text))
              (if (equal state "busy") "…" "")))))

(defun polypilot--status-lines ()
  "Return the status as lines for people."
  (let* ((status polypilot--status)
         (state (plist-get status :state))
         (problem (plist-get status :error))
         (row (lambda (label value)
                (and value (list (format "%-12s %s" label value))))))
    (append
     (funcall row "state" (or (cdr (assoc state polypilot--state-words)) state))
     (funcall row "completion" (concat (polypilot--target (plist-get status :completion))
                                       (if polypilot--paused " (paused)" "")))
     (funcall row "chat" (polypilot--target (plist-get status :chat)))
     (funcall row "workspace" (if (polypilot-true-p (plist-get status :trusted))
                                  "trusted" "not trusted"))
     (funcall row "keyring" (plist-get status :keyring))
     (funcall row "redactions" (plist-get status :redactions))
     (funcall row "error" (plist-get problem :message))
     (funcall row "cure" (plist-get problem :cure))
     (mapcan (lambda (notice) (funcall row "note" notice))
             (append (plist-get status :notices) nil)))))

(defun polypilot-show-lines (name lines)
  "Show LINES in a buffer called NAME, which `q' buries."
  (with-current-buffer (get-buffer-create name)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert (polypilot-clean (string-join lines "\n")) "\n")
      (goto-char (point-min)))
    (special-mode)
    (display-buffer (current-buffer))))

;;;###autoload
(defun polypilot-show-status ()
  "Show provider, model and state."
  (interactive)
  (if (not (polypilot-running-p))
      (polypilot-notify (concat "no server is running\n"
                                (if (polypilot-program) "M-x polypilot-restart starts it"
                                  polypilot-install-hint)))
    (polypilot-request-or-report
     "polypilot/status" nil
     (lambda (result)
       (polypilot--take-status result)
       (polypilot-show-lines "*polypilot-status*" (polypilot--status-lines))))))

;;;###autoload
(defun polypilot-pause (&optional paused)
  "Switch automatic suggestions off everywhere, or on again.
PAUSED, for use from Lisp, is `on' to pause and `off' to go on."
  (interactive)
  (let* ((paused (pcase paused ('on t) ('off nil) (_ (not polypilot--paused))))
         (done (lambda (now)
                 (setq polypilot--paused now)
                 (when now
                   (polypilot-leave))
                 (polypilot-notify (if now "suggestions are paused" "suggestions are on"))
                 (polypilot--status-changed))))
    (if (not (polypilot-running-p))
        (funcall done paused)
      (polypilot-request-or-report
       "polypilot/pause" (list :paused (if paused t :json-false))
       (lambda (result)
         (funcall done (polypilot-true-p (plist-get result :paused))))))))

(defun polypilot--check-lines (rows)
  "Return ROWS, the answer of the doctor, as lines."
  (mapcan (lambda (row)
            (let ((ok (plist-get row :ok)) (cure (plist-get row :cure)))
              (cons (format "%s %s: %s"
                            (pcase ok ('t "✓") (:json-false "✗") (_ "?"))
                            (plist-get row :check) (or (plist-get row :detail) ""))
                    (and cure (not (eq ok t)) (list (concat "  → " cure))))))
          (append rows nil)))

;;;###autoload
(defun polypilot-doctor ()
  "Check each link, and show what cures those that are broken."
  (interactive)
  (if (null (polypilot-program))
      (polypilot-report (polypilot-missing))
    (polypilot-request-or-report
     "polypilot/doctor" nil
     (lambda (rows)
       (polypilot-show-lines "*polypilot-doctor*" (polypilot--check-lines rows))))))

;;;###autoload
(defun polypilot-log ()
  "Show the server's log."
  (interactive)
  (pop-to-buffer (polypilot-log-buffer))
  (goto-char (point-max)))

;;;###autoload
(defun polypilot-trust (folder &optional distrust)
  "Trust what the workspace FOLDER asks of Polypilot.
With prefix, DISTRUST it again."
  (interactive (list (read-directory-name "Workspace folder: "
                                          (polypilot-root default-directory) nil t)
                     current-prefix-arg))
  (let ((folder (directory-file-name (expand-file-name folder))))
    (when (or distrust
              (yes-or-no-p (format "Trust what %s asks of Polypilot? " (polypilot-clean folder))))
      (polypilot-request-or-report
       "polypilot/trust"
       (list :uri (polypilot-uri folder) :trusted (if distrust :json-false t))
       (lambda (result)
         (let ((trusted (polypilot-true-p (plist-get result :trusted))))
           (polypilot-notify
            (string-join
             (cons (concat (if trusted "trusted: " "not trusted: ") folder)
                   (mapcar (lambda (each)
                             (concat (if trusted "it may: " "it asks for: ")
                                     (if (stringp each) each (format "%S" each))))
                           (plist-get result :pending)))
             "\n"))))))))

(provide 'polypilot-status)
;;; polypilot-status.el ends here
