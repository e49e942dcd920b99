"""``polypilot auth``: the keys in the operating system's keyring.

A key is never an argument (arguments are seen by every process) and never printed.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from polypilot.errors import looks_like_key
from polypilot.terminal import login, typed_key
from polypilot.terminal.keys import (
    OF_SERVER,
    Storing,
    check,
    known_keys,
    remove,
    store_for_server,
    to_check,
)
from polypilot.terminal.program import OK, USAGE, Program, workspace_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend
    from polypilot.terminal.output import Output
    from polypilot_providers.catalog import ProviderRow

F = TypeVar("F", bound="Callable[..., Any]")

_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{0,64}")


def _named(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A name for a key, or what may well be the key itself, which is not repeated."""
    del context
    if value is not None and not _ACCOUNT.fullmatch(value):
        message = "A name has letters, digits, dot, dash and underscore, 64 at most."
        raise click.BadParameter(message, param=parameter)
    if value is not None and looks_like_key(value):
        message = "That is a key, not a name for one; consider it as known to others."
        raise click.BadParameter(message, param=parameter)
    return value


def _account_option(text: str, default: str | None = "") -> Callable[[F], F]:
    return click.option(
        "--account", metavar="NAME", default=default, callback=_named, expose_value=True, help=text
    )


@click.group(invoke_without_command=True)
@click.pass_context
def auth(context: click.Context) -> int:
    """Enter, check and remove provider keys. They live in the keyring, nowhere else.

    Without a command it asks for a provider and its key.
    """
    if context.invoked_subcommand is not None:
        return OK
    if not sys.stdin.isatty():
        click.echo(context.get_help(), err=True)
        return USAGE
    program: Program = context.obj
    provider_id = login.ask_provider(program)
    status: int = context.invoke(set_key, provider_id=provider_id, surplus=(), account="")
    if status == OK:
        login.offer_for_chat(program, provider_id)
    return status


@auth.command("set")
@click.argument("provider_id", metavar="PROVIDER")
@click.argument("surplus", nargs=-1, metavar="")
@_account_option("A name for this key, if you have several for the provider.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the key from stdin, unprompted.")
@click.option("--no-check", is_flag=True, help="Do not ask the provider whether it takes the key.")
@click.pass_obj
def set_key(
    program: Program,
    *,
    provider_id: str,
    surplus: tuple[str, ...],
    account: str,
    from_stdin: bool,
    no_check: bool,
) -> int:
    """Store a provider's key; typed hidden, never given as an argument."""
    if surplus:
        # click's own complaint would repeat what is probably the key.
        message = (
            "A key is never given as an argument, where every program can read it. "
            "Run the command without it, and consider this key as known to others."
        )
        raise click.UsageError(message)
    with program.session() as session:
        if provider_id.startswith(OF_SERVER):
            return session.run(
                store_for_server(
                    session.backend, program.output, provider_id, lambda: _typed(from_stdin)
                )
            )
        row = _row_with_key(session.backend, provider_id)
        key = (
            typed_key.from_stdin()
            if from_stdin
            else _ask(session.backend, program.output, row, account)
        )
        storing = Storing(session.backend, program.output, row, account)
        return session.run(storing.run(key, check=not no_check))


_KEYLESS = {
    "none": "needs no key",
    "command": "gets its token from a command",
    "aws": "takes this machine's AWS credentials",
}


def _row_with_key(backend: Backend, provider_id: str) -> ProviderRow:
    """The provider's row, if it is one that takes a key."""
    row = backend.row(provider_id)
    if row.auth != "keyring":
        message = f"{row.name or row.id} {_KEYLESS[row.auth]}; there is nothing to store."
        raise click.UsageError(message)
    return row


def _typed(from_stdin: bool) -> str:  # noqa: FBT001 - the option's value
    """A key that no environment variable can hold."""
    if from_stdin:
        return typed_key.from_stdin()
    if not sys.stdin.isatty():
        message = "There is no terminal to type the key at; give it with --stdin."
        raise click.UsageError(message)
    return typed_key.usable(click.prompt("Key", hide_input=True, err=True, type=str))


def _ask(backend: Backend, output: Output, row: ProviderRow, account: str) -> str:
    """Prompt for the key, offering one that already stands in the environment."""
    if not sys.stdin.isatty():
        message = "There is no terminal to type the key at; give it with --stdin."
        raise click.UsageError(message)
    found = backend.keys.environment(row.id)
    if found is not None and click.confirm(f"Store the key from {found}?", default=True, err=True):
        output.note(f"Once it works, remove {found} from your shell's start files.")
        return typed_key.usable(os.environ[found])
    if row.key_page:
        output.note(f"Keys of {row.name or row.id} are made at {row.key_page}")
    prompt = f"Key {account}" if account else "Key"
    return typed_key.usable(click.prompt(prompt, hide_input=True, err=True, type=str))


