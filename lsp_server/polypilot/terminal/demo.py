"""``polypilot demo``: the main job once, from a fresh install to a completion and an answer.

Everything is real: the model, the language server in a process of its own, and the protocol
between it and an editor (here ``EditorClient``).
"""

from __future__ import annotations

import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from polypilot.embedded.catalog import choose
from polypilot.embedded.errors import needs_extra
from polypilot.errors import UserError
from polypilot.settings.source import EMBEDDED
from polypilot.terminal.clean import clean
from polypilot.terminal.demo_client import EditorClient
from polypilot.terminal.output import Output
from polypilot.terminal.program import OK, Program, Session
from polypilot.terminal.pull import pull
from polypilot.terminal.recording import SVG_FORMAT
from polypilot.terminal.stream import AnswerStyle, AnswerView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.backend import Backend

CURSOR = "<cursor>"
SAMPLE = f'''\
"""What a basket costs."""

from dataclasses import dataclass


@dataclass
class Item:
    name: str
    price: float
    quantity: int = 1


def total(basket: list[Item]) -> float:
    """The price of all items in the basket, each times its quantity."""
    return {CURSOR}
'''
QUESTION = "In one sentence: what does `total` return for an empty basket, and why?"
ASKS = 3
"""How often the completion is asked for: the first may find the model still loading."""


@click.command()
@click.option("--provider", "provider_id", default=EMBEDDED, show_default=True)
@click.option("--model", default="", help="Another model of that provider.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write what was shown as an SVG picture.",
)
@click.pass_obj
def demo(program: Program, *, provider_id: str, model: str, record: Path | None) -> int:
    """Complete a piece of code and answer a question, to see that everything works here."""
    output = _recorder() if record else program.output
    started = time.monotonic()
    output.print(
        "Polypilot: a real model and a real language server, no account and no key", "bold"
    )
    with program.session() as session:
        if provider_id == EMBEDDED:
            _have_model(session, program.output, model)
        with tempfile.TemporaryDirectory(prefix="polypilot-demo-") as folder:
            file = Path(folder).resolve() / "basket.py"
            file.write_text(SAMPLE.replace(CURSOR, ""), encoding="utf-8")
            settings = _settings(session.backend, provider_id, model)
            session.run(Demo(output, settings).run(file))
    _how_to_connect(output)
    output.print()
    output.print(f"Done in {time.monotonic() - started:.0f} s.", "bold green")
    if record:
        output.out.save_svg(str(record), title="polypilot demo", code_format=SVG_FORMAT)
    return OK


def _settings(backend: Backend, provider_id: str, model: str) -> dict[str, dict[str, str]]:
    """What the editor has to say so that this provider and model answer.

    A choice that the user's own file makes already is not repeated: its model would be lost.
    """
    settings: dict[str, dict[str, str]] = {}
    for purpose in ("completion", "chat"):
        if model or backend.target(purpose).provider_id != provider_id:
            settings[purpose] = {"provider": provider_id}
            if model and provider_id != EMBEDDED:
                settings[purpose]["model"] = model
    if model and provider_id == EMBEDDED:
        settings["embedded"] = {"model": model}
    return settings


def _have_model(session: Session, output: Output, model_id: str) -> None:
    """Fetch the embedded model's file unless it is here.

    Raises:
        EmbeddedError: the runtime is not installed, or the file can't be had.
    """
    if find_spec("xllamacpp") is None:
        raise needs_extra()
    settings = session.backend.loaded.settings.embedded
    model = choose(model_id or settings.model, "" if model_id else settings.model_file)
    pull(session.backend.models_store, model, output)


