;;; polypilot-permission.el --- Questions of tools -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; A tool that would change something waits for the user's answer.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-server)
(require 'polypilot-transcript)
(require 'polypilot-session)
(require 'polypilot-windows)

(defun polypilot--permission (id params)
  "Show what a tool wants to do, by PARAMS, and what can be answered to ID.
Nothing takes the focus: text typed meanwhile must not be an answer."
  (let* ((call (plist-get params :toolCall))
         (question (list :id id :title (polypilot-clean (plist-get call :title))
                         :options (append (plist-get params :options) nil))))
    (polypilot-put-note (concat "may it? " (plist-get question :title)))
    (mapc (lambda (diff)
            (polypilot-put-diff (polypilot-name (plist-get diff :uri))
                                (polypilot-diff (or (plist-get diff :oldText) "")
                                                (plist-get diff :newText))))
          (plist-get call :diffs))
    (polypilot--in-transcript
      (insert "\n\n")
      (dolist (option (plist-get question :options))
        (insert-text-button (concat "[" (polypilot-clean (plist-get option :name)) "]")
                            'follow-link t
                            'action (lambda (_) (polypilot--answer-question question option)))
        (insert " ")))
    (setq polypilot--questions (append polypilot--questions (list question)))
    (polypilot--show-titles)
    (polypilot-notify (concat (plist-get question :title) "? M-x polypilot-answer"))))
(push '("polypilot/chat/permission" . polypilot--permission) polypilot-request-functions)

(defun polypilot--answer-question (question option)
  "Answer QUESTION with OPTION."
  (if (not (memq question polypilot--questions))
      (polypilot-notify "this is not asked any more")
    (setq polypilot--questions (delq question polypilot--questions))
    (polypilot-answer-request
     (plist-get question :id)
     (list :outcome (list :outcome "selected" :optionId (plist-get option :optionId))))
    (polypilot-put-note (plist-get option :name))
    (polypilot--show-titles)))

(defun polypilot-answer ()
  "Answer a tool that wants to do something."
  (interactive)
  (let ((question (or (car polypilot--questions) (user-error "Nothing is asked"))))
    (polypilot--answer-question
     question
     (polypilot-choose (concat (plist-get question :title) "? ") (plist-get question :options)
                       (lambda (option) (plist-get option :name))))))

(defun polypilot--withdraw (params)
  "The server needs no answer to its request of PARAMS any more."
  (let ((question (cl-find (plist-get params :id) polypilot--questions
                           :key (lambda (each) (plist-get each :id)) :test #'equal)))
    (when question
      (setq polypilot--questions (delq question polypilot--questions))
      (polypilot--show-titles))))
(push '("$/cancelRequest" . polypilot--withdraw) polypilot-notification-functions)

(provide 'polypilot-permission)
;;; polypilot-permission.el ends here
