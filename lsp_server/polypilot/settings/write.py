"""Changing the user's file: only what was asked for, in one step, comments and all kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from polypilot import paths
from polypilot.settings import plaintext
from polypilot.settings.accounts import spelling
from polypilot.settings.checks import checked
from polypilot.settings.layers import USER_FILE_LIMIT, Key, Leaf, flatten, read_file, show, squash
from polypilot.settings.layers import Layer as _Layer
from polypilot.settings.model import KEYS
from polypilot.settings.removal import without_row
from polypilot.settings.source import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tomlkit import TOMLDocument

_BOM = b"\xef\xbb\xbf"
_BARE = re.compile(r"(?<!\r)\n")
_STORE = "`polypilot auth set PROVIDER` stores keys in the system's keyring"

Name = str | Key
"""A setting's dotted name; or its parts, where one of them may have dots (a header's name)."""


def update_user_file(
    changes: Mapping[Name, object | None] | Mapping[str, object | None],
    user_file: Path | None = None,
    *,
    check: Callable[[_Layer], object] | None = None,
) -> Path:
    """Set keys in ``config.toml``; None removes one, or a whole table. Returns the file written.

    Changes are made in their order. ``check`` is given what the file will say and may raise
    SettingsError: then nothing is written.

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
    return _write({_key(name): value for name, value in changes.items()}, user_file, check)


def choose_account(
    provider_id: str,
    account: str | None,
    folder: Path | None = None,
    user_file: Path | None = None,
) -> Path:
    """Name the key to use for a provider, in ``folder`` or everywhere else; None takes it back.

    As :func:`update_user_file`, and raises as that does.
    """
    if account is not None and plaintext.is_key(("providers", provider_id), Leaf(account, None)):
        raise SettingsError("that is a key, not the name of one", cure=_STORE)
    if folder is None:
        return _write({("providers", provider_id, "account"): account}, user_file)
    # Read anew: another folder may have been written since the settings were loaded.
    layer = read_file(user_file or paths.config_file(), "user", USER_FILE_LIMIT)
    written = [key[1] for key in layer.leaves if key[0] == "accounts" and len(key) > 1]
    return _write({("accounts", spelling(written, folder), provider_id): account}, user_file)


def _write(
    changes: Mapping[Key, object | None],
    user_file: Path | None,
    check: Callable[[_Layer], object] | None = None,
) -> Path:
    path = user_file or paths.config_file()
    try:
        paths.ensure_private(path.parent)
        if path.is_symlink():
            path = path.resolve()
        with paths.exclusive(path):
            old = path.read_bytes() if path.exists() else b""
            new = _changed(path, old, changes, check)
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


def _check(given: Name, value: object | None) -> None:
    key = _key(given)
    name = ".".join(key)
    if value is not None and plaintext.is_key(key, Leaf(value, None)):
        raise SettingsError(
            f"{show(name)} is a key, and keys are not written to files",
            cure=_STORE,
        )
    if key[0] == "providers":
        return  # judged together with the rest of its row, when the file is read
    if name not in KEYS:
        raise SettingsError(f"{show(name)} is not a setting", cure="docs/settings.md lists them")
    wrong = checked(name, value)[1] if value is not None else ""
    if wrong:
        raise SettingsError(f"{name} {wrong}", cure="docs/settings.md says what it takes")


def _key(name: Name) -> Key:
    """``providers.ID.FIELD`` has exactly three parts, though an id may have dots."""
    if isinstance(name, tuple):
        return name
    head, _, rest = name.partition(".")
    if head == "providers" and "." in rest:
        provider_id, _, field = rest.rpartition(".")
        return (head, provider_id, field)
    return tuple(name.split("."))


def _changed(
    path: Path,
    old: bytes,
    changes: Mapping[Key, object | None],
    check: Callable[[_Layer], object] | None,
) -> bytes:
    before = read_file(path, "user", USER_FILE_LIMIT)
    if not before.ok:
        problem = before.problems[0]
        raise SettingsError(f"not changed, because {problem.told}", cure=problem.cure)
    import tomlkit  # noqa: PLC0415  (0.1 s that only a change needs)
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - as the line above

    bom = _BOM if old.startswith(_BOM) else b""
    try:
        text = old.removeprefix(bom).decode("utf-8")
        for key, value in changes.items():
            if value is None and key[0] == "providers" and len(key) == 2:  # noqa: PLR2004  (a row)
                text = without_row(text, key[1])
        document = tomlkit.parse(text)
        rows = _new_rows(cast("dict[str, Any]", document), changes)
        for key, value in changes.items():
            if key not in rows:
                _apply(cast("dict[str, Any]", document), key, value)
        text = _ended(_with_rows(document, rows), text)
        new = bom + text.encode("utf-8")
    except (TOMLKitError, TypeError, ValueError) as exc:
        message = f"{show(str(path))} could not be changed ({type(exc).__name__})"
        raise SettingsError(message, cure="Make the change in the file by hand") from exc
    layer = _verify(path, text, changes)
    if check is not None:
        check(layer)
    return new


