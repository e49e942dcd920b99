;;; polypilot-answer.el --- An answer while it is written -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; From the server's deltas to the transcript.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-transcript)
(require 'polypilot-edits)

(cl-defstruct (polypilot-turn (:copier nil))
  "An answer: its request, what is known of it, and what its tools do."
  token id stopped headed session message question title usage calls)

(defun polypilot-put-head (turn value)
  "Append the heading of TURN, once; VALUE names provider and model."
  (unless (polypilot-turn-headed turn)
    (setf (polypilot-turn-headed turn) t)
    (let ((name (or (plist-get value :provider) "Polypilot")) (model (plist-get value :model)))
      (polypilot-put-heading (if (polypilot-set-p model) (format "%s / %s" name model) name)))))

(defun polypilot--take-session (turn value)
  "Take the session delta VALUE of TURN."
  (setf (polypilot-turn-session turn) (plist-get value :sessionId)
        (polypilot-turn-message turn) (plist-get value :messageId)
        (polypilot-turn-question turn) (plist-get value :questionId))
  (polypilot-put-head turn value))

(defun polypilot--context-note (item)
  "Return what became of ITEM, which was to go along with a message."
  (let ((name (or (plist-get item :name) (polypilot-name (plist-get item :uri))))
        (redacted (or (plist-get item :redacted) 0)))
    (if (plist-get item :refused)
        (format "%s was not sent: %s" name (plist-get item :refused))
      (concat (format "with %s, %s tokens" name (or (plist-get item :tokens) "?"))
              (and (plist-get item :cut) (format ", %s" (plist-get item :cut)))
              (and (/= redacted 0) (format ", %s secrets taken out" redacted))))))

(defun polypilot--plan-note (value)
  "Return the plan VALUE in words."
  (mapconcat (lambda (entry)
               (concat (pcase (plist-get entry :status)
                         ("completed" "☑ ") ("in_progress" "▶ ") (_ "☐ "))
                       (plist-get entry :content)))
             (plist-get value :entries) "\n"))

(defun polypilot--take-tool-call (turn value)
  "Take the toolCall delta VALUE of TURN."
  (let ((name (or (plist-get value :title) (plist-get value :name))))
    (push (cons (plist-get value :id) name) (polypilot-turn-calls turn))
    (polypilot-put-note (concat "tool: " name))))

(defun polypilot--take-tool-update (turn value)
  "Take the toolUpdate delta VALUE of TURN."
  (when (equal (plist-get value :status) "failed")
    (polypilot-put-note
     (format "%s: %s"
             (or (cdr (assoc (plist-get value :id) (polypilot-turn-calls turn))) "tool")
             (or (plist-get value :text) "it failed")))))

(defun polypilot-take-delta (turn value)
  "Put VALUE, one delta of TURN, on screen; unknown kinds are passed over."
  (let ((kind (plist-get value :kind)))
    (unless (member kind '("session" "title" "usage"))
      (polypilot-put-head turn nil))
    (pcase kind
      ("session" (polypilot--take-session turn value))
      ("title" (setf (polypilot-turn-title turn) (plist-get value :title)))
      ((or "text" "thought" "refusal")
       (polypilot-stream kind (plist-get value :text)))
      ("context"
       (mapc (lambda (item) (polypilot-put-note (polypilot--context-note item)))
             (plist-get value :items)))
      ("toolCall" (polypilot--take-tool-call turn value))
      ("toolUpdate" (polypilot--take-tool-update turn value))
      ("plan" (polypilot-put-note (polypilot--plan-note value)))
      ("citation" (polypilot-put-note
                   (string-trim (format "source: %s %s" (or (plist-get value :title) "")
                                        (or (plist-get value :url) "")))))
      ("compacted"
       (polypilot-put-note
        (format "the %s oldest messages are sent as a summary from now on: %s tokens, not %s"
                (plist-get value :messages) (plist-get value :after)
                (plist-get value :before))))
      ("edit" (polypilot-show-edit value))
      ("usage" (setf (polypilot-turn-usage turn) value))
      ("notice" (polypilot-put-note (plist-get value :message))))))

(defconst polypilot--stop-reasons
  '(("length" . "cut off: the answer's length limit was reached")
    ("cancelled" . "stopped")
    ("refusal" . "the model refused")
    ("max_steps" . "stopped at the limit of steps; another message goes on")
    ("budget" . "stopped at the budget"))
  "Why an answer ended, in words.")

(defun polypilot--closing (turn result)
  "Return the line below TURN, which ended with RESULT."
  (let* ((last (polypilot-turn-usage turn))
         (usage (or (plist-get result :usage) last))
         (input (plist-get usage :inputTokens))
         (output (plist-get usage :outputTokens))
         (cost (plist-get usage :cost))
         (used (plist-get last :used))
         (window (plist-get last :window)))
    (string-join
     (delq nil
           (list
            (cdr (assoc (plist-get result :stopReason) polypilot--stop-reasons))
            (and (plist-get result :provider) (polypilot--provider-and-model result))
            (and (or input output)
                 (format "%s tokens in, %s out" (or input "?") (or output "?")))
            (and cost (/= (string-to-number cost) 0) (concat "$" cost))
            (and used window (> window 0)
                 (format "%d%% of the window" (ceiling (/ (* 100.0 used) window))))))
     " · ")))

(defun polypilot--provider-and-model (row)
  "Return the provider, and the model if there is one, that ROW names."
  (if (polypilot-set-p (plist-get row :model))
      (format "%s / %s" (plist-get row :provider) (plist-get row :model))
    (plist-get row :provider)))

(provide 'polypilot-answer)
;;; polypilot-answer.el ends here
