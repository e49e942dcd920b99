;;; polypilot-server.el --- The running server of Polypilot -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; One server for the whole of Emacs, whatever the folders.  It runs beside
;; eglot and lsp-mode, which are left to the language's own server.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-rpc)
(require 'polypilot-inbox)

(defvar polypilot--ready nil "Whether the server has answered to initialize.")
(defvar polypilot--capabilities nil "What the server says that it can.")
(defvar polypilot--stopping nil "Whether the server was told to end.")
(defvar polypilot--waiting nil "Functions to call, with a problem or nil, when it is ready.")
(defvar polypilot--folders nil "The URIs of the workspace folders that the server knows.")
(defvar polypilot--told-missing nil "Whether the user knows that the program is missing.")

(defvar polypilot-ready-hook nil "Run when the server is ready.")
(defvar polypilot-gone-hook nil "Run when the server has ended.")
(defvar polypilot-status-hook nil "Run when the status has changed.")

(defun polypilot-running-p ()
  "Whether the server answers."
  (and polypilot--ready (polypilot-rpc-live-p polypilot--rpc)))

;;; Starting and ending

(defun polypilot-root (path)
  "Return the workspace folder that PATH is in, or nil."
  (let ((root (locate-dominating-file
               path (lambda (folder)
                      (cl-some (lambda (name)
                                 (file-exists-p (expand-file-name name folder)))
                               polypilot-root-markers)))))
    (and root (directory-file-name (expand-file-name root)))))

(defun polypilot--folder (root)
  "Return ROOT as a workspace folder of the protocol."
  (list :uri (polypilot-uri root) :name (file-name-nondirectory root)))

(defun polypilot--initialize-params (root)
  "Return the parameters of initialize; ROOT is the first workspace folder, or nil."
  (list
   :processId (emacs-pid)
   :clientInfo (list :name "Emacs" :version emacs-version)
   :rootUri (and root (polypilot-uri root))
   :workspaceFolders (and root (vector (polypilot--folder root)))
   :initializationOptions (list :polypilot (polypilot--settings))
   :capabilities
   (list
    ;; A character of Emacs is one of UTF-32: nothing has to be converted.
    :general (list :positionEncodings ["utf-32"])
    :window (list :workDoneProgress t :showDocument (list :support t))
    :workspace (list :applyEdit t :configuration t :workspaceFolders t
                     :didChangeConfiguration (list :dynamicRegistration t)
                     :workspaceEdit (list :documentChanges t :resourceOperations ["create"]))
    :textDocument (list :synchronization (list :didSave t)
                        :inlineCompletion (list :dynamicRegistration :json-false))
    :experimental (list :polypilot (list :version 1 :completionGrew t :permission t)))))

(defun polypilot--release (problem)
  "Call what waits for the server, with PROBLEM or nil."
  (let ((waiting (nreverse polypilot--waiting)))
    (setq polypilot--waiting nil)
    (dolist (function waiting)
      (funcall function problem))))

(defun polypilot--start ()
  "Start the server."
  (let ((root (polypilot-root default-directory)))
    (setq polypilot--ready nil
          polypilot--stopping nil
          polypilot--folders (and root (list (polypilot-uri root)))
          polypilot--rpc
          (polypilot-rpc-start
           (append polypilot-command '("--stdio"))
           :log (polypilot-log-buffer)
           :environment polypilot-environment
           :on-request #'polypilot--on-request
           :on-notification #'polypilot--on-notification
           :on-gone #'polypilot--on-gone))
    (polypilot-rpc-request polypilot--rpc "initialize" (polypilot--initialize-params root)
                           #'polypilot--on-initialized)))

(defun polypilot--on-initialized (problem result)
  "Take RESULT, the answer to initialize, or PROBLEM."
  (let ((problem
         (or problem
             (unless (equal (plist-get (plist-get result :capabilities) :positionEncoding)
                            "utf-32")
               (list :message "the server doesn't count positions as Emacs does"
                     :cure "Upgrade polypilot, then M-x polypilot-restart")))))
    (cond
     (problem
      (polypilot--end)
      (polypilot--release problem))
     (t
      (setq polypilot--ready t
            polypilot--capabilities (plist-get result :capabilities))
      (polypilot-rpc-notify polypilot--rpc "initialized" nil)
      (run-hooks 'polypilot-ready-hook)
      (polypilot--release nil)))))

(defun polypilot--on-gone (why)
  "Take note that the server has ended; WHY is Emacs' word for it."
  (let ((problem (list :message (format "the server ended (%s)" why)
                       :code "gone"
                       :cure "M-x polypilot-restart starts it again, M-x polypilot-log shows why")))
    (setq polypilot--rpc nil polypilot--ready nil)
    (polypilot--release problem)
    (run-hooks 'polypilot-gone-hook)
    (unless polypilot--stopping
      (polypilot-report problem))))

(defun polypilot--end ()
  "Tell the server to end.  It has gone when its input has."
  (when (polypilot-rpc-live-p polypilot--rpc)
    (setq polypilot--stopping t)
    (let ((rpc polypilot--rpc))
      (polypilot-rpc-request rpc "shutdown" nil
                             (lambda (&rest _)
                               (polypilot-rpc-notify rpc "exit" nil))))))

(defun polypilot-ensure (callback)
  "Call CALLBACK, with a problem or nil, when the server is ready.
Start it if need be."
  (cond
   ((polypilot-running-p) (funcall callback nil))
   ((polypilot-rpc-live-p polypilot--rpc) (push callback polypilot--waiting))
   ((polypilot-program)
    (push callback polypilot--waiting)
    (condition-case err
        (polypilot--start)
      (error (polypilot--release (list :message (error-message-string err))))))
   (t (funcall callback (polypilot-missing)))))

(defun polypilot-start-quietly ()
  "Start the server for a buffer; that the program is missing is said once."
  (unless (polypilot-rpc-live-p polypilot--rpc)
    (if (or (polypilot-program) (not polypilot--told-missing))
        (polypilot-ensure
         (lambda (problem)
           (when (equal (plist-get problem :code) "missing")
             (setq polypilot--told-missing t)
             (polypilot-report problem)))))))

;;;###autoload
(defun polypilot-restart ()
  "Start the server, or end it and start it again."
  (interactive)
  (setq polypilot--told-missing nil)
  (let ((process (and polypilot--rpc (polypilot-rpc-process polypilot--rpc)))
        (start (lambda ()
                 (polypilot-ensure
                  (lambda (problem)
                    (if problem
                        (polypilot-report problem)
                      (polypilot-notify "the server is running")))))))
    (if (not (process-live-p process))
        (funcall start)
      (polypilot--end)
      (polypilot--when-ended process 60 start))))

(defun polypilot--when-ended (process patience callback)
  "Call CALLBACK when PROCESS has ended; at PATIENCE 0 it is killed."
  (cond
   ((not (process-live-p process)) (funcall callback))
   (t
    (when (<= patience 0)
      (delete-process process))
    (run-at-time 0.05 nil #'polypilot--when-ended process (1- patience) callback))))

(defun polypilot--kill-emacs ()
  "Let the server end properly when Emacs does: it is told, and its input closed."
  (when (polypilot-running-p)
    (polypilot--end)
    (polypilot-rpc-notify polypilot--rpc "exit" nil)))
(add-hook 'kill-emacs-hook #'polypilot--kill-emacs)

;;; Talking to it

(defun polypilot-send-notification (method params)
  "Send METHOD with PARAMS, if the server is ready."
  (when (polypilot-running-p)
    (polypilot-rpc-notify polypilot--rpc method params)))

(defun polypilot-request (method params callback)
  "Send METHOD with PARAMS when the server is ready, and start it if need be.
CALLBACK is called once, with a problem or nil, and the result.  PARAMS
may be a function, called when they are needed.  Return the request's
id, or nil while the server starts."
  (let (id)
    (polypilot-ensure
     (lambda (problem)
       (if problem
           (funcall callback problem nil)
         (setq id (polypilot-rpc-request
                   polypilot--rpc method
                   (if (functionp params) (funcall params) params)
                   callback)))))
    id))

(defun polypilot-request-or-report (method params callback)
  "Send METHOD with PARAMS as `polypilot-request' does; show a problem.
CALLBACK takes the result alone."
  (polypilot-request method params
                     (lambda (problem result)
                       (if problem
                           (polypilot-report problem)
                         (funcall callback result)))))

(defun polypilot-request-now (method params seconds)
  "Send METHOD with PARAMS and wait at most SECONDS for the result; else nil."
  (when (polypilot-running-p)
    (let* ((done nil) (result nil)
           (end (+ (float-time) seconds))
           (id (polypilot-rpc-request polypilot--rpc method params
                                      (lambda (_problem value)
                                        (setq done t result value)))))
      (while (and (not done) (polypilot-running-p) (< (float-time) end)
                  (not (input-pending-p)))
        (accept-process-output (polypilot-rpc-process polypilot--rpc) 0.05))
      (unless done
        (polypilot-cancel id))
      result)))

(defun polypilot-cancel (id)
  "Say that the answer to request ID is not needed any more."
  (when (and id (polypilot-running-p))
    (polypilot-rpc-cancel polypilot--rpc id)))

(defun polypilot-add-folder (root)
  "Tell the server of the workspace folder ROOT, once."
  (let ((uri (polypilot-uri root)))
    (unless (member uri polypilot--folders)
      (push uri polypilot--folders)
      (polypilot-send-notification
       "workspace/didChangeWorkspaceFolders"
       (list :event (list :added (vector (polypilot--folder root)) :removed []))))))

(defun polypilot-refresh ()
  "Tell the server that its settings, or the keys it can read, may have changed."
  (polypilot-send-notification
   "workspace/didChangeConfiguration"
   (list :settings (list :polypilot (polypilot--settings)))))

(provide 'polypilot-server)
;;; polypilot-server.el ends here
