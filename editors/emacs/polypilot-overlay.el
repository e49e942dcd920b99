;;; polypilot-overlay.el --- Suggestions on the screen -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; One is shown, in an overlay at point of the selected window, where nothing
;; else has the user's eye.

;;; Code:

(require 'cl-lib)
(require 'polypilot-core)
(require 'polypilot-offer)

(defcustom polypilot-hidden-functions
  '(polypilot-popup-p polypilot-busy-p)
  "Functions without arguments; when one returns non-nil nothing is shown."
  :type 'hook
  :group 'polypilot)

(defvar-local polypilot--overlay nil "The overlay that shows a suggestion.")
(defvar-local polypilot--visible nil "Whether a suggestion is on the screen, to be accepted.")

;;; Where a suggestion may be shown

(defvar company-candidates)
(defvar corfu--candidates)
(defvar evil-local-mode)
(defvar evil-state)
(defvar multiple-cursors-mode)
(defvar isearch-mode)

(defun polypilot-popup-p ()
  "Whether a list of completions is open: Company's, Corfu's or Emacs' own."
  (or (bound-and-true-p company-candidates)
      ;; The mode alone may stay on when its list is gone, or was never needed.
      (and completion-in-region-mode
           (or (bound-and-true-p corfu--candidates)
               (get-buffer-window "*Completions*" 0)))))

(defun polypilot-busy-p ()
  "Whether the user is doing something else than typing text."
  (or buffer-read-only
      isearch-mode
      executing-kbd-macro
      defining-kbd-macro
      (region-active-p)
      (bound-and-true-p multiple-cursors-mode)
      (and (bound-and-true-p evil-local-mode)
           (not (memq evil-state '(insert emacs))))))

(defun polypilot--hidden-p ()
  "Whether nothing may be shown now."
  (or (not (eq (current-buffer) (window-buffer (selected-window))))
      (run-hook-with-args-until-success 'polypilot-hidden-functions)))

;;; On the screen

(defun polypilot--hide ()
  "Take what is shown off the screen."
  (when polypilot--overlay
    (delete-overlay polypilot--overlay)
    (setq polypilot--overlay nil))
  (setq polypilot--visible nil))

(defun polypilot--drop ()
  "Forget the suggestions."
  (polypilot--hide)
  (mapc (lambda (offer)
          (set-marker (polypilot-offer-start offer) nil)
          (set-marker (polypilot-offer-end offer) nil))
        polypilot--offers)
  (setq polypilot--offers nil polypilot--index 0))

(defun polypilot--display (rest replaced)
  "Return the text to show for REST in place of REPLACED."
  (let* ((pieces (or (polypilot--pieces rest (substring-no-properties replaced))
                     (list (cons rest nil) (cons replaced 'gone))))
         (at 0)
         (text (mapconcat
                (lambda (piece)
                  (pcase-let ((`(,piece . ,present) piece))
                    (if (not present)
                        (propertize piece 'face 'polypilot-ghost)
                      (cl-incf at (length piece))
                      (if (eq present 'gone)
                          (propertize piece 'face 'polypilot-replaced)
                        (substring replaced (- at (length piece)) at)))))
                pieces ""))
         (count (length polypilot--offers)))
    (when (> count 1)
      (let ((label (propertize (format " %d/%d" (1+ polypilot--index) count)
                               'face 'polypilot-count))
            (eol (string-match "\n" text)))
        (setq text (if eol
                       (concat (substring text 0 eol) label (substring text eol))
                     (concat text label)))))
    ;; The cursor is drawn before it, not behind; it can't be drawn at a line end.
    (when (string-prefix-p "\n" text)
      (setq text (concat " " text)))
    (put-text-property 0 1 'cursor t text)
    text))

(defun polypilot--draw (offer)
  "Show OFFER at point."
  (let* ((rest (polypilot--rest offer))
         (end (polypilot-offer-end offer))
         (replaced (buffer-substring (point) end))
         (text (polypilot--display rest replaced))
         (overlay (or polypilot--overlay (make-overlay (point) end))))
    (move-overlay overlay (point) end)
    (overlay-put overlay 'window (selected-window))
    (overlay-put overlay 'priority 100)
    ;; Not an empty display with the text behind it: Emacs moves point out of such a place.
    (overlay-put overlay 'display (and (not (string-empty-p replaced)) text))
    (overlay-put overlay 'after-string (and (string-empty-p replaced) text))
    (setq polypilot--overlay overlay
          polypilot--visible t)
    (polypilot--tell-shown offer)))

(defun polypilot--redraw ()
  "Show what still fits, forget what doesn't."
  (let ((offer (polypilot--current)))
    (cond
     ((null offer) (polypilot--drop))
     ((polypilot--hidden-p) (polypilot--hide))
     (t (polypilot--draw offer)))))

(defun polypilot--watch-change (start end _length)
  "Forget the suggestions if the text from START to END changed around them."
  (when polypilot--offers
    (let ((offer (aref polypilot--offers 0)))
      (unless (<= (polypilot-offer-start offer) start end (polypilot-offer-end offer))
        (polypilot--drop)))))

(provide 'polypilot-overlay)
;;; polypilot-overlay.el ends here
