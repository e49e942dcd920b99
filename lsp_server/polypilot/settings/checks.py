"""Whether a value fits its setting, one value at a time, so that a bad one costs no other."""

from __future__ import annotations

import os
from typing import Any, cast

from pydantic import ValidationError

from polypilot.settings.model import KEYS, SECTIONS
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin

# A relative path would be looked up in the editor's current folder, often a repository, which
# could bring a certificate authority or a model of its own.
_PATHS = {"network.ca_file", "embedded.model_file", "embedded.mirror"}
_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}


def checked(name: str, given: object) -> tuple[Any, str]:
    """The value in the setting's type; or None, and what is wrong (never quoting the value)."""
    section, field, _ = KEYS[name]
    try:
        value = getattr(SECTIONS[section].model_validate({field: given}), field)
    except ValidationError as exc:
        return None, words(exc)
    if name in _PATHS:
        value = os.path.expanduser(value)  # noqa: PTH111  (may be a URL, which Path would fold)
    wrong = _unsound(name, value)
    return (None, wrong) if wrong else (value, "")


def words(exc: ValidationError) -> str:
    """The first of pydantic's complaints as part of our sentence."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    return soften(first["msg"])


def soften(message: str) -> str:
    """``Input should be a valid tuple`` as a user of TOML would say it."""
    text = message.removeprefix("Value error, ")
    text = text.replace("Input should", "must").replace("String should", "must")
    text = text.replace("valid tuple", "list").replace("a valid integer", "a whole number")
    return text.replace("a valid ", "a ")


def is_list(name: str) -> bool:
    """Whether the setting holds several texts."""
    return isinstance(KEYS[name][2].default, tuple)


def as_list(value: object) -> tuple[object, str]:
    """A list of texts made of what was given, and what was wrong with it.

    One bad entry must not cost the good ones: they may be exclusions.
    """
    if isinstance(value, str):
        return [value], "must be a list; taken as a list of one"
    if not isinstance(value, (list, tuple)):
        return value, ""
    entries = cast("list[object]", value)
    texts = [item for item in entries if isinstance(item, str)]
    wrong = "must hold texts only; the other entries are ignored"
    return texts, wrong if len(texts) < len(entries) else ""


def _unsound(name: str, value: Any) -> str:
    """What a type can't say; empty if nothing is wrong."""
    if name == "network.proxy" and value:
        return _unsound_proxy(value)
    if name == "embedded.mirror" and value.startswith(("http:", "https:")):
        return _unsound_url(value) and "must be a folder or an https address"
    if name in _PATHS and value and not os.path.isabs(value):  # noqa: PTH117  (as above)
        return "must be an absolute path"
    if name == "privacy.exclude" and any("\0" in item or "\n" in item for item in value):
        return "must hold one pattern per entry"
    return ""


def _unsound_proxy(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in _PROXY_SCHEMES or not rest:
        return "must be a URL such as http://proxy.example:3128"
    if "@" in rest:
        return "must not hold a user name or password"
    return _unsound_url(f"https://{rest}")


def _unsound_url(value: str) -> str:
    try:
        Origin.parse(value)
    except ConfigurationError as exc:
        return exc.message
    return ""
