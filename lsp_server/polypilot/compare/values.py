"""Plain values of a comparison: what is asked, what came back, how it was judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

Purpose = Literal["completion", "chat"]
Way = Literal["product", "bare"]
"""How completions are asked: as the editor's are, or without context and filters."""


class Kind(StrEnum):
    """What a task asks for."""

    LINE = "line"
    """A whole line, at its indentation."""
    REST = "rest"
    """The rest of a line, after some of its words."""
    BLOCK = "block"
    """A body of 2 to 8 lines below the line that opens it."""
    FUNCTION = "function"
    """A whole function's body."""
    TESTED = "tested"
    """A function's body, or lines of it, that the repository's own tests judge."""
    HUMANEVAL = "humaneval"
    """A function of HumanEval, judged by its tests."""
    INFILL = "humaneval-infill"
    """One line of a HumanEval function, judged by its tests."""
    EXPLAIN = "explain"
    """Chat: what a function does."""
    FIX = "fix"
    """Chat: a function that was broken so that a test fails; the test judges."""
    WRITE_TEST = "write-test"
    """Chat: a test that passes on the function and fails on broken ones."""
    COMMIT = "commit"
    """Chat: a message for a real commit's diff."""

    @property
    def purpose(self) -> Purpose:
        """Whether it is a completion or a conversation."""
        return "chat" if self in _CHAT else "completion"


_CHAT = frozenset({Kind.EXPLAIN, Kind.FIX, Kind.WRITE_TEST, Kind.COMMIT})


@dataclass(frozen=True, slots=True)
class TestRun:
    """How tests judge an answer, in a copy of the work tree."""

    __test__ = False  # pytest: no test, despite the name

    command: tuple[str, ...]
    """Program and arguments, run in the copy's top folder; ``{python}`` is an interpreter."""
    files: tuple[tuple[str, str], ...] = ()
    """Path and text of files that are written before it runs, the completed one apart."""
    seconds: float = 60.0
    megabytes: int = 2048
    expects: tuple[str, ...] = ()
    """What a run on the untouched tree has shown, and one that passes must show
    (:mod:`polypilot.compare.evidence`)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that each target is asked.

    Of a completion, ``prefix`` + ``truth`` + ``suffix`` is the file as it is at the commit.
    """

    id: str
    """Stable: the same commit, place and kind have the same id on every machine."""
    kind: Kind
    language: str
    """As editors call it."""
    path: str
    """Below the repository's top folder, with ``/``; empty where there is no file."""
    group: str
    """Tasks of one group are not independent (one file, usually): intervals resample groups."""
    prefix: str = field(default="", repr=False)
    suffix: str = field(default="", repr=False)
    truth: str = field(default="", repr=False)
    """What stood there; of chat tasks what the user did (the commit's message), if anything."""
    question: str = field(default="", repr=False)
    """What is asked in a conversation."""
    attached: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Path and text of what is attached to the question."""
    tests: TestRun | None = field(default=None, repr=False)
    changed: float | None = None
    """When the text was last changed, seconds since the epoch; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one target answered to one task. Money is in US dollars, times in seconds."""

    task: str
    target: str
    """``provider/model`` as the user named it."""
    when: float
    """When it was asked, seconds since the epoch."""
    text: str = field(default="", repr=False)
    """What the editor would have shown; of chat, the answer. Empty if there was nothing."""
    error: str = ""
    """An error's code; empty if there was none."""
    why: str = ""
    """Why nothing is shown although nothing failed (:class:`polypilot.completion.values.Why`)."""
    seconds: float = 0.0
    """To the end of the answer."""
    first_text: float | None = None
    first_line: float | None = None
    """To the first whole line, or to the end where the answer is one."""
    requests: int = 1
    """0: the editor's own rules have asked nobody."""
    retries: int = 0
    limited: int = 0
    """How often the supplier said that a limit was reached."""
    model: str = ""
    """The model that says it has answered."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    dollars: Decimal | None = None
    """None if the price is not known."""
    priced_by: str = ""
    """``supplier`` (it said so) or ``prices`` (tokens times the list's prices)."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How a reply was judged. Of what does not apply, None."""

    task: str
    target: str
    shown: bool
    """Whether there was an answer at all."""
    exact: bool | None = None
    """Taken as it is, the file would be what it was (blanks at lines' ends apart)."""
    similar: float | None = None
    """1 less the edit distance over the longer one's length; 0 if nothing is shown."""
    kept: int | None = None
    """Characters that stand in the truth, in its order, token by token."""
    wrong: int | None = None
    """Characters that do not."""
    parses: bool | None = None
    """Whether the file is valid with it; None where no parser for its language is here."""
    passed: bool | None = None
    """Whether the tests passed. Taking too long is failing; None if there is no verdict."""
    note: str = ""
    """Why they failed, why there is no verdict, or what was counted instead. Nothing of the
    user's code."""
