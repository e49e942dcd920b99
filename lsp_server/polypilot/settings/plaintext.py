"""Keys that someone wrote into a settings file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from polypilot.errors import looks_like_key, redact, register_secret
from polypilot.settings.layers import Key, Layer, Leaf, squash
from polypilot.settings.model import SECTIONS
from polypilot_providers.catalog import ModelRow, ProviderRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.settings.source import SettingsProblem

_NAMES = re.compile(
    r"(?:api|access|secret|private|auth|subscription|account)?keys?$|tokens?$|secret|passw"
    r"|authori[sz]ation|bearer|credential|apikey|accesskey"
)
# Fields of ours whose names look like it. Their values are checked for the shape of a key.
_OURS = {
    squash(name)
    for fields in (
        ProviderRow.model_fields,
        ModelRow.model_fields,
        *(model.model_fields for model in SECTIONS.values()),
    )
    for name in fields
}
_FREE_TEXT = {("chat", "system")}  # prose may well speak of api_key=...
_MAX_DEPTH = 12
_TOO_LONG_FOR_A_WORD = 16
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEY_MESSAGE = "there is a key in this file; it is not used"
_KEY_CURE = (
    "Remove it, replace it at the supplier if others could read the file, and run "
    "`polypilot auth set PROVIDER` to store the new one in the system's keyring"
)
_PROXY_MESSAGE = "the proxy's password is in this file; the proxy is not used"
_PROXY_CURE = (
    "Remove user name and password here, or leave the setting empty and give the whole URL in "
    "the environment variable HTTPS_PROXY"
)


def is_key(key: Key, leaf: Leaf) -> bool:
    """Whether a value is a key: by the name it is given, or by its own shape."""
    # A provider may be called "token-server"; its id is a name the user chose, not a field.
    fields = (key[0], *key[2:]) if key[0] == "providers" else key
    if key[0] == "accounts":  # nor are folders, and the providers in them
        fields = key[:1]
    named = any(_names_a_key(part) for part in fields)
    return any(
        text and (_names_a_key(name) or named or _shaped(key, text))
        for name, text in _texts("", leaf.value, 0)
    ) or any(_shaped((), part) for part in key)


def refuse(layer: Layer, key: Key, leaf: Leaf) -> SettingsProblem:
    """Report a key in a file, without a byte of it, and keep it out of all logs."""
    if layer.kind == "user":  # a repository must not choose which words vanish from the log
        for _, text in _texts("", leaf.value, 0):
            if len(text) >= _TOO_LONG_FOR_A_WORD:
                register_secret(text)
    provider = provider_of(key)
    message, cure = _KEY_MESSAGE, _KEY_CURE
    if layer.kind == "user" and provider:
        message += ", and nothing is sent to this provider while it is there"
    elif key == ("network", "proxy"):
        message, cure = _PROXY_MESSAGE, _PROXY_CURE
    if _ID.fullmatch(provider) and not _shaped((), provider):
        cure = cure.replace("PROVIDER", provider)
    return layer.report(key, message, cure, code="plaintext_key", line=leaf.line)


def provider_of(key: Key) -> str:
    """The id of the provider that ``key`` is about; empty if it is about none."""
    place = {"providers": 1, "accounts": 2}.get(key[0], len(key))
    return key[place] if place < len(key) else ""


def _names_a_key(name: str) -> bool:
    squashed = squash(name)
    return squashed not in _OURS and _NAMES.search(squashed) is not None


def _shaped(key: Key, text: str) -> bool:
    return looks_like_key(text) if key in _FREE_TEXT else redact(text) != text


def _texts(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    """Every string in a value with the name it has there; lists and tables are entered."""
    if isinstance(value, str):
        yield name, value
    elif depth < _MAX_DEPTH and isinstance(value, Mapping):
        for inner, below in cast("Mapping[object, object]", value).items():
            if _shaped((), str(inner)):
                yield name, str(inner)
            yield from _texts(str(inner), below, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
        for below in cast("list[object]", value):
            yield from _texts(name, below, depth + 1)
