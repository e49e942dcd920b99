"""``polypilot providers add``: an address becomes a provider."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

import click

from polypilot.terminal import typed_key
from polypilot.terminal.program import CONFIGURATION, OK, USAGE, Program, Session
from polypilot_providers.base import Secret
from polypilot_providers.catalog import Wire
from polypilot_providers.errors import AuthError

if TYPE_CHECKING:
    from polypilot.backend.adding import Adding
    from polypilot.backend.own_rows import Saved

_WIRES = [wire for wire in get_args(Wire) if wire != "plugin" and not wire.startswith("bedrock")]
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_SOME = 8
"""Names of models that are shown."""


@dataclass(frozen=True)
class _Options:
    key_env: str
    no_key: bool
    from_stdin: bool
    yes: bool
    json_mode: bool


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("surplus", nargs=-1, metavar="")
@click.option("--url", required=True, help="Where the API is, as its documentation says.")
@click.option("--wire", type=click.Choice(_WIRES), help="The protocol, if it is not to be found.")
@click.option("--model", default="", help="The model to try and to use.")
@click.option("--key-env", default="", metavar="VAR", help="Environment variable with the key.")
@click.option("--no-key", is_flag=True, help="Use no key.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the key from stdin, unprompted.")
@click.option("--replace", is_flag=True, help="Replace the row of that name.")
@click.option("--yes", is_flag=True, help="Try it (a few tokens) and write it without asking.")
@click.option("--json", "json_mode", is_flag=True, help="The outcome as one JSON object.")
@click.pass_obj
def add(
    program: Program,
    *,
    name: str,
    surplus: tuple[str, ...],
    url: str,
    wire: str | None,
    model: str,
    key_env: str,
    no_key: bool,
    from_stdin: bool,
    replace: bool,
    yes: bool,
    json_mode: bool,
) -> int:
    """Add a server that speaks a known protocol: find out how, show the row, write it.

    The key is typed hidden when the server asks for one. Nothing of your code is sent.
    """
    if surplus:
        # Not repeated: it may be a key.
        message = "One NAME is taken. A key is never an argument: it is asked for, or --stdin."
        raise click.UsageError(message)
    if (no_key and (key_env or from_stdin)) or (key_env and from_stdin):
        message = "Give one of --key-env, --stdin and --no-key."
        raise click.UsageError(message)
    if key_env and not _VARIABLE.fullmatch(key_env):
        # Not repeated: it may be the key.
        message = "--key-env takes the name of a variable, in capitals, and no key."
        raise click.UsageError(message)
    options = _Options(key_env, no_key, from_stdin, yes, json_mode)
    with program.session() as session:
        adding = session.backend.own_rows.add(
            name,
            url,
            say=lambda text: program.output.note(text, kind="progress"),
            wire=cast("Wire | None", wire),
            model=model,
            replace=replace,
        )
        try:
            return _Conversation(program, session, adding, options).run()
        finally:
            session.run(adding.aclose())


class _Conversation:
    """Looking, asking the user, writing."""

    def __init__(
        self, program: Program, session: Session, adding: Adding, options: _Options
    ) -> None:
        self._output = program.output
        self._session = session
        self._own = session.backend.own_rows
        self._adding = adding
        self._options = options

    def run(self) -> int:
        """The command's exit status."""
        adding, output = self._adding, self._output
        self._introduce()
        self._session.run(adding.look())
        if self._options.key_env or self._options.from_stdin or adding.needs_key:
            self._use_key()
        self._prove()
        if self._options.key_env:
            self._session.run(self._own.mind_stored(adding, self._options.key_env))
        fields = adding.fields(self._options.key_env)
        text = self._own.text(adding.name, fields)
        if not self._options.json_mode:
            self._show(text)
        if not (self._options.yes or self._agreed("Write it into your config.toml?")):
            self._outcome(text, None)
            if not self._options.json_mode:
                output.print("Nothing was written.")
            return OK if sys.stdin.isatty() else USAGE
        saved = self._session.run(self._own.save(adding, key_env=self._options.key_env))
        self._outcome(text, saved)
        return CONFIGURATION if saved.problem else OK

    def _introduce(self) -> None:
        adding, output = self._adding, self._output
        output.note(
            f"{adding.name} is at {adding.origin}: a key goes there and nowhere else.",
            kind="progress",
        )
        for known in self._own.known_as(adding.origin):
            if not adding.origin.is_loopback:
                output.note(f"That address is the catalog's {known}: `polypilot use {known}`.")
        if self._session.backend.settings.privacy.local_only and not adding.origin.is_loopback:
            output.note("privacy.local_only is on: while it is, this provider is not used.")

    def _use_key(self) -> None:
        """Get the key and look again with it."""
        adding = self._adding
        adding.use_key(self._key())
        self._session.run(adding.look())

    def _key(self) -> Secret:
        options = self._options
        if options.key_env:
            return self._own.key_in(options.key_env)
        if options.from_stdin:
            return Secret(typed_key.from_stdin())
        if options.no_key or options.json_mode or not sys.stdin.isatty():
            cure = "Leave --no-key out." if options.no_key else "Give it with --stdin or --key-env."
            raise AuthError(f"{self._adding.origin} wants a key", cure=cure)
        return Secret(typed_key.typed(f"Key for {self._adding.origin}"))

    def _prove(self) -> None:
        adding = self._adding
        question = adding.question
        if question is None:
            return
        asked = f"Ask {question.model} for one token, up to six times, to see what it takes?"
        if not (self._options.yes or self._agreed(asked)):
            return
        self._session.run(adding.prove())
        if adding.needs_key:
            self._use_key()
            self._session.run(adding.prove())

    def _agreed(self, question: str) -> bool:
        """Whether the user says yes; nobody to ask is a no."""
        if self._options.json_mode or not sys.stdin.isatty():
            return False
        return click.confirm(question, default=True, err=True)

    def _show(self, text: str) -> None:
        found = self._adding.found
        names = found.names
        more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
        rows = [
            ("server", str(found.kind)),
            ("protocol", f"{found.wire} at {found.base_url}"),
            ("completion", " with ".join(filter(None, (found.completion, found.completion_model)))),
            ("chat", found.chat_model or "no model chosen"),
            ("models", f"{len(names)}: {', '.join(names[:_SOME])}{more}" if names else "not told"),
            ("key", "none" if self._adding.key is None else f"sent to {found.origin} only"),
            *(("not known", each) for each in self._unknown()),
            *(("note", each) for each in found.notes),
        ]
        for label, value in rows:
            self._output.print(f"{label + ':':12} {value}")
        self._output.print()
        self._output.print(text.rstrip())
        self._output.print()

    def _unknown(self) -> list[str]:
        name = self._adding.name
        return [each.replace("NAME", name) for each in self._adding.found.unknown()]

    def _outcome(self, text: str, saved: Saved | None) -> None:
        adding, found = self._adding, self._adding.found
        if not self._options.json_mode:
            if saved is not None:
                self._tell(saved)
            return
        key = self._options.key_env or (saved.key_kept_in if saved else "")
        self._output.json(
            {
                "provider": adding.name,
                "server": str(found.kind),
                "wire": found.wire,
                "base_url": found.base_url,
                "completion": found.completion,
                "completion_model": found.completion_model or None,
                "chat_model": found.chat_model or None,
                "models": found.names,
                "key": key or None,
                "unknown": self._unknown(),
                "notes": found.notes,
                "toml": text,
                "saved": saved is not None,
                "file": str(saved.file) if saved else None,
                "problem": (saved.problem or None) if saved else None,
            }
        )

    def _tell(self, saved: Saved) -> None:
        name, output = self._adding.name, self._output
        output.print(f"Written to {saved.file}.")
        if saved.key_kept_in:
            output.print(f"Key stored in {saved.key_kept_in}, for {self._adding.origin} only.")
        if saved.problem:
            output.note(f"It can't be asked as yet: {saved.problem}")
        output.print(f"Use it with: polypilot use {name}", style="dim")
