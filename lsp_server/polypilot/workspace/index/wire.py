"""What the server and the process that indexes tell each other: lines of JSON over two pipes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from polypilot.workspace.index.judging import Rules

if TYPE_CHECKING:
    from typing import Any

Order = Literal["scan", "update", "rebuild", "forget"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One order to the process."""

    order: Order
    """``scan``: look at everything again. ``update``: look at ``paths``. ``rebuild``: from
    nothing. ``forget``: stop, and delete the database if ``serial`` is not 0."""
    serial: int
    """Counts the orders."""
    root: str
    """Path as the editor names it."""
    real: str = ""
    """Path without links."""
    file: str = ""
    """The database."""
    roots: tuple[str, ...] = ()
    """All workspace roots: the gate's rules depend on them."""
    rules: Rules = field(default_factory=Rules)
    paths: tuple[str, ...] = ()
    delete: bool = False
    max_file_bytes: int = 0
    max_bytes: int = 0
    """Of the database."""
    max_files: int = 0

    def line(self) -> bytes:
        """As it is sent. ASCII: a file name's undecodable bytes travel as escapes."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Wish:
        """From what `line` made."""
        row: dict[str, Any] = json.loads(line)
        rules: dict[str, Any] = row.pop("rules")
        rules["exclude"] = tuple(rules["exclude"])
        row["roots"], row["paths"] = tuple(row["roots"]), tuple(row["paths"])
        return cls(**row, rules=Rules(**rules))


Trouble = Literal["", "full", "failed", "many"]


@dataclass(frozen=True, slots=True)
class Report:
    """How far the process is with one root."""

    root: str
    phase: str
    done: int = 0
    total: int = 0
    served: int = 0
    """Every order up to this serial is carried out."""
    trouble: Trouble = ""
    detail: str = ""
    """A number or the name of an error, never text of a file."""

    def line(self) -> bytes:
        """As it is sent."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Report:
        """From what `line` made."""
        return cls(**json.loads(line))
