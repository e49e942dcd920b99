"""``polypilot auth``: the keys in the operating system's keyring.

A key is never an argument (arguments are seen by every process) and never printed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from polypilot.errors import describe, register_secret
from polypilot.terminal.program import CONFIGURATION, FAILED, OK, Program, status_of
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.terminal.output import Output
    from polypilot_providers.catalog import ProviderRow

_LONGEST_KEY = 8192


@click.group()
def auth() -> None:
    """Enter, check and remove provider keys. They live in the keyring, nowhere else."""


@auth.command("set")
@click.argument("provider_id", metavar="PROVIDER")
@click.argument("surplus", nargs=-1, metavar="")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the key from stdin, unprompted.")
@click.option("--no-check", is_flag=True, help="Do not ask the provider whether it takes the key.")
@click.pass_obj
def set_key(
    program: Program,
    *,
    provider_id: str,
    surplus: tuple[str, ...],
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
        row = _row_with_key(session.backend, provider_id)
        key = _read_stdin() if from_stdin else _ask(session.backend, program.output, row)
        return session.run(_store(session.backend, program.output, row.id, key, check=not no_check))


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


def _read_stdin() -> str:
    return _usable(sys.stdin.readline(_LONGEST_KEY))


def _ask(backend: Backend, output: Output, row: ProviderRow) -> str:
    """Prompt for the key, offering one that already stands in the environment."""
    if not sys.stdin.isatty():
        message = "There is no terminal to type the key at; give it with --stdin."
        raise click.UsageError(message)
    found = backend.environment_key(row.id)
    if found is not None and click.confirm(f"Store the key from {found}?", default=True, err=True):
        output.note(f"Once it works, remove {found} from your shell's start files.")
        return _usable(os.environ[found])
    if row.key_page:
        output.note(f"Keys of {row.name or row.id} are made at {row.key_page}")
    return _usable(click.prompt("Key", hide_input=True, err=True, type=str))


def _usable(text: str) -> str:
    """The key without the white space that copying adds."""
    key = text.strip()
    if not key:
        message = "The key is empty; nothing was stored."
        raise click.UsageError(message)
    if not (key.isascii() and key.isprintable()) or " " in key or len(key) >= _LONGEST_KEY:
        message = "That does not look like a key: one word of ASCII characters. Nothing was stored."
        raise click.UsageError(message)
    register_secret(key)
    return key


async def _store(
    backend: Backend, output: Output, provider_id: str, key: str, *, check: bool
) -> int:
    """Store the key, then ask the provider. A refused key does not displace the one before."""
    origin = backend.origin(provider_id)
    credentials = backend.credentials
    before = await credentials.get(provider_id, origin)
    await credentials.set(provider_id, origin, Secret(key))
    where = f"{await credentials.backend_name()}, for {origin} only"
    if not check:
        output.print(f"Stored in {where}; not checked.")
        return OK
    try:
        found = len(await (await backend.provider(provider_id)).models())
    except Exception as error:  # noqa: BLE001 - each kind of failure has its own way on, below
        problem = describe(error)
        if problem.code == "auth":
            await _put_back(backend, provider_id, before)
            output.failure(
                problem.code,
                f"{problem.message} The new key was not kept.",
                f"check the key at its page, then `polypilot auth set {provider_id}` again",
            )
            return CONFIGURATION
        output.print(f"Stored in {where}.")
        output.note(f"The key could not be checked: {problem.message}")
        return OK
    output.print(f"Stored in {where}. The key works ({found} models).")
    output.print(f"Use it with: polypilot use {provider_id}", style="dim")
    return OK


async def _put_back(backend: Backend, provider_id: str, before: Secret | None) -> None:
    origin = backend.origin(provider_id)
    if before is None:
        await backend.credentials.remove(provider_id, origin)
    else:
        await backend.credentials.set(provider_id, origin, before)


@auth.command("list")
@click.option("--json", "json_mode", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_keys(program: Program, *, json_mode: bool) -> None:
    """List whose keys are known; the keys themselves are never shown."""
    with program.session() as session:
        rows = session.run(_known_keys(session.backend))
    if json_mode:
        program.output.json(rows)
    elif rows:
        program.output.table(
            ("provider", "for", "kept in"),
            [(row["provider"], row["origin"], row["source"]) for row in rows],
        )
    else:
        program.output.print("No keys. Enter one with: polypilot auth set PROVIDER")


async def _known_keys(backend: Backend) -> list[dict[str, str]]:
    """From the index and the environment: the keyring itself is not asked and can't prompt."""
    stored = sorted(await backend.credentials.stored())
    rows = [{"provider": key.provider, "origin": key.origin, "source": "keyring"} for key in stored]
    for row in backend.rows().values():
        variable = backend.environment_key(row.id)
        origin = str(backend.origin(row.id)) if variable else ""
        if variable and (row.id, origin) not in [(key.provider, key.origin) for key in stored]:
            rows.append(
                {"provider": row.id, "origin": origin, "source": f"environment ({variable})"}
            )
    return rows


@auth.command("check")
@click.argument("provider_id", metavar="[PROVIDER]", required=False)
@click.option("--json", "json_mode", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def check_keys(program: Program, *, provider_id: str | None, json_mode: bool) -> int:
    """Ask a provider, or every one with a key, whether it takes its key. Costs no tokens."""
    with program.session() as session:
        return session.run(
            _check_all(session.backend, program.output, provider_id, as_json=json_mode)
        )


async def _check_all(
    backend: Backend, output: Output, provider_id: str | None, *, as_json: bool
) -> int:
    names = [provider_id] if provider_id else sorted(await backend.credentials.listing())
    if not names:
        output.note("No keys are stored.")
    status = OK
    for name in names:
        status = max(status, await _check(backend, output, name, as_json=as_json))
    return status


async def _check(backend: Backend, output: Output, provider_id: str, *, as_json: bool) -> int:
    try:
        found = len(await (await backend.provider(provider_id)).models())
    except Exception as error:  # noqa: BLE001 - shown per provider; the others are still checked
        problem = describe(error)
        if as_json:
            output.json(
                {"provider": provider_id, "ok": False, **_fields(problem.code, problem.message)}
            )
        else:
            output.print(f"{provider_id}: failed")
        output.failure(problem.code, problem.message, problem.cure)
        return status_of(problem.code) or FAILED
    if as_json:
        output.json({"provider": provider_id, "ok": True, "models": found})
    else:
        output.print(f"{provider_id}: ok ({found} models)")
    return OK


def _fields(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


@auth.command("remove")
@click.argument("provider_id", metavar="PROVIDER")
@click.pass_obj
def remove_key(program: Program, *, provider_id: str) -> None:
    """Remove a provider's key from the keyring."""
    with program.session() as session:
        origin = session.backend.origin(provider_id)
        session.run(session.backend.credentials.remove(provider_id, origin))
    program.output.print(f"The key of {provider_id} is removed from the keyring.")
