;;; polypilot-core.el --- Options and small helpers of Polypilot -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What every part of Polypilot needs: the options, messages that are safe to
;; show, and problems in one shape: a plist of :message, :code and :cure.

;;; Code:

(require 'cl-lib)
(require 'subr-x)
(require 'url-util)

(defgroup polypilot nil
  "Suggestions and chat from the model provider of your choice."
  :group 'tools
  :prefix "polypilot-")

(defcustom polypilot-command '("polypilot")
  "The `polypilot' program and its arguments; subcommands are appended."
  :type '(repeat string))
(put 'polypilot-command 'risky-local-variable t)

(defcustom polypilot-environment nil
  "Environment variables of the program, each as \"NAME=VALUE\"."
  :type '(repeat string))
(put 'polypilot-environment 'risky-local-variable t)

(defcustom polypilot-settings nil
  "Settings for the server, as a property list in the shape of config.toml.
For example (:completion (:provider \"embedded\")).  A list of values is
a vector, false is :json-false.  No key belongs here."
  :type 'plist)
(put 'polypilot-settings 'risky-local-variable t)

(defcustom polypilot-root-markers '(".polypilot.toml" ".git")
  "File names that make the folder they are in a workspace folder."
  :type '(repeat string))

(defcustom polypilot-notify t
  "Whether errors and notices of the server are shown, each once."
  :type 'boolean)

(defface polypilot-ghost '((t :inherit shadow))
  "A suggestion that has not been accepted.")

(defface polypilot-count '((t :inherit shadow :slant italic))
  "Which of several suggestions is shown.")

(defface polypilot-replaced '((t :inherit shadow :strike-through t))
  "Text that accepting the suggestion would take away.")

(defun polypilot-clean (text)
  "Return TEXT with its control characters spelt out, lines kept."
  (replace-regexp-in-string
   "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
   (lambda (char)
     (let ((code (aref char 0)))
       (if (< code 32) (format "^%c" (+ code 64)) (format "\\x%x" code))))
   (replace-regexp-in-string "\r\n?" "\n" (format "%s" text))
   t t))

(defun polypilot-notify (text)
  "Show TEXT to the user."
  (message "Polypilot: %s" (polypilot-clean text)))

(defun polypilot-describe (problem)
  "Return PROBLEM's message, with its cure on a line of its own."
  (let ((cure (plist-get problem :cure)))
    (polypilot-clean
     (concat (format "%s" (plist-get problem :message))
             (and (stringp cure) (not (string-empty-p cure)) (concat "\n" cure))))))

(defun polypilot-report (problem)
  "Show PROBLEM to the user."
  (polypilot-notify (polypilot-describe problem)))

(defun polypilot-problem (err)
  "Return the problem that ERR, the error of a JSON-RPC answer, is about."
  (let* ((data (plist-get err :data))
         (data (and (listp data) data)))
    (list :message (or (plist-get err :message) "the request failed")
          :code (or (plist-get data :code) (plist-get err :code))
          :cure (plist-get data :cure))))

(defun polypilot-true-p (value)
  "Whether VALUE, parsed from JSON, is true."
  (not (memq value '(nil :json-false))))

(defun polypilot-set-p (text)
  "Whether TEXT is a string that is not empty."
  (and (stringp text) (not (string-empty-p text))))

(defconst polypilot--uri-chars
  (let ((chars (make-vector 256 nil)))
    (dolist (char (append "/-_.~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" nil))
      (aset chars char t))
    chars)
  "The characters that stay as they are in a URI's path.")

(defun polypilot-uri (path)
  "Return PATH as a URI."
  (concat "file://"
          (url-hexify-string (encode-coding-string (expand-file-name path) 'utf-8)
                             polypilot--uri-chars)))

(defun polypilot-path (uri)
  "Return the path that URI names, or nil if it is no file's of this machine.
A model's answer may name any: a path that Emacs takes for a remote one
would have it start programs."
  (let ((path (and (stringp uri)
                   (string-prefix-p "file://" uri)
                   (decode-coding-string
                    (url-unhex-string (string-remove-prefix "file://" uri) t) 'utf-8))))
    (and path (not (file-remote-p path)) path)))

(defun polypilot-name (uri)
  "Return the document URI as it is called on screen."
  (let ((path (polypilot-path uri)))
    (polypilot-clean
     (if (null path)
         uri
       (let ((root (locate-dominating-file path ".git")))
         (if root (file-relative-name path root) (abbreviate-file-name path)))))))

(defun polypilot-program ()
  "Return the path of the program, or nil if there is none."
  (executable-find (car polypilot-command)))

(defconst polypilot-install-hint "Install it with:  pipx install 'polypilot[embedded]'"
  "What to do when the program is missing.")

(defun polypilot-missing ()
  "Return the problem that the program is missing."
  (list :message (format "the program %s was not found" (car polypilot-command))
        :code "missing"
        :cure polypilot-install-hint))

(defun polypilot-choose (prompt rows label)
  "Ask with PROMPT for one of the list ROWS, named by LABEL, and return it."
  (let* ((table (mapcar (lambda (row) (cons (polypilot-clean (funcall label row)) row)) rows))
         (keep (lambda (string predicate action)
                 (if (eq action 'metadata)
                     ;; In the server's order, which means something.
                     '(metadata (display-sort-function . identity)
                                (cycle-sort-function . identity))
                   (complete-with-action action table string predicate))))
         (completion-ignore-case t))
    (cdr (assoc (completing-read prompt keep nil t) table))))

(provide 'polypilot-core)
;;; polypilot-core.el ends here
