"""What options of ``polypilot compare`` take."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click

KINDS = (
    "line", "rest", "block", "function", "tested", "humaneval", "humaneval-infill",
    "explain", "fix", "write-test", "commit",
)  # fmt: skip


class Dollars(click.ParamType[Decimal]):
    """An amount of US dollars, ``0.50`` or ``$0.50``."""

    name = "DOLLARS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """A finite amount that is not negative."""
        try:
            amount = Decimal(str(value).removeprefix("$"))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is no amount of dollars, such as 0.50", param, ctx)
        return amount


class Numbers(click.ParamType[tuple[str, int]]):
    """``KIND`` or ``KIND=NUMBER``."""

    name = "KIND[=N]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The kind, and how many; -1: its share of all."""
        kind, _, number = str(value).partition("=")
        if kind not in KINDS:
            self.fail(f"{kind!r} is none of {', '.join(KINDS)}", param, ctx)
        if number and not number.isdecimal():
            self.fail(f"{number!r} is no number of tasks", param, ctx)
        return kind, int(number) if number else -1
