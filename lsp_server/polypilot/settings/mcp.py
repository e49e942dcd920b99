"""The tables ``[mcp.NAME]`` of the user's own file: servers whose tools a model may be offered.

A table starts a program, or names an address that gets what a model passes to it; so it counts in
the user's file alone, never in an editor's settings for a folder nor in a workspace's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin

MOST_SERVERS = 20
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?")
"""What a server may be called."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        # The value is not repeated: who writes NAME=VALUE writes a secret.
        raise ValueError("must be the name of an environment variable, without a value")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


_Text = Annotated[str, AfterValidator(_printable)]


class McpServer(BaseModel):
    """One server: a program that is started, or an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command: _Text = Field(
        default="",
        max_length=4_096,
        description="Program to start: an absolute path, or a name that is found in PATH outside "
        "of the open folders.",
    )
    args: tuple[_Text, ...] = Field(
        default=(), max_length=100, description="Its arguments; no keys, others can read them."
    )
    env: tuple[Annotated[str, AfterValidator(_variable)], ...] = Field(
        default=(),
        max_length=100,
        description="Names of environment variables that are passed on to it, besides the few "
        "that every program needs.",
    )
    cwd: _Text = Field(
        default="",
        max_length=4_096,
        description="Folder that it is started in (absolute path); empty is your home folder.",
    )
    url: _Text = Field(
        default="",
        max_length=2_048,
        description="In place of a program: where the server answers (Streamable HTTP); https, or "
        "http on this machine.",
    )
    auth: Literal["none", "keyring"] = Field(
        default="none",
        description="`keyring`: what is stored with `polypilot auth set mcp:NAME` is sent to the "
        "url, as a bearer token.",
    )
    enabled: bool = Field(default=True, description="Whether it is used.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command, to start a program, or url")
        if self.command:
            self._check_program()
        else:
            self._check_address()
        return self

    def _check_program(self) -> None:
        if self.auth != "none":
            raise ValueError("auth is for a url; name the variable with the program's key in env")
        if self.cwd and not Path(self.cwd).is_absolute():
            raise ValueError("cwd must be an absolute path")
        separated = "/" in self.command or "\\" in self.command
        if separated and not Path(self.command).is_absolute():
            raise ValueError("command must be an absolute path, or a name that is found in PATH")

    def _check_address(self) -> None:
        if self.args or self.env or self.cwd:
            raise ValueError("args, env and cwd are for a command, not for a url")
        if "?" in self.url or "#" in self.url:
            raise ValueError("url must end with its path; keys belong into the keyring")
        try:
            Origin.parse(self.url)
        except ConfigurationError as error:
            raise ValueError(error.message) from None
