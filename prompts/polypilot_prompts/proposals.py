"""The edits that a chat answer proposes: its code blocks, and the files that they name.

Models were never taught one way to do this, so all the common ones are read: a name in the info
string, alone on the line before, or in a first comment; the whole file, a unified diff (its line
numbers and counts are usually wrong, and not looked at but for a hint), or SEARCH and REPLACE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot_prompts.proposals_diff import Hunk, is_diff, is_replace, read_diff, read_replace

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTRUCTIONS = """\
You can propose changes to files; the user sees each one as a diff and decides about it. To
propose one, write a code block that names its file, relative to the workspace folder, behind its
language:

- To change parts of a file, write each part like this, with the old lines exactly as they are in
  the file, and enough of them to be found only once:

```text path=src/example.py
<<<<<<< SEARCH
the old lines
=======
the new lines
>>>>>>> REPLACE
```

- To make a new file, or to rewrite a short one, write all of it in a block that begins with
  ```python path=src/example.py
- Never write "rest unchanged" or the like into such a block. A block that only shows something
  names no file. Moving and deleting files can't be proposed, nor can changes to the configuration
  of editors, git, CI and shells."""
"""What tells a model how to propose edits, for the system prompt."""

Kind = Literal["whole", "diff", "replace", "snippet"]
Action = Literal["edit", "delete", "move"]

_OPENING = re.compile(
    r"(?P<lead>[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)?)(?P<run>`{3,}|~{3,})(?P<info>[^\n]*)"
)
_ATTRIBUTE = re.compile(
    r"""(?:^|[\s{,])(?:path|file|filename|filepath|title|name)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s,}]+))""",
    re.IGNORECASE,
)
_CITED = re.compile(r"[0-9]+:[0-9]+:")
_PATH = re.compile(r"(?!.*//)[\w.@~+\-\[\]()$/\\#=,{}]*[\w\])]", re.ASCII)
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9_+\-]{0,11}\Z")
_BARE_NAMES = frozenset({"makefile", "dockerfile", "justfile", "rakefile", "gemfile", "license"})
_CALLED = re.compile(r"(?:file(?:name)?|path)\s*:\s*", re.IGNORECASE)
_DECORATION = " \t*`:#>-"
_QUOTED = re.compile(r"[^`]*`(?P<text>[^`]+)`[ \t*:]*(?:\(new\))?[ \t*:]*")
_OPENERS = ("#", "//", "--", ";", "%", "/*", "<!--")
_CLOSERS = ("*/", "-->")
_LONGEST = 4_096
"""Characters of a line that names a file."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code in an answer."""

    path: str
    """As the model wrote it; empty: it names no file."""
    language: str
    code: str
    """Without the comment that names the file, see ``head``."""
    kind: Kind
    hunks: tuple[Hunk, ...] = ()
    """Of a diff, or of SEARCH and REPLACE."""
    start: int = 0
    """Where in the answer the block begins, its fence included, and ``end``, where it ends."""
    end: int = 0
    head: str = ""
    """The first line, if it is a comment that names the file."""
    action: Action = "edit"


def find_blocks(answer: str) -> tuple[Block, ...]:
    """All code blocks of a whole answer, in order. A block that has no end is none."""
    return tuple(block for fenced in _fences(answer) for block in _read(fenced))


@dataclass(frozen=True, slots=True)
class _Fenced:
    info: str
    code: str
    before: str
    """The line before it."""
    start: int
    end: int


def _fences(answer: str) -> Iterator[_Fenced]:
    at, before = 0, ""
    lines = answer.splitlines(keepends=True)
    number = 0
    while number < len(lines):
        line = lines[number]
        opening = _OPENING.fullmatch(line.rstrip("\r\n"))
        number += 1
        if opening is None or (opening["run"][0] == "`" and "`" in opening["info"]):
            before = line.strip() or before
            at += len(line)
            continue
        last = _closing(lines, number, opening["run"])
        if last is None:
            return
        width = len(opening["lead"])
        code = "".join(_outdented(each, width) for each in lines[number:last])
        end = at + sum(map(len, lines[number - 1 : last + 1]))
        yield _Fenced(opening["info"].strip(), code, before, at, end)
        at, before, number = end, "", last + 1


def _closing(lines: list[str], number: int, run: str) -> int | None:
    for last in range(number, len(lines)):
        bare = lines[last].strip(" \t>\r\n")
        if len(bare) >= len(run) and bare == run[0] * len(bare):
            return last
    return None


def _outdented(line: str, width: int) -> str:
    """A line of code without the prefix that its fence has."""
    drop = 0
    while drop < width and line[drop : drop + 1] in {" ", ">", "\t"}:
        drop += 1
    return line[drop:]


def _read(fenced: _Fenced) -> Iterator[Block]:
    language, path = _from_info(fenced.info)
    code, head = fenced.code, ""
    path = path or _alone(fenced.before)
    if is_replace(code):
        inner, hunks = read_replace(code)
        path = path or _alone(inner)
        kind: Kind = "replace" if path else "snippet"
        yield Block(path, language, code, kind, hunks, fenced.start, fenced.end)
        return
    if is_diff(language, code):
        for each in read_diff(code):
            named = each.path or path
            kind = "diff" if named else "snippet"
            yield Block(
                named, language, code, kind, each.hunks, fenced.start, fenced.end, "", each.action
            )
        return
    first, _, rest = code.partition("\n")
    comment = _commented(first)
    named = _alone(comment) if comment is not None else ""
    if named and (not path or named == path):
        path, code, head = named, rest, first
    kind = "whole" if path else "snippet"
    yield Block(path, language, code, kind, (), fenced.start, fenced.end, head)


def _from_info(info: str) -> tuple[str, str]:
    """Language and path."""
    found = _ATTRIBUTE.search(info)
    words = info.split()
    word = words[0].strip("{}.") if words else ""
    if found is not None:
        language = "" if "=" in word else word
        return language, next(each for each in found.groups() if each)
    if _CITED.match(word):  # lines of a file that are quoted
        return "", ""
    language, colon, path = word.partition(":")
    if colon and is_path(path):
        return language, path
    if "/" in word and is_path(word):
        return "", word
    if is_path(word) and _EXTENSION.search(word):
        return "", word
    return word, words[1] if len(words) == 2 and is_path(words[1]) else ""  # noqa: PLR2004 - language and name


def _commented(line: str) -> str | None:
    """What a line says that is a comment; by strings alone, since a model writes it."""
    text = line.strip()
    opener = next((each for each in _OPENERS if text.startswith(each)), None)
    if opener is None:
        return None
    text = text.removeprefix(opener)
    closer = next((each for each in _CLOSERS if text.endswith(each)), "")
    return text.removesuffix(closer).strip()


def _alone(line: str) -> str:
    """The path that a line consists of; or nothing."""
    if len(line) > _LONGEST:
        return ""
    quoted = _QUOTED.fullmatch(line)
    text = quoted["text"] if quoted else line.strip(_DECORATION)
    called = _CALLED.match(text)
    if called is not None:
        text = text[called.end() :]
    text = text.removesuffix("(new)").strip(_DECORATION)
    return text if is_path(text) else ""


def is_path(text: str) -> bool:
    """Whether a word may be a file's name: with an extension, in a folder, or well known."""
    if not _PATH.fullmatch(text):
        return False
    name = re.split(r"[/\\]", text)[-1]
    if _EXTENSION.search(name) or name.lower() in _BARE_NAMES:
        return True
    return "/" in text and not text.endswith("/") and " " not in text and len(text) > len(name) + 1
