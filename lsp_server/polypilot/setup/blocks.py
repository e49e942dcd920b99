"""Our part of a configuration that is a program: one block of lines between two marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from polypilot.setup.values import SetupError


@dataclass(frozen=True, slots=True)
class Block:
    """Lines at a file's end, marked by comments."""

    editor: str
    comment: str
    """What begins a comment in the editor's language."""
    lines: str
    ends: str = ""
    """A word with which a file's last line stops its being read (``return`` in Lua)."""

    @property
    def text(self) -> str:
        """The block with its marks."""
        head = f"written by `polypilot setup`; `polypilot setup {self.editor} --undo` takes it out"
        return (
            f"{self.comment} >>> polypilot >>> {head}\n"
            f"{self.lines}"
            f"{self.comment} <<< polypilot <<<\n"
        )

    def put(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        found = self._find(text)
        if found is not None:
            start, end = found
            return text[:start] + self.text + text[end:]
        if self._ended(text):
            raise SetupError(
                f"its last line begins with `{self.ends}`: nothing behind that would be read",
                cure="Put these lines before it yourself",
            )
        if text and not text.endswith("\n"):
            text += "\n"
        return f"{text}\n{self.text}" if text else self.text

    def take(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        found = self._find(text)
        if found is None:
            return text
        start, end = found
        before = text[:start]
        if before.endswith("\n\n"):
            before = before[:-1]
        return before + text[end:]

    def _find(self, text: str) -> tuple[int, int] | None:
        mark = re.escape(self.comment)
        begins = list(re.finditer(rf"^{mark} >>> polypilot >>>", text, re.MULTILINE))
        ends = list(re.finditer(rf"^{mark} <<< polypilot <<<[^\n]*(?:\n|\Z)", text, re.MULTILINE))
        if not begins and not ends:
            return None
        if len(begins) != 1 or len(ends) != 1 or begins[0].start() > ends[0].start():
            raise SetupError(
                "the marks `>>> polypilot >>>` and `<<< polypilot <<<` are not a pair any more",
                cure="Remove those lines and what was ours between them, and try again",
            )
        return begins[0].start(), ends[0].end()

    def _ended(self, text: str) -> bool:
        if not self.ends:
            return False
        lines = (line.rstrip("\r") for line in reversed(text.split("\n")))
        last = next((line for line in lines if line.strip() and not self._is_comment(line)), "")
        return re.match(rf"{self.ends}\b", last) is not None

    def _is_comment(self, line: str) -> bool:
        return line.lstrip().startswith(self.comment)
