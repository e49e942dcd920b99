"""``polypilot providers`` and ``polypilot use``: which suppliers there are, and the choice.

The commands below ``providers`` that change rows are in modules of their own.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click
from rich.text import Text

from polypilot.terminal import providers_add, providers_rows

if TYPE_CHECKING:
    from polypilot.backend import ProviderState
    from polypilot.terminal.program import Program

Purpose = Literal["completion", "chat", "both"]
PURPOSES = ("completion", "chat", "both")


@click.group(invoke_without_command=True)
@click.option("--json", "json_mode", is_flag=True, help="One JSON array of rows.")
@click.pass_context
def providers(context: click.Context, *, json_mode: bool) -> None:
    """List the providers you can use; or add, change and find some."""
    if context.invoked_subcommand is None:
        _list(cast("Program", context.obj), json_mode=json_mode)


for _command in (
    providers_add.add,
    providers_rows.set_fields,
    providers_rows.show,
    providers_rows.remove,
    providers_rows.discover,
):
    providers.add_command(_command)


def _list(program: Program, *, json_mode: bool) -> None:
    with program.session() as session:
        states = session.run(session.backend.provider_states())
    if json_mode:
        program.output.json([asdict(state) for state in states])
        return
    program.output.table(
        ("provider", "name", "key", "completion model", "chat model", "selected for"),
        [_row(state) for state in states],
    )
    program.output.print()
    program.output.print("Choose one with: polypilot use PROVIDER", style="dim")
    program.output.print(
        "Running on this machine? polypilot providers discover. Not listed? "
        "polypilot providers add NAME --url URL",
        style="dim",
    )


def _row(state: ProviderState) -> tuple[str | Text, ...]:
    return (
        Text(state.id, style="bold" if state.selected_for else ""),
        state.name,
        _key(state),
        state.completion_model or "",
        state.chat_model or "",
        ", ".join(state.selected_for),
    )


def _key(state: ProviderState) -> Text:
    if state.auth == "none":
        return Text("not needed", style="dim")
    if state.auth == "command":
        return Text("by command", style="dim")
    name = f" ({state.account})" if state.account else ""
    if state.auth == "aws":
        return Text(f"AWS{name}", style="dim")
    if state.key_stored is None:
        return Text("?", style="yellow")
    word, style = ("stored", "green") if state.key_stored else ("none", "dim")
    return Text(word + name, style=style)


@click.command()
@click.argument("target", metavar="PROVIDER[/MODEL]")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(PURPOSES),
    default="both",
    show_default=True,
    help="What it shall serve.",
)
@click.option("--json", "json_mode", is_flag=True, help="The outcome as one JSON object.")
@click.pass_obj
def use(program: Program, *, target: str, purpose: str, json_mode: bool) -> None:
    """Use a provider from now on. Writes it into your config.toml; the rest of it stays."""
    provider_id, _, model = target.partition("/")
    if provider_id == "embedded" and model.endswith(".gguf"):
        model = str(Path(model).expanduser().absolute())
    with program.session() as session:
        choice = session.run(
            session.backend.select(cast("Purpose", purpose), provider_id, model or None)
        )
    if json_mode:
        fields = asdict(choice)
        fields["for"] = fields.pop("for_")
        program.output.json({**fields, "file": str(choice.file), "saved": True})
        return
    with_model = f" with {choice.model}" if choice.model else ""
    what = "completion and chat" if choice.for_ == "both" else choice.for_
    program.output.print(f"{what}: {choice.provider}{with_model}")
    program.output.print(f"written to {choice.file}", style="dim")
    if choice.warning:
        program.output.print(f"warning: {choice.warning}", style="yellow")
