"""What is done for an editor, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class SetupError(UserError):
    """A configuration can't be changed; it is as it was."""

    code = "setup"


def options() -> dict[str, object]:
    """The greeting of editors without inline completion: suggestions in their menu instead."""
    return {"polypilot": {"completion": {"menu": True}}}


class Edit(Protocol):
    """Our part of a configuration file. Texts have single line ends and no byte order mark."""

    def put(self, text: str) -> str:
        """``text`` with our part in it, which changes nothing if it is there already.

        Raises:
            SetupError: the text is not what the editor would read, or has no place for our part.
        """
        ...

    def take(self, text: str) -> str:
        """``text`` without our part; the same text if it has none.

        Raises:
            SetupError: our part can't be told from the user's.
        """
        ...


@runtime_checkable
class LanguagesEdit(Edit, Protocol):
    """An edit with a part for each of some languages.

    Its ``take`` takes out the parts of the languages that the user named; all, if he named none.
    """

    @property
    def named(self) -> bool:
        """Whether the user named the languages."""
        ...

    @property
    def unnamed(self) -> LanguagesEdit:
        """The same edit, as if he had named none."""
        ...

    def parts(self, text: str) -> dict[str, str]:
        """The languages that have a part in ``text``, and what it is known by, if that is needed.

        Raises:
            SetupError: the text is not what the editor would read.
        """
        ...

    def knowing(self, parts: Mapping[str, str]) -> LanguagesEdit:
        """The same edit, told what was written before."""
        ...


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file of the editor's, and our part of it."""

    path: Path
    edit: Edit


@dataclass(frozen=True, slots=True)
class Run:
    """A program of the editor's own that makes the change, and the one that takes it back."""

    make: tuple[str, ...]
    undo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """How Polypilot gets into one editor."""

    editor: str
    title: str
    found: str
    """By what the editor was found on this machine; empty if it was not."""
    files: tuple[FileEdit, ...] = ()
    runs: tuple[Run, ...] = ()
    steps: tuple[str, ...] = ()
    """What the user does by hand, in order; a step may have several lines."""
    page: str = ""
    """Where the documentation is, below the repository's root."""
