;;; polypilot-rpc.el --- The wire of Polypilot's language server -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; JSON-RPC over a program's standard input and output, framed as LSP frames
;; it.  Emacs' own jsonrpc library wants the answer to a request of the server
;; before its handler returns; whether a tool may run is answered by a person,
;; later.  And it keeps a log of all messages, which hold the user's code.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'polypilot-core)

(cl-defstruct (polypilot-rpc (:constructor polypilot-rpc--make) (:copier nil))
  "A connection to the server."
  process
  (last-id 0)
  (calls (make-hash-table))
  on-request on-notification on-gone)

(defconst polypilot-rpc--native (and (fboundp 'json-available-p) (json-available-p))
  "Whether this Emacs has the fast functions for JSON.")

(defun polypilot-rpc--parse (bytes)
  "Return the message in BYTES: plists, vectors, nil for null."
  (let ((text (decode-coding-string bytes 'utf-8)))
    (if polypilot-rpc--native
        (json-parse-string text :object-type 'plist :null-object nil :false-object :json-false)
      (let ((json-object-type 'plist) (json-array-type 'vector)
            (json-false :json-false) (json-null nil))
        (json-read-from-string text)))))

(defun polypilot-rpc--serialize (message)
  "Return MESSAGE as bytes."
  (if polypilot-rpc--native
      (encode-coding-string
       (json-serialize message :null-object nil :false-object :json-false) 'utf-8)
    (let ((json-false :json-false) (json-null nil))
      (encode-coding-string (json-encode message) 'utf-8))))

(defun polypilot-rpc-empty ()
  "Return what is sent as an empty JSON object."
  (make-hash-table))

(defun polypilot-rpc-text (text)
  "Return TEXT, each byte in it that is no text replaced.  JSON can't hold those."
  (let ((text (substring-no-properties text)))
    (if (string-match-p "[^\0-\x10ffff]" text)
        (replace-regexp-in-string "[^\0-\x10ffff]" "\ufffd" text t t)
      text)))

(cl-defun polypilot-rpc-start (command &key log environment on-request on-notification on-gone)
  "Start COMMAND, a list of strings, and return the connection to it.
LOG is a buffer for its standard error, ENVIRONMENT what is added to the
environment.  ON-REQUEST is called with an id, a method and parameters,
ON-NOTIFICATION with a method and parameters, ON-GONE with the reason."
  (let* ((rpc (polypilot-rpc--make :on-request on-request :on-notification on-notification
                                   :on-gone on-gone))
         (process-environment (append environment process-environment))
         ;; Where the user happens to be may vanish, or be on another machine.
         (default-directory (expand-file-name "~/"))
         (buffer (generate-new-buffer " *polypilot-wire*" t))
         (errors (make-pipe-process :name "polypilot-stderr" :buffer log :noquery t
                                    :coding 'utf-8-unix :sentinel #'ignore
                                    :filter #'polypilot-rpc--log)))
    (with-current-buffer buffer
      (set-buffer-multibyte nil)
      (buffer-disable-undo))
    (setf (polypilot-rpc-process rpc)
          (make-process :name "polypilot" :command command :buffer buffer
                        :connection-type 'pipe :coding 'no-conversion :noquery t
                        :stderr errors
                        :filter (lambda (_ bytes) (polypilot-rpc--receive rpc bytes))
                        :sentinel (lambda (process event)
                                    (unless (process-live-p process)
                                      (when (process-live-p errors)
                                        (accept-process-output errors 0))
                                      (delete-process errors)
                                      (polypilot-rpc--gone rpc event)))))
    rpc))

(defun polypilot-rpc--log (process text)
  "Append TEXT to the buffer of PROCESS, which is kept from growing for ever."
  (let ((buffer (process-buffer process)))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (let ((inhibit-read-only t))
          (save-excursion
            (goto-char (point-max))
            (insert (polypilot-clean text))
            (when (> (buffer-size) 1000000)
              (delete-region (point-min) (- (point-max) 500000)))))))))

(defun polypilot-rpc-live-p (rpc)
  "Whether RPC can still be talked to."
  (and rpc (process-live-p (polypilot-rpc-process rpc))))

(defun polypilot-rpc--gone (rpc event)
  "Answer what waits for the program behind RPC, which has ended as in EVENT."
  (let ((calls (hash-table-values (polypilot-rpc-calls rpc)))
        (buffer (process-buffer (polypilot-rpc-process rpc))))
    (clrhash (polypilot-rpc-calls rpc))
    (when (buffer-live-p buffer)
      (kill-buffer buffer))
    (polypilot-rpc--guarded (polypilot-rpc-on-gone rpc) (string-trim event))
    (dolist (call calls)
      (polypilot-rpc--guarded call (list :message "the server has gone" :code "gone") nil))))

(defun polypilot-rpc--guarded (function &rest arguments)
  "Call FUNCTION with ARGUMENTS; its error must not end the reading of messages."
  (when function
    (condition-case err
        (save-current-buffer (apply function arguments))
      (error (polypilot-notify (error-message-string err))))))

(defun polypilot-rpc--receive (rpc bytes)
  "BYTES have come from the program behind RPC: handle the messages that are whole."
  (let ((buffer (process-buffer (polypilot-rpc-process rpc))) message)
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (goto-char (point-max))
        (insert bytes))
      ;; A handler may wait for an answer, which comes here while it does.
      (while (setq message (polypilot-rpc--next buffer))
        (polypilot-rpc--dispatch rpc (polypilot-rpc--parse message))))))

(defun polypilot-rpc--next (buffer)
  "Take the first whole message out of BUFFER and return its bytes, or nil."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (goto-char (point-min))
      (when (search-forward "\r\n\r\n" nil t)
        (let* ((start (point))
               (length (progn
                         (goto-char (point-min))
                         (let ((case-fold-search t))
                           (re-search-forward "^content-length: *\\([0-9]+\\)" start))
                         (string-to-number (match-string 1))))
               (end (+ start length)))
          (when (<= end (point-max))
            (prog1 (buffer-substring-no-properties start end)
              (delete-region (point-min) end))))))))

(defun polypilot-rpc--dispatch (rpc message)
  "Hand MESSAGE of RPC to whom it is for."
  (let ((id (plist-get message :id)) (method (plist-get message :method)))
    (cond
     ((and method id)
      (polypilot-rpc--guarded (polypilot-rpc-on-request rpc) id method
                              (plist-get message :params)))
     (method
      (polypilot-rpc--guarded (polypilot-rpc-on-notification rpc) method
                              (plist-get message :params)))
     (t
      (let ((call (gethash id (polypilot-rpc-calls rpc)))
            (err (plist-get message :error)))
        (remhash id (polypilot-rpc-calls rpc))
        (polypilot-rpc--guarded call (and err (polypilot-problem err))
                                (plist-get message :result)))))))

(defun polypilot-rpc--send (rpc message)
  "Send MESSAGE, a plist, over RPC; a program that has gone is no error."
  (when (polypilot-rpc-live-p rpc)
    (let ((body (polypilot-rpc--serialize (append '(:jsonrpc "2.0") message))))
      (condition-case nil
          (process-send-string
           (polypilot-rpc-process rpc)
           (concat (format "Content-Length: %d\r\n\r\n" (length body)) body))
        (error nil)))))

(defun polypilot-rpc-notify (rpc method params)
  "Send the notification METHOD with PARAMS over RPC."
  (polypilot-rpc--send rpc (list :method method :params (or params (polypilot-rpc-empty)))))

(defun polypilot-rpc-request (rpc method params callback)
  "Send the request METHOD with PARAMS over RPC and return its id.
CALLBACK is called once, with a problem or nil, and the result."
  (let ((id (cl-incf (polypilot-rpc-last-id rpc))))
    (puthash id callback (polypilot-rpc-calls rpc))
    (polypilot-rpc--send
     rpc (list :id id :method method :params (or params (polypilot-rpc-empty))))
    id))

(defun polypilot-rpc-cancel (rpc id)
  "Tell the server behind RPC that the answer to the request ID is not needed."
  (when (gethash id (polypilot-rpc-calls rpc))
    (polypilot-rpc-notify rpc "$/cancelRequest" (list :id id))))

(defun polypilot-rpc-reply (rpc id result)
  "Answer the server's request ID over RPC with RESULT."
  (polypilot-rpc--send rpc (list :id id :result result)))

(defun polypilot-rpc-refuse (rpc id code message)
  "Answer the server's request ID over RPC with an error of CODE and MESSAGE."
  (polypilot-rpc--send rpc (list :id id :error (list :code code :message message))))

(provide 'polypilot-rpc)
;;; polypilot-rpc.el ends here
