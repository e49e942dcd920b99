;;; polypilot-inbox.el --- What Polypilot's server sends -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Its notifications and requests, each handed to the function that is for it.

;;; Code:

(require 'polypilot-core)
(require 'polypilot-rpc)

(defvar polypilot--rpc nil "The connection to the server, or nil.")

(defvar polypilot-notification-functions nil
  "Alist of a notification's method and the function that takes its parameters.")
(defvar polypilot-request-functions nil
  "Alist of a request's method and its function, of id and parameters.
The function sees to it that `polypilot-rpc-reply' is called.")

(defconst polypilot-log-buffer "*polypilot-log*" "The name of the buffer of the server's log.")

(defun polypilot-log-buffer ()
  "Return the buffer of the server's log."
  (with-current-buffer (get-buffer-create polypilot-log-buffer)
    (unless (derived-mode-p 'special-mode)
      (special-mode)
      (buffer-disable-undo))
    (current-buffer)))

(defun polypilot--settings ()
  "Return the settings as they are sent."
  (or polypilot-settings (polypilot-rpc-empty)))

(defun polypilot--on-notification (method params)
  "Take the server's notification METHOD with PARAMS."
  (let ((function (cdr (assoc method polypilot-notification-functions))))
    (when function
      (funcall function params))))

(defun polypilot--on-request (id method params)
  "Take the server's request METHOD with PARAMS and ID."
  (let ((function (cdr (assoc method polypilot-request-functions)))
        (rpc polypilot--rpc))
    (if (null function)
        (polypilot-rpc-refuse rpc id -32601 (format "no such method: %s" method))
      (condition-case err
          (funcall function id params)
        (error
         (polypilot-rpc-refuse rpc id -32603 (error-message-string err)))))))

(defun polypilot-answer-request (id result)
  "Answer the server's request ID with RESULT."
  (when polypilot--rpc
    (polypilot-rpc-reply polypilot--rpc id result)))

(defun polypilot--answer-nothing (id _params)
  "Answer the request ID with null."
  (polypilot-answer-request id nil))

(defun polypilot--answer-configuration (id params)
  "Answer the request ID for the sections that PARAMS names."
  (polypilot-answer-request
   id (vconcat (mapcar (lambda (item)
                         (and (equal (plist-get item :section) "polypilot")
                              (polypilot--settings)))
                       (plist-get params :items)))))

(defun polypilot--answer-show-document (id params)
  "Show the document that PARAMS names, and answer the request ID."
  (let* ((path (polypilot-path (plist-get params :uri)))
         (shown (and path (file-exists-p path)
                     (display-buffer (find-file-noselect path)))))
    (polypilot-answer-request id (list :success (if shown t :json-false)))))

(defun polypilot--answer-message (id params)
  "Put the question of PARAMS to the user and answer the request ID."
  (let ((actions (append (plist-get params :actions) nil)))
    ;; Not in the process filter: the user may take their time.
    (run-at-time
     0 nil
     (lambda ()
       (let ((chosen (with-local-quit
                       (polypilot-choose
                        (concat (polypilot-clean (plist-get params :message)) " ")
                        actions (lambda (action) (plist-get action :title))))))
         (polypilot-answer-request id chosen))))))

(setq polypilot-request-functions
      '(("client/registerCapability" . polypilot--answer-nothing)
        ("client/unregisterCapability" . polypilot--answer-nothing)
        ("window/workDoneProgress/create" . polypilot--answer-nothing)
        ("workspace/configuration" . polypilot--answer-configuration)
        ("window/showDocument" . polypilot--answer-show-document)
        ("window/showMessageRequest" . polypilot--answer-message)))

(defun polypilot--show-message (params)
  "Show the message of PARAMS."
  (polypilot-notify (plist-get params :message)))

(defun polypilot--log-message (params)
  "Put the message of PARAMS into the log."
  (with-current-buffer (polypilot-log-buffer)
    (let ((inhibit-read-only t))
      (save-excursion
        (goto-char (point-max))
        (insert (polypilot-clean (plist-get params :message)) "\n")))))

(setq polypilot-notification-functions
      '(("window/showMessage" . polypilot--show-message)
        ("window/logMessage" . polypilot--log-message)))

(provide 'polypilot-inbox)
;;; polypilot-inbox.el ends here
