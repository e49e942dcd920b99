"""Writing the record of usage to a file of the user's: as it is read, or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.errors import UserError
from polypilot.usage.values import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polypilot.terminal.output import Output
    from polypilot.terminal.program import Session

_COLUMNS = tuple(each.name for each in fields(Entry))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""


def export(output: Output, session: Session, file: Path) -> None:
    """Write all of it to a ``.csv`` or ``.json`` file.

    Raises:
        click.UsageError: the file's name ends otherwise.
        UserError: the file can't be written; one that was there is as it was.
        StorageError: the record can't be read.
    """
    kind = file.suffix.lower()
    if kind not in {".csv", ".json"}:
        raise click.UsageError("--export takes a file whose name ends in .csv or .json.")
    count = [0]
    pages = _counted(_pages(session), count)
    write(file, _csv(pages) if kind == ".csv" else _json(session, pages))
    output.note(f"Written to {file}: {count[0]:,} suggestions and requests.")


def write(file: Path, pieces: Iterable[str]) -> None:
    """Write a file in one go: one that was there is replaced when the new one is whole.

    Raises:
        UserError: it can't be written.
    """
    try:
        _replace(file, pieces)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise UserError(
            f"{file} can't be written: {why}", code="system", cure="name another file or folder"
        ) from error


def _replace(file: Path, pieces: Iterable[str]) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=file.parent, prefix=file.name, delete=False
    ) as made:
        try:
            made.writelines(pieces)
            made.close()
            Path(made.name).replace(file)
        except BaseException:
            made.close()
            Path(made.name).unlink(missing_ok=True)
            raise


def _pages(session: Session) -> Iterator[list[Entry]]:
    pages = session.backend.usage.entries()
    try:
        while (page := session.run(anext(pages, None))) is not None:
            yield page
    finally:
        session.run(pages.aclose())


def _counted(pages: Iterable[list[Entry]], count: list[int]) -> Iterator[list[Entry]]:
    for page in pages:
        count[0] += len(page)
        yield page


def _csv(pages: Iterable[list[Entry]]) -> Iterator[str]:
    yield _csv_lines([_COLUMNS])
    for page in pages:
        yield _csv_lines([_cell(getattr(each, name)) for name in _COLUMNS] for each in page)


def _csv_lines(lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _cell(value: object) -> object:
    match value:
        case bool():
            return int(value)
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return value


def _json(session: Session, pages: Iterable[list[Entry]]) -> Iterator[str]:
    daily = session.run(session.backend.usage.daily())
    yield '{"format": 1,\n"daily": ' + json.dumps(daily) + ',\n"entries": ['
    comma = "\n"
    for page in pages:
        for entry in page:
            yield comma + json.dumps({name: getattr(entry, name) for name in _COLUMNS})
            comma = ",\n"
    yield "\n]}\n"
