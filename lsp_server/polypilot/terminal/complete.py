"""``polypilot complete FILE:LINE:COL``: one completion in a file, without an editor."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.terminal.clean import clean
from polypilot.terminal.program import OK, Program, workspace_root
from polypilot.terminal.usage import usage_line, usage_words

if TYPE_CHECKING:
    from polypilot.backend import CompletionResult
    from polypilot.backend.explaining import Explained

_DIGITS = 9


class Place(click.ParamType[tuple[Path, int, int]]):
    """``FILE:LINE:COL``, both counted from 1, columns in characters."""

    name = "FILE:LINE:COL"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, int, int]:
        """Split from the right: a file's name may hold colons."""
        parts = str(value).rsplit(":", 2)
        if len(parts) != 3 or not all(map(_is_number, parts[1:])):  # noqa: PLR2004 - FILE, LINE, COL
            self.fail("is FILE:LINE:COL, both counted from 1, e.g. src/app.py:12:9", param, ctx)
        file, line, column = Path(parts[0]), int(parts[1]), int(parts[2])
        if line < 1 or column < 1:
            self.fail("lines and columns are counted from 1", param, ctx)
        if not os.path.isfile(file):  # noqa: PTH113 - of a name too long too it says no
            self.fail(f"there is no file {str(file)!r}", param, ctx)
        return file.absolute(), line, column


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS


@click.command()
@click.argument("place", type=Place())
@click.option("--json", "json_mode", is_flag=True, help="One JSON line per event.")
@click.option(
    "--explain",
    is_flag=True,
    help="Show on stderr what is sent, by part, then who answered and what it took.",
)
@click.pass_obj
def complete(
    program: Program, *, place: tuple[Path, int, int], json_mode: bool, explain: bool
) -> int:
    """Complete the code at a place in a file. The file itself is not changed."""
    file, line, column = place
    on_prompt = partial(_show_prompt, program) if explain else None
    with program.session([workspace_root(file)]) as session:
        result = session.run(session.backend.complete_file(file, line, column, on_prompt))
    if json_mode:
        _show_json(program, result)
    else:
        # Nothing but the text: it can be piped into the file.
        program.output.out.file.write(clean(result.text) + ("\n" if result.text else ""))
    if explain:
        words = usage_words(result.usage, result.cost)
        program.output.note(" · ".join((result.provider, result.model, *words)), kind="explain")
    return OK


def _show_prompt(program: Program, prompt: Explained) -> None:
    """The prompt as a table of its parts, then their whole text; as JSON the first event."""
    output = program.output
    if output.json_mode:
        output.json({"type": "prompt", **prompt.as_json()})
        return
    write = output.err.file.write
    width = max((len(clean(part.name)) for part in prompt.parts), default=0)

    def line(name: str, tokens: int) -> str:
        share = f"{tokens / prompt.budget:6.1%}" if prompt.budget else ""
        return f"  {clean(name).replace(chr(10), ' '):{width}}  {tokens:6,}  {share}\n"

    head = f"{prompt.provider} {prompt.model}, {prompt.mode}: "
    write(f"{clean(head)}{prompt.tokens:,} of {prompt.budget:,} tokens (estimated)\n")
    for part in prompt.parts:
        write(line(part.name, part.tokens))
    for part in prompt.parts:
        text = clean(part.text)
        write(f"--- {clean(part.name)}\n{text}" + ("" if text.endswith("\n") else "\n"))
    write("---\n")
    output.err.file.flush()


def _show_json(program: Program, result: CompletionResult) -> None:
    output = program.output
    if result.text:
        output.json({"type": "text", "text": result.text})
    output.json(usage_line(result.usage, result.cost))
    output.json(
        {
            "type": "stop",
            "reason": str(result.stop_reason),
            "provider": result.provider,
            "model": result.model,
        }
    )
