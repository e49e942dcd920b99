"""``polypilot auth`` by itself: the way from nothing to a provider that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.terminal.program import Program


def ask_provider(program: Program) -> str:
    """Whose key is to be entered; the chosen provider is proposed, if it takes one."""
    with program.session() as session:
        return _asked(session.backend)


def _asked(backend: Backend) -> str:
    rows = backend.rows()
    chosen = rows.get(backend.target("chat").provider_id)
    default = chosen.id if chosen is not None and chosen.auth == "keyring" else None
    click.echo("Whose key is it? `polypilot providers` lists all.", err=True)

    def known(text: str) -> str:
        provider_id = text.strip().lower()
        row = rows.get(provider_id)
        if row is None:
            message = "There is no such provider."
            raise click.BadParameter(message)
        if row.auth != "keyring":
            message = f"{row.name or row.id} takes no key."
            raise click.BadParameter(message)
        return provider_id

    return str(click.prompt("Provider", default=default, value_proc=known, err=True))


def offer_for_chat(program: Program, provider_id: str) -> None:
    """Have the provider answer from now on, if the user wants it and it does not yet."""
    with program.session() as session:
        backend = session.backend
        if backend.target("chat").provider_id == provider_id:
            return
        name = backend.row(provider_id).name or provider_id
        if click.confirm(f"Let {name} answer in chats from now on?", default=True, err=True):
            chosen = session.run(backend.select("chat", provider_id))
            program.output.print(f"chat: {chosen.provider} {chosen.model}")
