"""The text of one line of Markdown that is no code block, made harmless as it streams.

What could begin something active is escaped with a backslash, which every renderer shows as the
bare character. Nothing here reaches over the end of a line: what has not closed by then is
escaped, so that the next line begins from nothing, in our eyes and in any renderer's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.neutral_links import LIMIT, Target, autolink, destination, is_foreign, shows
from polypilot_prompts.neutral_said import Said

if TYPE_CHECKING:
    from collections.abc import Callable

_SPECIAL = re.compile(r"[`<\[\]\\$:@]|//|/\Z")
_RUN = re.compile("`+")
_TAGLIKE = re.compile(r"[A-Za-z/!?]")
_LONGEST_RUN = 100
_DANGER = re.compile(r"[<\[!]")
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_LETTERS = re.compile("[A-Za-z]+")
_TEX_NAMES = """
    href url includegraphics htmlClass htmlData htmlId htmlStyle class style cssId data require
    texttip mmlToken toggle action
"""
_TEX = frozenset(_TEX_NAMES.split())
"""What makes a formula a link or more; see KaTeX's ``trust`` and MathJax's extensions."""


class Inline:
    """One line after the other; `begin` before each, `end` after it."""

    def __init__(self) -> None:
        self._said = Said()
        self._raw = ""
        """What is not looked at yet, since what follows decides."""
        self._expected = ""
        """What has to follow a link, unless the text goes on with it by itself."""
        self._long_run = False
        self._dollar = False
        """Whether the paragraph has a dollar sign: a formula may have begun."""
        self._table = False
        self._looking: dict[str, Callable[[str, int, bool], int | None]] = {
            "`": self._ticks,
            "[": self._open,
            "]": self._close,
            "<": self._angle,
            ":": self._colon,
            "\\": self._backslash,
            "/": self._slashes,
            "@": self._at_sign,
            "$": self._dollars,
        }
        """For each character that may mean something: from the text, the character's place and
        whether the line ends with the text, to where to go on; None: more has to be known."""
        self.split_span = False
        """Whether the line has code with a pipe in it, which a table would cut in two."""

    @property
    def idle(self) -> bool:
        """Whether nothing is held."""
        return not (self._raw or self._said.openers or self._expected)

    def begin(self, *, table: bool, continues: bool) -> None:
        """A new line; ``table``: it may be a row, ``continues``: of the paragraph before it."""
        self._said.begin()
        self._long_run = self.split_span = False
        self._table = table
        self._dollar = self._dollar and continues

    def feed(self, more: str) -> str:
        """What is certain of the line now."""
        return self._read(self._raw + more, final=False)

    def end(self) -> str:
        """The line is over: what was held of it."""
        out = self._read(self._raw, final=True)
        self._said.give_up()
        return out + self._said.taken()

    def _read(self, text: str, *, final: bool) -> str:
        said = self._said
        at = 0
        while True:
            said.limit()
            done = self._suffix(text, at, final=final) if self._expected else at
            if done is None:
                break
            at = done
            found = _SPECIAL.search(text, at)
            begin = found.start() if found else len(text)
            if begin > at:
                said.say(text[at:begin])
                said.passed(text, at, begin)
                said.limit()
                self._long_run = False
                at = begin
            if found is None:
                break
            char = text[at]
            self._long_run = self._long_run and char == "`"
            done = self._looking[char](text, at, final)
            if done is None:
                break
            said.passed(text, at, done)
            if char in "`<]" and done - at > 1 and not self._long_run:
                said.parted()  # code and links end there for everyone
            at = done
        self._raw = text[at:]
        return said.taken()

    def _suffix(self, text: str, at: int, *, final: bool) -> int | None:
        """Says where the link before leads to. None: it may be said already, wait and see."""
        wanted = self._expected
        there = text[at : at + len(wanted)]
        if not final and there != wanted and wanted.startswith(there):
            return None
        self._expected = ""
        self._said.say(wanted)
        end = at + len(wanted) if there == wanted else at
        self._said.passed(text, at, end)
        self._said.parted(wanted.lstrip())
        return end

    # -- code ------------------------------------------------------------------------------

    def _ticks(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        """A code span goes as it is; backticks that open none are made to open none."""
        end = _RUN.match(text, at).end()  # pyright: ignore[reportOptionalMemberAccess] - there is one
        count = end - at
        if self._long_run or count > _LONGEST_RUN:
            self._long_run = True
            self._said.escape("\\`" * count)
            return end
        if end == len(text) and not final:
            return None
        close = self._closing(text, at, end, final=final)
        if close is None:
            return None
        if close == -1 or self._is_cut(text[end : close - count]):
            self._said.escape("\\`" * count)
            return end
        self._said.escape(text[at:close])
        return close

    @staticmethod
    def _closing(text: str, at: int, end: int, *, final: bool) -> int | None:
        """Where the code span ends; -1: it is none, None: that is open."""
        count = end - at
        for run in _RUN.finditer(text, end):
            if run.start() - at > LIMIT:
                return -1
            length = run.end() - run.start()
            if run.end() == len(text) and not final and length <= count:
                return None
            if length == count:
                return run.end()
        return None if not final and len(text) - at <= LIMIT else -1

    def _is_cut(self, code: str) -> bool:
        """Whether some renderers would see something else than code here."""
        if self._said.word.endswith("$"):  # GitHub writes formulas as $`…`$
            return True
        if self._dollar and "$" in code and _DANGER.search(code):
            return True
        if _BARE_PIPE.search(code):
            if self._table:
                return True
            self.split_span = True
        return False

    # -- links -----------------------------------------------------------------------------

    def _open(self, text: str, at: int, final: bool) -> int:  # noqa: FBT001 - see _looking
        del text, final
        self._said.open(image=self._said.word.endswith("!"))
        return at + 1

    def _close(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        said = self._said
        if not said.openers:
            said.say("]")
            return at + 1
        follows = text[at + 1 : at + 2]
        if not follows and not final:
            return None
        opener = said.openers[-1]
        target = None
        if opener.image or (follows == ":" and opener.first) or (follows == "(" and opener.dead):
            said.close_bare()
        elif follows != "(":
            said.close_plain()
        elif (target := destination(text, at + 1)) == "more" and not final:
            return None
        elif isinstance(target, Target):
            if not shows(said.inside(), target):
                self._expected = f" ({target.host})"
            said.close_link(target.raw)
            return target.end
        else:
            said.close_bare()
        return at + 1

    def _angle(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        if at + 1 == len(text) and not final:
            return None
        if not _TAGLIKE.match(text, at + 1):
            self._said.say("<")
            return at + 1
        target = autolink(text, at)
        if target == "more" and not final:
            return None
        if isinstance(target, Target):
            self._said.say(target.raw)
            return target.end
        self._said.escape("\\<")
        return at + 1

    def _colon(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        after = text[at + 1 : at + 3]
        if after in {"", "/"} and not final:
            return None
        if is_foreign(self._said.word, after):
            self._said.escape("\\:")
        else:
            self._said.say(":")
        return at + 1

    def _at_sign(self, text: str, at: int, final: bool) -> int:  # noqa: FBT001 - see _looking
        """A name before it in an address looks like the host and is none."""
        del text, final
        self._said.say(" @" if self._said.in_host else "@")
        return at + 1

    def _slashes(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        """``//host`` is a link to some renderers, with whatever scheme the page has."""
        if at + 1 == len(text) and final:
            self._said.say("/")
            return at + 1
        if at + 2 >= len(text) and not final:
            return None
        last = self._said.word[-1:]
        if text[at + 2 : at + 3].isalnum() and not (last.isalnum() or last in {":", "/"}):
            self._said.escape("/\\/")
        else:
            self._said.say("//")
        return at + 2

    # -- escapes and formulas ----------------------------------------------------------------

    def _backslash(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        if at + 1 == len(text) and not final:
            return None
        word = _LETTERS.match(text, at + 1)
        if word is None:
            end = min(at + 2, len(text))
            self._said.escape(text[at:end])
            return end
        open_end = word.end() == len(text) and not final
        if open_end and any(name.startswith(word[0]) for name in _TEX):
            return None
        self._said.escape(("\\\\" if word[0] in _TEX else "\\") + word[0])
        return word.end()

    def _dollars(self, text: str, at: int, final: bool) -> int | None:  # noqa: FBT001 - see _looking
        if at + 1 == len(text) and not final:
            return None
        self._dollar = True
        if text[at + 1 : at + 2] == "$":
            self._said.escape("\\$\\$")
            return at + 2
        self._said.say("$")
        return at + 1
