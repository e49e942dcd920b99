"""The prompt texts that are data: ``templates/*.md``, filled in by ``string.Template``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def builtin(name: str) -> str:
    """The text of a template of this package, e.g. ``chat``; its last line break is left off."""
    return (files("polypilot_prompts") / "templates" / f"{name}.md").read_text("utf-8").rstrip("\n")


def render(
    name: str,
    values: Mapping[str, str] | None = None,
    *,
    overrides: Mapping[str, str] | None = None,
) -> str:
    """A template with its ``$names`` filled in; a name without a value stays as it is.

    ``overrides`` are the user's own texts by template name, taken in place of ours.
    """
    text = (overrides or {}).get(name)
    return Template(builtin(name) if text is None else text).safe_substitute(values or {})
