"""The user's own prompt templates: ``prompts/`` beside the settings file, and nowhere else."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.errors import printable
from polypilot.settings import SettingsProblem
from polypilot_prompts.overrides import (
    OURS,
    Fault,
    Overrides,
    fault_of_template,
    read_families,
)

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "prompts"
LIMIT = 64_000
"""Bytes of a file."""
_TEMPLATES = ("completion", "chat")
_FAMILIES = "fim.toml"
_OURS = "Until then Polypilot's own is used"
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


class _UnreadableError(Exception):
    """With the reason."""


@dataclass(frozen=True, slots=True)
class OwnPrompts:
    """What the folder held."""

    overrides: Overrides = OURS
    problems: tuple[SettingsProblem, ...] = ()


def files() -> tuple[Path, ...]:
    """The files that are read, whether they are there or not."""
    folder = paths.config_dir() / FOLDER
    return (*(folder / f"{name}.md" for name in _TEMPLATES), folder / _FAMILIES)


def read_own_prompts() -> OwnPrompts:
    """Read the folder. Blocks; never fails: what can't be used is a problem, and ours is used."""
    *template_files, family_file = files()
    problems: list[SettingsProblem] = []
    templates: dict[str, str] = {}
    for name, file in zip(_TEMPLATES, template_files, strict=True):
        try:
            text = _read(file)
        except _UnreadableError as error:
            problems.append(_problem(file, _unreadable(error)))
            continue
        if text is None:
            continue
        if fault := fault_of_template(name, text):
            problems.append(_problem(file, fault))
        else:
            templates[name] = text.rstrip("\n")
    try:
        families, faults = read_families(_read(family_file) or "")
    except _UnreadableError as error:
        families, faults = {}, (_unreadable(error),)
    problems += (_problem(family_file, fault) for fault in faults)
    if not templates and not families:
        return OwnPrompts(OURS, tuple(problems))
    return OwnPrompts(Overrides(templates, families), tuple(problems))


def _read(file: Path) -> str | None:
    """A file's text; None if there is none."""
    try:
        fd = os.open(file, os.O_RDONLY | _NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _UnreadableError(f"can't be opened ({error.strerror})") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _UnreadableError("is not an ordinary file")
        data = b""
        while len(data) <= LIMIT and (more := os.read(fd, 65_536)):
            data += more
    except OSError as error:
        raise _UnreadableError(f"can't be read ({error.strerror})") from None
    finally:
        os.close(fd)
    if len(data) > LIMIT:
        raise _UnreadableError(f"is longer than {LIMIT:,} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _UnreadableError("is not UTF-8 text") from None


def _unreadable(error: _UnreadableError) -> Fault:
    return Fault("", str(error), "Make it a readable text file, or remove it")


def _problem(file: Path, fault: Fault) -> SettingsProblem:
    return SettingsProblem(
        printable(str(file)),
        None,
        fault.key,
        fault.message,
        f"{fault.cure}. {_OURS}",
        code="bad_value" if fault.key else "unreadable",
    )
