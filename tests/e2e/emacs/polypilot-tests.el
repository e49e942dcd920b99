;;; polypilot-tests.el --- Tests of Polypilot's functions -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -L editors/emacs -l polypilot-tests.el -f ert-run-tests-batch-and-exit

;;; Code:

(require 'ert)
(require 'polypilot)

(ert-deftest polypilot-test-clean ()
  (should (equal (polypilot-clean "a\x1b[31mb\rc\n\td\u202e") "a^[[31mb\nc\n\td\\x202e")))

(ert-deftest polypilot-test-uris ()
  (dolist (path '("/tmp/a b%é漢.py" "/tmp/plain-1.0_x~.py"))
    (should (equal (polypilot-path (polypilot-uri path)) path)))
  (should (equal (polypilot-uri "/tmp/a b%é.py") "file:///tmp/a%20b%25%C3%A9.py"))
  (should-not (polypilot-path "untitled:x"))
  ;; Emacs would start a program for these.
  (should-not (polypilot-path "file:///ssh:host:/x"))
  (should-not (polypilot-path "file:///sudo%3A%3A/x")))

(ert-deftest polypilot-test-a-refused-edit-is-not-looked-up ()
  (let (noted)
    (cl-letf (((symbol-function 'polypilot-put-note) (lambda (text) (setq noted text)))
              ((symbol-function 'polypilot-name) (lambda (_) (error "Looked up"))))
      (polypilot-show-edit '(:uri "file:///ssh:host:/x" :refused "outside")))
    (should (equal noted "no edit of file:///ssh:host:/x: outside"))))

(ert-deftest polypilot-test-positions ()
  (with-temp-buffer
    (insert "é😀漢\nsecond\n")
    (dolist (case '((1 0 0) (4 0 3) (5 1 0) (12 2 0)))
      (pcase-let ((`(,number ,line ,character) case))
        (should (equal (polypilot-position number) (list :line line :character character)))
        (should (= (polypilot-number (list :line line :character character)) number))))
    (should (= (polypilot-number '(:line 0 :character 99)) 4))
    (should (= (polypilot-number '(:line 9 :character 0)) (point-max)))
    (narrow-to-region 5 7)
    (should (equal (polypilot-position 6) '(:line 1 :character 1)))))

(ert-deftest polypilot-test-insertions ()
  (should (equal (polypilot--pieces "a, (b)):" ")") '(("a, (b" . nil) (")" . t) ("):" . nil))))
  (should (equal (polypilot--pieces "x)" ")") '(("x" . nil) (")" . t))))
  (should (equal (polypilot--pieces "abc" "") '(("abc" . nil) ("" . t))))
  (should-not (polypilot--pieces "abc" "z")))

(ert-deftest polypilot-test-words-and-lines ()
  (with-temp-buffer
    (dolist (case '((" one(two)" " one") ("(two)" "(") ("\n  if x" "\n  if") ("):\n" "):")))
      (should (equal (polypilot--word (car case)) (cadr case)))))
  (should (equal (polypilot--line "a\nb") "a"))
  (should (equal (polypilot--line "\na\nb") "\na"))
  (should (= (polypilot--utf-16-length "a😀漢") 4)))

(ert-deftest polypilot-test-edits-of-the-server ()
  (with-temp-buffer
    (buffer-enable-undo)
    (insert "a = 1\nb = 2\n")
    (polypilot--apply-text-edits
     [(:range (:start (:line 0 :character 4) :end (:line 0 :character 5)) :newText "one\r\n")
      (:range (:start (:line 2 :character 0) :end (:line 2 :character 0)) :newText "c")
      (:range (:start (:line 2 :character 0) :end (:line 2 :character 0)) :newText "d")])
    (should (equal (buffer-string) "a = one\n\nb = 2\ncd"))))

(ert-deftest polypilot-test-messages ()
  (let* ((message '(:id 1 :params (:text "é😀" :list [1 2] :no :json-false :null nil)))
         (bytes (polypilot-rpc--serialize message)))
    (should-not (multibyte-string-p bytes))
    (should (equal (polypilot-rpc--parse bytes) message))
    (let ((polypilot-rpc--native nil))
      (should (equal (polypilot-rpc--parse (polypilot-rpc--serialize message)) message)))
    (should (equal (polypilot-rpc-text (concat "a" (string-to-multibyte "\377") "é")) "a\ufffdé"))))

(ert-deftest polypilot-test-frames ()
  "Messages may come in pieces, and several at once."
  (let ((buffer (generate-new-buffer " *frames*"))
        (bytes "Content-Length: 2\r\n\r\n{}Content-Type: x\r\ncontent-length: 4\r\n\r\n[12]"))
    (with-current-buffer buffer (set-buffer-multibyte nil))
    (let (got)
      (dolist (char (append bytes nil))
        (with-current-buffer buffer
          (goto-char (point-max))
          (insert char))
        (let ((message (polypilot-rpc--next buffer)))
          (when message (push message got))))
      (should (equal got '("[12]" "{}"))))
    (kill-buffer buffer)))

(ert-deftest polypilot-test-no-local-variable-chooses-the-program ()
  (dolist (variable '(polypilot-command polypilot-environment polypilot-settings))
    (should (risky-local-variable-p variable))))

(ert-deftest polypilot-test-dangerous-text-in-the-transcript ()
  (unwind-protect
      (let ((place (polypilot-put-diff "a" "@@ -1 +1 @@\n-````\n+x")))
        (with-current-buffer (polypilot-transcript)
          (should (equal (buffer-substring-no-properties (car place) (cdr place))
                         "@@ -1 +1 @@\n-````\n+x"))
          (should (string-suffix-p "\n`````" (buffer-string)))))
    (kill-buffer polypilot-transcript-buffer)))

(provide 'polypilot-tests)
;;; polypilot-tests.el ends here
