"""Changing the user's file: only what was asked for, in one step, comments and all kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from polypilot import paths
from polypilot.settings import plaintext
from polypilot.settings.checks import checked
from polypilot.settings.layers import USER_FILE_LIMIT, Key, Leaf, flatten, read_file, show, squash
from polypilot.settings.layers import Layer as _Layer
from polypilot.settings.model import KEYS
from polypilot.settings.source import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BOM = b"\xef\xbb\xbf"


def update_user_file(changes: Mapping[str, object | None], user_file: Path | None = None) -> Path:
    """Set dotted keys in ``config.toml``; None removes one. Returns the file written.

    Everything else in the file stays as it is, byte for byte. Readers see the old file or
    the new, and several writers at once lose nothing of each other. A file that is a link is
    changed where it points to, so that it may live in a dotfiles folder. Blocks: call it off
    the event loop.

    Raises:
        SettingsError: an unknown key, a value it can't have, a key (a secret) as value, a
            file that does not parse (it is left alone), or one that can't be written.
    """
    for name, value in changes.items():
        _check(name, value)
    path = user_file or paths.config_file()
    try:
        paths.ensure_private(path.parent)
        if path.is_symlink():
            path = path.resolve()
        with paths.exclusive(path):
            old = path.read_bytes() if path.exists() else b""
            new = _changed(path, old, changes)
            if new != old:
                paths.write_private(path, new)
    except TimeoutError as exc:
        message = f"{path.name} could not be changed: another program holds it"
        raise SettingsError(message, cure="Try again in a moment") from exc
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise SettingsError(
            f"{show(str(path))} can't be written: {reason}",
            cure="Make the folder writable, or set POLYPILOT_CONFIG_DIR to one that is",
        ) from exc
    return path


def _check(name: str, value: object | None) -> None:
    key = _key(name)
    if value is not None and plaintext.is_key(key, Leaf(value, None)):
        raise SettingsError(
            f"{show(name)}: keys are not written to files",
            cure="`polypilot auth set PROVIDER` stores them in the system's keyring",
        )
    if key[0] == "providers":
        return  # judged together with the rest of its row, when the file is read
    if name not in KEYS:
        raise SettingsError(f"{show(name)} is not a setting", cure="docs/settings.md lists them")
    wrong = checked(name, value)[1] if value is not None else ""
    if wrong:
        raise SettingsError(f"{name} {wrong}", cure="docs/settings.md says what it takes")


def _key(name: str) -> Key:
    """``providers.ID.FIELD`` has exactly three parts, though an id may have dots."""
    head, _, rest = name.partition(".")
    if head == "providers" and "." in rest:
        provider_id, _, field = rest.rpartition(".")
        return (head, provider_id, field)
    return tuple(name.split("."))


def _changed(path: Path, old: bytes, changes: Mapping[str, object | None]) -> bytes:
    before = read_file(path, "user", USER_FILE_LIMIT)
    if not before.ok:
        problem = before.problems[0]
        raise SettingsError(f"not changed, because {problem}", cure=problem.cure)
    import tomlkit  # noqa: PLC0415  (0.1 s that only a change needs)
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - as the line above

    bom = _BOM if old.startswith(_BOM) else b""
    try:
        document = tomlkit.parse(old.removeprefix(bom))
        for name, value in changes.items():
            _apply(cast("dict[str, Any]", document), _key(name), value)
        text = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, ValueError) as exc:
        message = f"{show(str(path))} could not be changed ({type(exc).__name__})"
        raise SettingsError(message, cure="Make the change in the file by hand") from exc
    _verify(path, text, changes)
    return bom + text.encode("utf-8")


def _apply(document: dict[str, Any], key: Key, value: object | None) -> None:
    """Change one key in place, under the spelling the file already uses for it."""
    table = document
    for part in key[:-1]:
        name = _spelling(table, part)
        if name not in table or not isinstance(table[name], dict):
            if value is None:
                return
            import tomlkit  # noqa: PLC0415  (loaded by the caller)

            table[name] = tomlkit.table()
        table = cast("dict[str, Any]", table[name])
    name = _spelling(table, key[-1])
    if value is None:
        table.pop(name, None)
    else:
        table[name] = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value


def _spelling(table: Mapping[str, object], part: str) -> str:
    return next((name for name in table if squash(name) == squash(part)), part)


def _verify(path: Path, text: str, changes: Mapping[str, object | None]) -> None:
    """The new text must say what was asked; a mistake of an editing library is not written."""
    import tomllib  # noqa: PLC0415  (next to the only use)

    layer = _Layer("user", str(path))
    try:
        flatten(tomllib.loads(text), layer, {})
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        message = f"{show(str(path))} could not be changed: the result would not be valid"
        raise SettingsError(message, cure="Make the change in the file by hand") from exc
    for name, value in changes.items():
        wanted = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value
        leaf = layer.leaves.get(_key(name))
        if (leaf.value if leaf else None) != wanted:
            message = f"{show(name)} could not be changed: the file writes it in an unusual way"
            raise SettingsError(message, cure="Make the change in the file by hand")