def row_text(provider_id: str, fields: Mapping[str, object]) -> str:
    """The lines that a new row with these fields is."""
    import tomlkit  # noqa: PLC0415  (0.1 s that only this needs)

    block = tomlkit.document()
    for name, value in fields.items():
        _apply(cast("dict[str, Any]", block), ("providers", provider_id, name), value)
    return tomlkit.dumps(block)


def _new_rows(
    document: Mapping[str, Any], changes: Mapping[Key, object | None]
) -> dict[Key, object | None]:
    """The changes that make provider rows which the file does not have, or is about to lose."""
    there = document.get(_spelling(document, "providers"), {})
    gone = {key for key, value in changes.items() if value is None}
    return {
        key: value
        for key, value in changes.items()
        if key[0] == "providers"
        and len(key) > 2  # noqa: PLR2004  (providers, id, field)
        and (key[1] not in there or key[:2] in gone)
    }


def _with_rows(document: TOMLDocument, rows: Mapping[Key, object | None]) -> str:
    """The document's text with new rows at its end, where they part no remark from its table."""
    import tomlkit  # noqa: PLC0415  (loaded by the caller)

    text = tomlkit.dumps(document)
    block = tomlkit.document()
    for key, value in rows.items():
        _apply(cast("dict[str, Any]", block), key, value)
    if not block:
        return text
    more = tomlkit.dumps(block)
    gap = ("\n" if text.endswith("\n") else "\n\n") if text else ""
    eol = "\r\n" if "\r\n" in text else "\n"
    return text + f"{gap}{more}".replace("\n", eol)


def _ended(text: str, before: str) -> str:
    """With new lines that end as all of the others did."""
    if "\r\n" not in before or _BARE.search(before):
        return text
    return _BARE.sub("\r\n", text)


def _apply(document: dict[str, Any], key: Key, value: object | None) -> None:
    """Change one key in place, under the spelling the file already uses for it."""
    table = document
    for depth, part in enumerate(key[:-1]):
        name = _spelling(table, part) if depth == 0 else part
        if name not in table or not isinstance(table[name], dict):
            if value is None:
                return
            import tomlkit  # noqa: PLC0415  (loaded by the caller)

            table[name] = tomlkit.table()
        table = cast("dict[str, Any]", table[name])
    # A section's name, and a setting's, have several spellings; folders and ids have one.
    name = key[-1] if key[0] == "accounts" else _spelling(table, key[-1])
    if value is None:
        table.pop(name, None)
        if key[0] == "accounts":
            _drop_if_empty(document, key)
    else:
        table[name] = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value


def _drop_if_empty(document: dict[str, Any], key: Key) -> None:
    """Take a folder's table away with its last entry, unless it holds a remark."""
    accounts = document[_spelling(document, key[0])]
    if not accounts[key[1]] and "#" not in accounts[key[1]].as_string():
        del accounts[key[1]]


def _spelling(table: Mapping[str, object], part: str) -> str:
    return next((name for name in table if squash(name) == squash(part)), part)


def _verify(path: Path, text: str, changes: Mapping[Key, object | None]) -> _Layer:
    """The new text must say what was asked; a mistake of an editing library is not written."""
    import tomllib  # noqa: PLC0415  (next to the only use)

    layer = _Layer("user", str(path))
    try:
        flatten(tomllib.loads(text), layer, {})
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        message = f"{show(str(path))} could not be changed: the result would not be valid"
        raise SettingsError(message, cure="Make the change in the file by hand") from exc
    for key, value in changes.items():
        wanted = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value
        leaf = layer.leaves.get(key)
        below = [each for each in layer.leaves if each[: len(key)] == key and each != key]
        stays = value is None and any(each not in changes for each in below)
        if (leaf.value if leaf else None) != wanted or stays:
            message = f"{show(key)} could not be changed: the file writes it in an unusual way"
            raise SettingsError(message, cure="Make the change in the file by hand")
    return layer
