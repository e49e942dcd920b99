"""Planning, making and undoing the changes of an editor's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.errors import printable
from polypilot.setup import files, record
from polypilot.setup.texts import changed, decode
from polypilot.setup.values import LanguagesEdit, SetupError

if TYPE_CHECKING:
    from polypilot.setup.values import Edit, FileEdit, Guide


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after. None: there is none."""

    path: Path
    before: bytes | None
    after: bytes | None
    exact: bool = True
    """Of an undo: whether it restores the very bytes from before we came. Of a change: whether
    there is nothing of ours in the file before it."""
    kept: Path | None = None
    """Of an undo that is not exact: where the bytes from before we came stay."""
    parts: dict[str, str] = field(default_factory=dict[str, str])
    """Of a change: the languages that get a part of their own, and what it is known by."""
    rest: tuple[str, ...] = ()
    """Of an undo for some languages: those that keep their part."""

    @property
    def needed(self) -> bool:
        """Whether it changes anything."""
        return self.before != self.after


def plan(guide: Guide) -> list[FileChange]:
    """What would be written, file by file; only what differs.

    Raises:
        SetupError: a file can't be read, does not parse, or has no place for our part.
    """
    planned = [_planned(each) for each in guide.files]
    return [each for each in planned if each.needed]


def _planned(edit: FileEdit) -> FileChange:
    before = files.read(edit.path)
    try:
        after = changed(before or b"", edit.edit.put)
        whole = edit.edit.unnamed if isinstance(edit.edit, LanguagesEdit) else edit.edit
        free = before is None or changed(before, whole.take) == before
        old = _parts(edit.edit, before or b"")
        parts = {name: part for name, part in _parts(edit.edit, after).items() if name not in old}
        return FileChange(edit.path, before, after, exact=free, parts=parts)
    except SetupError as error:
        raise _of(edit.path, error) from None


def _parts(edit: Edit, data: bytes) -> dict[str, str]:
    return edit.parts(decode(data)[0]) if isinstance(edit, LanguagesEdit) else {}


def apply(editor: str, changes: list[FileChange]) -> list[tuple[Path, Path | None]]:
    """Write what was planned: each file, and where its bytes from before are kept.

    Raises:
        SetupError: a file has changed since, is marked read-only, or can't be written.
    """
    for change in changes:
        _still(change)
    done: list[tuple[Path, Path | None]] = []
    for change in changes:
        entry = _applied(editor, change)
        kept = record.folder() / entry.backup if entry.backup else None
        done.append((change.path, kept))
    return done


def _applied(editor: str, change: FileChange) -> record.Entry:
    found = record.entries(editor)
    before, after = change.before, change.after or b""
    old = found.get(str(change.path))
    if old is not None and before is not None and old.left == record.digest(before):
        entry = replace(old, left=record.digest(after))  # the user's own bytes are kept already
    else:
        backup = record.back_up(editor, change.path, before) if before is not None else ""
        # What the user has changed since holds our part of before: no undo to the byte.
        exact = change.exact and (old is None or before is None)
        entry = record.Entry(str(change.path), record.digest(after), backup, exact=exact)
    made = files.replace(change.path, after)
    earlier = old.parts if old is not None and before is not None else {}
    entry = replace(
        entry,
        made=tuple(dict.fromkeys((*entry.made, *map(str, made)))),
        parts={**earlier, **change.parts},
    )
    record.keep(editor, {**found, entry.path: entry})
    if old is not None and old.backup != entry.backup:
        record.forget(old)
    return entry


def plan_undo(guide: Guide) -> list[FileChange]:
    """What taking it back would write.

    A file that is as we left it gets its bytes from before; of one that was changed since, only
    our part is taken out. So it is while languages that the user did not name keep their part.

    Raises:
        SetupError: our part can't be told from the user's; says what to do by hand.
    """
    found = record.entries(guide.editor)
    edits = {str(each.path): each for each in guide.files}
    planned = [_undone(Path(name), found.get(name), edits.get(name)) for name in {**edits, **found}]
    return [each for each in planned if each.needed]


def _undone(path: Path, entry: record.Entry | None, edit: FileEdit | None) -> FileChange:
    now = files.read(path)
    if now is None:
        return FileChange(path, None, None)
    our = edit.edit if edit is not None else None
    try:
        if entry is not None and entry.parts and isinstance(our, LanguagesEdit):
            our = our.knowing(entry.parts)
            if rest := _rest(now, our, entry):
                return FileChange(path, now, changed(now, our.take), exact=False, rest=rest)
        if (restored := _restored(path, now, entry)) is not None:
            return restored
        if our is not None:
            kept = record.folder() / entry.backup if entry is not None and entry.backup else None
            return FileChange(path, now, changed(now, our.take), exact=False, kept=kept)
    except SetupError as error:
        raise _of(path, error) from None
    raise SetupError(
        f"{printable(str(path))} was changed since, and is no longer what this editor reads",
        cure="Take the lines with polypilot out of it yourself",
    )


def _rest(now: bytes, edit: LanguagesEdit, entry: record.Entry) -> tuple[str, ...]:
    """The languages that keep what was written for them."""
    if not edit.named:
        return ()
    left = _parts(edit, changed(now, edit.take))
    return tuple(name for name in entry.parts if name in left)


def _restored(path: Path, now: bytes, entry: record.Entry | None) -> FileChange | None:
    """The bytes from before, if the file is as we left it."""
    if entry is None or not entry.exact or record.digest(now) != entry.left:
        return None
    before = record.backed_up(entry) if entry.backup else None
    return FileChange(path, now, before) if before is not None or not entry.backup else None


def undo(editor: str, changes: list[FileChange]) -> None:
    """Write what was planned, and forget what was kept for it.

    Raises:
        SetupError: as :func:`apply`.
    """
    for change in changes:
        _still(change)
    found = record.entries(editor)
    for change in changes:
        entry = found.pop(str(change.path), None)
        if entry is not None and change.rest:
            found[entry.path] = _with_rest(entry, change)
        if change.after is None:
            files.remove(change.path, [Path(each) for each in entry.made] if entry else [])
        else:
            files.replace(change.path, change.after)
        record.keep(editor, found)
        if entry is not None and change.exact:
            record.forget(entry)


def _with_rest(entry: record.Entry, change: FileChange) -> record.Entry:
    """The record of a file in which some languages keep their part."""
    ours = change.before is not None and record.digest(change.before) == entry.left
    return replace(
        entry,
        left=record.digest(change.after or b"") if ours else entry.left,
        parts={name: entry.parts[name] for name in change.rest},
    )


def _still(change: FileChange) -> None:
    if files.read(change.path) != change.before:
        raise SetupError(
            f"{printable(str(change.path))} has changed meanwhile; nothing was written",
            cure="Try again",
        )
    if files.locked(change.path):
        raise SetupError(
            f"{printable(str(change.path))} is marked read-only; nothing was written",
            cure="Make it writable and try again, or make the change shown above where it is made",
        )


def _of(path: Path, error: SetupError) -> SetupError:
    return SetupError(
        f"{printable(str(path))} is left alone: {error.message}",
        cure=error.cure or "Mend it and try again; `--print` shows what belongs into it",
    )
