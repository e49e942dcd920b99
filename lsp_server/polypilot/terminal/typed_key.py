"""A key as a person, or a program on stdin, hands it over. It is never an argument."""

from __future__ import annotations

import sys

import click

from polypilot.errors import register_secret

_LONGEST = 8192


def from_stdin() -> str:
    """The key in stdin's first line; raises click.UsageError for what is none."""
    return usable(sys.stdin.readline(_LONGEST))


def typed(prompt: str) -> str:
    """The key as it is typed, hidden; raises click.UsageError for what is none."""
    if not sys.stdin.isatty():
        message = "There is no terminal to type the key at; give it with --stdin."
        raise click.UsageError(message)
    return usable(click.prompt(prompt, hide_input=True, err=True, type=str))


def usable(text: str) -> str:
    """The key without the white space that copying adds."""
    key = text.strip()
    if not key:
        message = "The key is empty; nothing was stored."
        raise click.UsageError(message)
    if not (key.isascii() and key.isprintable()) or " " in key or len(key) >= _LONGEST:
        message = "That does not look like a key: one word of ASCII characters. Nothing was stored."
        raise click.UsageError(message)
    register_secret(key)
    return key