def _recorder() -> Output:
    console = Console(
        record=True,
        width=92,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    return Output(out=console)


class Demo:
    """One pass through the language server, as an editor would make it."""

    def __init__(self, output: Output, settings: Mapping[str, object]) -> None:
        self._output = output
        self._style: AnswerStyle = "plain"
        if output.out.record:
            self._style = "blocks"
        elif output.interactive:
            self._style = "live"
        self._settings = settings
        self._view: AnswerView | None = None
        self._trouble: Mapping[str, str] | None = None

    async def run(self, file: Path) -> None:
        """Start the server, complete in ``file``, ask about it, stop the server.

        Raises:
            UserError: the server failed; says what to do.
        """
        before, _, after = SAMPLE.partition(CURSOR)
        started = time.monotonic()
        async with EditorClient(self._notified) as editor:
            await editor.initialize(file.parent.as_uri(), self._settings)
            self._step("language server", f"initialize answered after {_since(started)}")
            editor.notify(
                "textDocument/didOpen",
                {
                    "textDocument": {
                        "uri": file.as_uri(),
                        "languageId": "python",
                        "version": 1,
                        "text": before + after,
                    }
                },
            )
            await self._complete(editor, file.as_uri(), before)
            await self._ask(editor, file.as_uri())

    async def _complete(self, editor: EditorClient, uri: str, before: str) -> None:
        lines = before.split("\n")
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": len(lines) - 1, "character": len(lines[-1])},
            "context": {"triggerKind": 1},
        }
        for _ in range(ASKS):
            started = time.monotonic()
            text = _first_text(await editor.request("textDocument/inlineCompletion", params))
            if text:
                self._step(
                    "completion", f"after {_since(started)}; the highlighted part is the model's"
                )
                self._show_code(before, clean(text))
                return
        if self._trouble:
            raise _reported(self._trouble)
        raise UserError("The model proposed nothing.", code="demo", cure="run `polypilot doctor`")

    def _show_code(self, before: str, text: str) -> None:
        shown_from = before.rindex("def total")
        code = Syntax("", "python", theme="ansi_dark", background_color="default")
        shown = code.highlight(before[shown_from:].rstrip(" "))
        shown.rstrip()
        indent = before[len(before.rstrip(" ")) :]
        suggestion = (text.rstrip(), "reverse")
        self._output.out.print(Text.assemble(shown, indent, suggestion), soft_wrap=True)

    async def _ask(self, editor: EditorClient, uri: str) -> None:
        self._step("chat", QUESTION)
        started = time.monotonic()
        params = {
            "text": QUESTION,
            "context": [{"kind": "document", "uri": uri}],
            "partialResultToken": "answer",
        }
        with AnswerView(self._output.out, self._style) as self._view:
            result: Mapping[str, Any] = await editor.request("polypilot/chat/send", params)
        if result.get("error"):
            raise _reported(result["error"])
        usage: dict[str, int] = result.get("usage") or {}
        tokens = usage.get("outputTokens")
        counted = f", {tokens} tokens" if tokens else ""
        self._output.print(
            f"{result['provider']} {result['model']}: {_since(started)}{counted}", "dim"
        )

    def _notified(self, method: str, params: Any) -> None:
        if method == "polypilot/status":
            self._trouble = params.get("error")
        if method != "$/progress" or params.get("token") != "answer" or self._view is None:
            return
        value = params["value"]
        if value["kind"] == "text":
            self._view.text(value["text"])
        elif value["kind"] == "thought":
            self._view.thought()

    def _step(self, name: str, detail: str) -> None:
        self._output.print()
        self._output.out.print(Text.assemble((name, "bold cyan"), f"  {detail}"), soft_wrap=True)


def _reported(error: Mapping[str, str]) -> UserError:
    """An error as the server sends it, in a status or a result."""
    return UserError(error["message"], code=error["code"], cure=error.get("cure", ""))


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _first_text(result: Any) -> str:
    """The text of the first item of an inline completion's result, or nothing."""
    items: list[dict[str, Any]] = result or []
    if isinstance(result, dict):
        items = cast("dict[str, Any]", result).get("items", [])
    texts = (str(item["insertText"]) for item in items)
    return next((text for text in texts if text.strip()), "")


def _how_to_connect(output: Output) -> None:
    program = Path(sys.executable).with_name("polypilot")
    lines = (
        ("Neovim", "see editors/neovim/README.md"),
        ("others", "an editor with LSP inline completion starts this program:"),
        ("", f"{program} --stdio"),
        ("a supplier", "polypilot auth set anthropic && polypilot use anthropic"),
        ("trouble", "polypilot doctor"),
    )
    output.print()
    output.print("Connect your editor", "bold cyan")
    for name, text in lines:
        output.out.print(Text.assemble((f"  {name:12}", "bold"), text), soft_wrap=True)
