"""``polypilot doctor``: each link of the chain, and what to do about a broken one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.text import Text

from polypilot.terminal.clean import clean
from polypilot.terminal.program import FAILED, OK, Program

if TYPE_CHECKING:
    from polypilot.backend import Check

_VERDICTS = {True: ("ok", "green"), False: ("failed", "bold red"), None: ("unknown", "yellow")}


@click.command()
@click.option(
    "--online", is_flag=True, help="Also try to reach the selected providers, and your MCP servers."
)
@click.option("--json", "json_mode", is_flag=True, help="One JSON array of checks.")
@click.pass_obj
def doctor(program: Program, *, online: bool, json_mode: bool) -> int:
    """Check each link from your editor to the model. Nothing leaves here unless --online."""
    with program.session() as session:
        checks = session.run(session.backend.doctor(online=online, nearby=True))
    if json_mode:
        program.output.json([asdict(check) for check in checks])
    else:
        _show(program, checks)
    return FAILED if any(check.ok is False for check in checks) else OK


def _show(program: Program, checks: list[Check]) -> None:
    width = max((len(check.check) for check in checks), default=0)
    for check in checks:
        verdict, style = _VERDICTS[check.ok]
        line = Text.assemble((f"{verdict:8}", style), f"{check.check:{width}}  ")
        program.output.out.print(line.append(clean(check.detail)), soft_wrap=True)
        if check.cure and check.ok is not True:
            cure = Text(f"        {'':{width}}  → {clean(check.cure)}", style="cyan")
            program.output.out.print(cure, soft_wrap=True)
    failed = sum(check.ok is False for check in checks)
    program.output.print()
    program.output.print(
        f"{failed} of {len(checks)} checks failed" if failed else "Nothing is broken."
    )