@auth.command("list")
@click.option("--json", "json_mode", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_keys(program: Program, *, json_mode: bool) -> None:
    """List whose keys are known; the keys themselves are never shown."""
    with program.session() as session:
        keys = session.run(known_keys(session.backend))
    if json_mode:
        program.output.json([asdict(key) for key in keys])
    elif keys:
        program.output.table(
            ("provider", "account", "for", "kept in", "in use here"),
            [
                (key.provider, key.account, key.origin, key.source, "yes" if key.in_use else "")
                for key in keys
            ],
        )
    else:
        program.output.print("No keys. Enter one with: polypilot auth set PROVIDER")


@auth.command("check")
@click.argument("provider_id", metavar="[PROVIDER]", required=False)
@_account_option("The key of this name, rather than the one in use.", None)
@click.option("--json", "json_mode", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def check_keys(
    program: Program, *, provider_id: str | None, account: str | None, json_mode: bool
) -> int:
    """Ask a provider, or every one with a key, whether it takes its key.

    Costs nothing at most suppliers, and one token of an answer at those that prove a key in no
    other way.
    """
    if account is not None and provider_id is None:
        message = "--account needs the PROVIDER whose key it is."
        raise click.UsageError(message)
    with program.session() as session:
        return session.run(
            _check_all(session.backend, program.output, provider_id, account, as_json=json_mode)
        )


async def _check_all(
    backend: Backend,
    output: Output,
    provider_id: str | None,
    account: str | None,
    *,
    as_json: bool,
) -> int:
    keys = [(provider_id, account)] if provider_id else await to_check(backend)
    if not keys:
        output.note("No keys are stored.")
    status = OK
    for name, each in keys:
        status = max(status, await check(backend, output, name, each, as_json=as_json))
    return status


@auth.command("use")
@click.argument("provider_id", metavar="PROVIDER")
@click.argument("account", metavar="[NAME]", required=False, callback=_named)
@click.option("--default", "default", is_flag=True, help="Take the choice back.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Only where this folder, or one below it, is open.",
)
@click.pass_obj
def use_key(
    program: Program,
    *,
    provider_id: str,
    account: str | None,
    default: bool,
    folder: Path | None,
) -> None:
    """Use one of several keys from now on, everywhere or in a folder.

    Writes it into your config.toml; the rest of it stays. A repository can't do this.
    """
    if (account is None) != default:
        message = "Give the NAME of a key, or --default to take the choice back."
        raise click.UsageError(message)
    here = None if folder is None else folder.resolve()
    with program.session() as session:
        backend, output = session.backend, program.output
        if account is not None:
            _usable_account(backend, provider_id)
        file = session.run(backend.keys.use(provider_id, account, here))
        where = f" in {here}" if here else ""
        chosen = f"the key {account!r}" if account else "the key without a name"
        output.print(f"{provider_id}{where}: {'no choice of its own' if default else chosen}")
        output.print(f"written to {file}", style="dim")
        session.run(_tell_gaps(backend, output, provider_id, account))
    if here is not None and (root := workspace_root(here)) != here:
        output.note(f"It holds where {here} is opened; editors may open {root} instead.")


def _usable_account(backend: Backend, provider_id: str) -> None:
    row = backend.row(provider_id)
    if row.auth not in ("keyring", "aws"):
        message = f"{row.name or row.id} {_KEYLESS[row.auth]}; it has no accounts."
        raise click.UsageError(message)


async def _tell_gaps(
    backend: Backend, output: Output, provider_id: str, account: str | None
) -> None:
    """Say if the key that was chosen is not there yet."""
    row = backend.rows().get(provider_id)
    if row is None or row.auth != "keyring" or not account:
        return
    stored = await backend.credentials.stored()
    if (provider_id, account) not in [(key.provider, key.account) for key in stored]:
        output.note(
            f"There is no such key yet: polypilot auth set {provider_id} --account {account}"
        )


@auth.command("remove")
@click.argument("provider_id", metavar="PROVIDER")
@_account_option("The key of this name.")
@click.pass_obj
def remove_key(program: Program, *, provider_id: str, account: str) -> None:
    """Remove a provider's key from the keyring, also if the provider is gone."""
    which = f"The key {account!r}" if account else "The key"
    with program.session() as session:
        backend = session.backend
        found = session.run(remove(backend, provider_id, account))
        row = backend.rows().get(provider_id)
        if account and row is not None and row.account == account:
            program.output.note(
                "Your config.toml still names it: polypilot auth use PROVIDER --default"
            )
    if not found:
        program.output.print(f"{which} of {provider_id} was not in the keyring.")
    for origin in found:
        program.output.print(f"{which} of {provider_id} for {origin} is removed from the keyring.")
