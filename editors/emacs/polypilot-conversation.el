;;; polypilot-conversation.el --- Conversations as a whole -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Other branches, another model, the conversations of before.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-transcript)
(require 'polypilot-answer)
(require 'polypilot-chat)
(require 'polypilot-select)

(defun polypilot--session-or-error ()
  "Return the id of the conversation, or signal an error."
  (or polypilot--session (user-error "There is no conversation yet")))

(defun polypilot-chat-retry ()
  "Have the last answer given again, on a branch of its own."
  (interactive)
  (polypilot--busy-error)
  (unless (and polypilot--session polypilot--answered)
    (user-error "There is no answer to give again"))
  (setq polypilot--replaces polypilot--answered)
  (polypilot-put-note "once more:")
  (polypilot-send-text ""))

(defun polypilot-chat-edit ()
  "Put the last question into the prompt; what is sent next takes its place."
  (interactive)
  (polypilot--busy-error)
  (unless (and polypilot--session polypilot--question)
    (user-error "There is no question to edit"))
  (polypilot-request-or-report
   "polypilot/chat/load" (list :sessionId polypilot--session)
   (lambda (whole)
     (let ((message (cl-find polypilot--question (plist-get whole :messages)
                             :key (lambda (each) (plist-get each :id)) :test #'equal)))
       (when message
         (setq polypilot--replaces polypilot--question)
         (polypilot-chat)
         (with-current-buffer (polypilot--prompt)
           (erase-buffer)
           (insert (plist-get message :text))))))))

(defun polypilot--configure (choice)
  "Answer this conversation from now on by CHOICE, a plist."
  (let ((take (lambda (info)
                (cl-loop for (key value) on choice by #'cddr
                         do (setq polypilot--chosen (plist-put polypilot--chosen key value)))
                (when (plist-get choice :provider)
                  (setq polypilot--chosen
                        (plist-put polypilot--chosen :model
                                   (or (plist-get info :model) (plist-get choice :model)))))
                (polypilot--show-titles))))
    (if (null polypilot--session)
        (funcall take nil)
      (polypilot-request-or-report
       "polypilot/chat/configure" (append (list :sessionId polypilot--session) choice) take))))

;;;###autoload
(defun polypilot-chat-model ()
  "Choose who answers in this conversation."
  (interactive)
  (polypilot--choose-model
   (lambda (provider model)
     (polypilot--configure (append (list :provider provider) (and model (list :model model)))))))

;;;###autoload
(defun polypilot-chat-mode (mode)
  "Set the MODE of this conversation: plain, ask or edit."
  (interactive (list (completing-read "The model may use: " '("plain" "ask" "edit") nil t)))
  (polypilot--configure (list :mode mode)))

;;;###autoload
(defun polypilot-chat-effort (effort)
  "Set the EFFORT with which the model reasons in this conversation."
  (interactive
   (list (completing-read "Reasoning: "
                          '("none" "minimal" "low" "medium" "high" "xhigh" "max") nil t)))
  (polypilot--configure (list :effort effort)))

(defun polypilot--session-label (row)
  "Return the conversation ROW as it is listed."
  (replace-regexp-in-string
   "\n" " "
   (string-join
    (delq nil (list (plist-get row :title)
                    (format-time-string "%Y-%m-%d %H:%M" (plist-get row :updated))
                    (format "%s messages" (plist-get row :messages))
                    (plist-get row :excerpt)))
    " · ")))

(defun polypilot--draw-answer (message)
  "Append the answer MESSAGE of a conversation."
  (let ((turn (make-polypilot-turn)))
    (polypilot-put-head turn message)
    (mapc (lambda (event) (polypilot-take-delta turn event)) (plist-get message :events))
    (let ((closing (polypilot--closing turn message)))
      (unless (string-empty-p closing)
        (polypilot-put-note closing)))))

(defun polypilot--draw-conversation (whole)
  "Put the conversation WHOLE on screen, and go on with it."
  (let ((info (plist-get whole :session)))
    (polypilot-clear-transcript)
    (setq polypilot--edits nil polypilot--question nil polypilot--answered nil
          polypilot--replaces nil polypilot--attachments nil
          polypilot--session (plist-get info :sessionId)
          polypilot--chosen (cl-loop for key in '(:title :provider :model :mode)
                                     append (list key (plist-get info key))))
    (mapc (lambda (message)
            (pcase (plist-get message :role)
              ("user"
               (polypilot-put-heading "You" (plist-get message :text))
               (setq polypilot--question (plist-get message :id)))
              ("summary"
               (polypilot-put-note (concat "what came before, in short: "
                                           (plist-get message :text))))
              (_
               (polypilot--draw-answer message)
               (setq polypilot--answered (plist-get message :id)))))
          (plist-get whole :messages))
    (polypilot-chat)
    (polypilot--follow)))

;;;###autoload
(defun polypilot-chat-history (&optional words)
  "Go on with a conversation of before; with a prefix, one that has WORDS."
  (interactive (list (and current-prefix-arg (read-string "Conversations with: "))))
  (polypilot--busy-error)
  (polypilot-request-or-report
   "polypilot/chat/sessions" (list :query (or words ""))
   (lambda (rows)
     (if (= (length rows) 0)
         (polypilot-notify "no conversation was found")
       ;; Not in the process filter: the user may take their time.
       (run-at-time
        0 nil
        (lambda ()
          (let ((row (with-local-quit
                       (polypilot-choose "Conversations: " (append rows nil)
                                         #'polypilot--session-label))))
            (when row
              (polypilot-request-or-report
               "polypilot/chat/load" (list :sessionId (plist-get row :sessionId))
               #'polypilot--draw-conversation)))))))))

(defun polypilot-chat-rename (title)
  "Give the conversation another TITLE."
  (interactive "sTitle: ")
  (polypilot-request-or-report
   "polypilot/chat/rename" (list :sessionId (polypilot--session-or-error) :title title)
   (lambda (_)
     (setq polypilot--chosen (plist-put polypilot--chosen :title (polypilot-clean title)))
     (polypilot--show-titles))))

(defun polypilot-chat-export ()
  "Show the conversation as Markdown in a buffer, to be saved."
  (interactive)
  (polypilot-request-or-report
   "polypilot/chat/export" (list :sessionId (polypilot--session-or-error))
   (lambda (result)
     (with-current-buffer (generate-new-buffer "*polypilot-export*")
       (insert (plist-get result :markdown))
       (goto-char (point-min))
       (pop-to-buffer (current-buffer))))))

(defun polypilot-chat-delete ()
  "Forget the conversation for good, on the disk too."
  (interactive)
  (let ((session (polypilot--session-or-error)))
    (when (or noninteractive (yes-or-no-p "Forget this conversation for good? "))
      (polypilot--stop-turn)
      (polypilot-request-or-report
       "polypilot/chat/delete" (list :sessionId session)
       (lambda (_)
         (setq polypilot--session nil)
         (polypilot-chat-new))))))

(provide 'polypilot-conversation)
;;; polypilot-conversation.el ends here
