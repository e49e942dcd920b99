"""The question before money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from polypilot.errors import UserError

if TYPE_CHECKING:
    from polypilot.compare.orders import Prepared
    from polypilot.terminal.output import Output


def confirm(output: Output, ready: Prepared, *, yes: bool, again: bool = False) -> None:
    """Ask before money is spent, or may be. ``again``: it will be asked more than once.

    Raises:
        UserError: nobody can be asked.
        click.Abort: the user says no.
    """
    if yes or (not ready.left and not again) or ready.most == 0:
        return
    if not output.interactive:
        raise UserError(
            "this would cost money, and there is nobody to ask",
            code="confirm",
            cure="say --yes, with --max-cost for a limit; --dry-run only tells what it takes",
        )
    click.confirm("Ask them?", abort=True)
