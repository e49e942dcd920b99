;;; polypilot-chat.el --- Chat with a model -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Two windows: the transcript, and below it the prompt, which is an ordinary
;; buffer to write in.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-document)
(require 'polypilot-transcript)
(require 'polypilot-edits)
(require 'polypilot-answer)
(require 'polypilot-session)
(require 'polypilot-prompt)
(require 'polypilot-windows)
(require 'polypilot-permission)

(declare-function polypilot-chat-retry "polypilot-conversation" ())
(declare-function polypilot-chat-edit "polypilot-conversation" ())

(let ((map polypilot-prompt-mode-map))
  (define-key map (kbd "C-c C-c") #'polypilot-send)
  (define-key map (kbd "TAB") #'completion-at-point)
  (define-key map (kbd "C-M-i") #'completion-at-point)
  (define-key map (kbd "C-c C-k") #'polypilot-stop)
  (define-key map (kbd "C-c C-n") #'polypilot-chat-new)
  (define-key map (kbd "C-c C-q") #'polypilot-chat-close)
  (define-key map (kbd "C-c C-y") #'polypilot-answer)
  (define-key map (kbd "C-c C-a") #'polypilot-accept-edit))

(let ((map polypilot-transcript-mode-map))
  (define-key map (kbd "TAB") #'forward-button)
  (define-key map (kbd "<backtab>") #'backward-button)
  (define-key map "a" #'polypilot-accept-edit)
  (define-key map "h" #'polypilot-accept-hunk)
  (define-key map "x" #'polypilot-reject-edit)
  (define-key map "k" #'polypilot-stop)
  (define-key map "n" #'polypilot-chat-new)
  (define-key map "y" #'polypilot-answer)
  (define-key map "r" #'polypilot-chat-retry)
  (define-key map "e" #'polypilot-chat-edit)
  (define-key map "i" #'polypilot-chat)
  (define-key map "q" #'polypilot-chat-close))

;;; Windows

;;;###autoload
(defun polypilot-chat ()
  "Open the chat, and send the active region with the next message."
  (interactive)
  (polypilot--add-attachment (polypilot--region-attachment))
  (let* ((transcript (display-buffer (polypilot-transcript) polypilot-chat-display-action))
         (prompt (or (get-buffer-window (polypilot--prompt))
                     (with-selected-window transcript
                       (display-buffer
                        (polypilot--prompt)
                        `((display-buffer-below-selected)
                          (window-height . ,polypilot-chat-prompt-height)))))))
    (set-window-dedicated-p prompt t)
    (select-window prompt)
    (polypilot--show-titles)))

(defun polypilot-chat-close ()
  "Close the chat's windows; the conversation stays."
  (interactive)
  (dolist (name (list polypilot-prompt-buffer polypilot-transcript-buffer))
    (let ((window (get-buffer-window name)))
      (when window
        (quit-window nil window)
        ;; The window may stay if it showed something before.
        (when (and (window-live-p window)
                   (equal (buffer-name (window-buffer window)) name)
                   (not (one-window-p)))
          (delete-window window))))))

;;;###autoload
(defun polypilot-attach ()
  "Send the region, or else the buffer, with the next message of the chat."
  (interactive)
  (let ((attachment (or (polypilot--region-attachment)
                        (make-polypilot-attachment :buffer (current-buffer)
                                                   :label (polypilot--buffer-label)))))
    (polypilot--add-attachment attachment)
    (polypilot-notify (concat "goes with the next message: "
                              (polypilot-attachment-label attachment)))))

;;; Asking

(defun polypilot--parameters (turn text)
  "Return what is sent for TURN, with TEXT."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (polypilot-document-flush)))
  (let ((context (delq nil (mapcar #'polypilot--attached polypilot--attachments)))
        (scene (polypilot--scene)))
    (prog1 (append
            (list :text text :partialResultToken (polypilot-turn-token turn))
            (and polypilot--session (list :sessionId polypilot--session))
            (and polypilot--replaces (list :replaces polypilot--replaces))
            (and context (list :context (vconcat context)))
            (and scene (list :scene scene))
            (unless polypilot--session
              (cl-loop for key in '(:provider :model :effort :mode)
                       for value = (plist-get polypilot--chosen key)
                       when value append (list key value))))
      (setq polypilot--attachments nil polypilot--replaces nil)
      (polypilot--show-titles))))

(defun polypilot--busy-error ()
  "Signal an error if an answer is being written."
  (when polypilot--turn
    (user-error "An answer is still being written; M-x polypilot-stop ends it")))

(defun polypilot-send-text (text)
  "Send TEXT and write the answer to the transcript.
It may be empty only where an answer is to be given again."
  (polypilot--busy-error)
  (unless (and (string-blank-p text) (not polypilot--replaces))
    (let ((turn (make-polypilot-turn :token (format "polypilot-chat-%d"
                                                    (cl-incf polypilot--turns)))))
      (setq polypilot--turn turn)
      (unless (string-empty-p text)
        (polypilot-put-heading "You" text))
      (polypilot--follow)
      (polypilot--show-titles)
      (polypilot-ensure
       (lambda (problem)
         (cond
          ((not (eq turn polypilot--turn)))
          (problem (polypilot--finish turn problem nil))
          (t
           (setf (polypilot-turn-id turn)
                 (polypilot-rpc-request
                  polypilot--rpc "polypilot/chat/send" (polypilot--parameters turn text)
                  (lambda (problem result) (polypilot--finish turn problem result)))))))))))

(defun polypilot--on-progress (params)
  "Take the progress PARAMS, if it is of the answer that is being written."
  (let ((turn polypilot--turn))
    (when (and turn (equal (plist-get params :token) (polypilot-turn-token turn)))
      (polypilot-take-delta turn (plist-get params :value))
      (setq polypilot--session (or (polypilot-turn-session turn) polypilot--session)
            polypilot--question (or (polypilot-turn-question turn) polypilot--question)
            polypilot--answered (or (polypilot-turn-message turn) polypilot--answered))
      (let ((title (polypilot-turn-title turn)))
        (unless (equal title (plist-get polypilot--chosen :title))
          (setq polypilot--chosen (plist-put polypilot--chosen :title title))
          (polypilot--show-titles))))))
(push '("$/progress" . polypilot--on-progress) polypilot-notification-functions)

(defun polypilot--finish (turn problem result)
  "TURN has ended, with PROBLEM or RESULT."
  (when (eq turn polypilot--turn)
    (setq polypilot--turn nil
          polypilot--questions nil
          polypilot--session (or (plist-get result :sessionId) polypilot--session)
          polypilot--answered (or (plist-get result :messageId) polypilot--answered))
    (polypilot-put-head turn result)
    (when (plist-get result :text)
      (polypilot-stream "text" (plist-get result :text)))
    (let ((problem (or problem (plist-get result :error)))
          (closing (polypilot--closing
                    turn (if (polypilot-turn-stopped turn)
                             (append '(:stopReason "cancelled") result)
                           result))))
      (when (and problem (not (polypilot-turn-stopped turn)))
        (polypilot-put-problem problem))
      (unless (string-empty-p closing)
        (polypilot-put-note closing)))
    (polypilot--show-titles)
    (run-hooks 'polypilot-chat-done-hook)))

(defun polypilot--chat-gone ()
  "The server has ended, and with it the answer."
  (setq polypilot--session nil)
  (when polypilot--turn
    (polypilot--finish
     polypilot--turn
     (list :message "the server ended before the answer was complete"
           :cure "M-x polypilot-restart starts it again, M-x polypilot-log shows why")
     nil)))
(add-hook 'polypilot-gone-hook #'polypilot--chat-gone)

(defun polypilot-send ()
  "Send what is in the prompt."
  (interactive)
  (polypilot--busy-error)
  (with-current-buffer (polypilot--prompt)
    (let ((text (string-trim (buffer-substring-no-properties (point-min) (point-max)))))
      (when (string-empty-p text)
        (user-error "The prompt is empty"))
      (erase-buffer)
      (polypilot-send-text text))))

;;;###autoload
(defun polypilot-ask (text)
  "Open the chat and send TEXT, and the active region along with it."
  (interactive "sAsk: ")
  (polypilot--busy-error)
  (polypilot-chat)
  (polypilot-send-text text))

(defun polypilot--stop-turn ()
  "Stop the answer that is being written, and return whether there was one."
  (let ((turn polypilot--turn))
    (when turn
      (setf (polypilot-turn-stopped turn) t)
      (polypilot-cancel (polypilot-turn-id turn))
      (polypilot--finish turn nil nil)
      t)))

;;;###autoload
(defun polypilot-stop ()
  "Stop the answer that is being written; what came stays."
  (interactive)
  (unless (polypilot--stop-turn)
    (polypilot-notify "no answer is being written")))

;;;###autoload
(defun polypilot-chat-new ()
  "Begin a new conversation."
  (interactive)
  (polypilot--stop-turn)
  (let ((old polypilot--session))
    (when (and old (polypilot-running-p))
      (polypilot-request "polypilot/chat/close" (list :sessionId old) #'ignore)))
  (setq polypilot--session nil polypilot--attachments nil polypilot--edits nil
        polypilot--question nil polypilot--answered nil polypilot--replaces nil
        polypilot--chosen (let ((mode (plist-get polypilot--chosen :mode)))
                            (and mode (list :mode mode))))
  (polypilot-clear-transcript)
  (polypilot--show-titles))

(provide 'polypilot-chat)
;;; polypilot-chat.el ends here
