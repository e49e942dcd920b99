"""One completion in a file on disk, without an editor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.backend.explaining import explain_completion, nobody_to_ask
from polypilot.completion.values import Why
from polypilot.errors import UserError
from polypilot.tasks import run_blocking
from polypilot.workspace.documents import Position
from polypilot.workspace.roots import uri_of
from polypilot_providers.types import StopReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path, PurePath

    from polypilot.backend.core import Backend
    from polypilot.backend.explaining import Explained
    from polypilot.completion.values import Answer, Ended, Suggestion
    from polypilot_providers.types import Cost, Usage

READ_S = 10.0
"""As for every small file: longer than that is a network disk that hangs."""


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """One completion, as the command line shows it."""

    text: str
    provider: str
    model: str
    usage: Usage | None
    stop_reason: StopReason
    cost: Cost | None = None
    """None if it is not known."""


async def complete_file(
    backend: Backend,
    path: Path,
    line: int,
    column: int,
    on_prompt: Callable[[Explained], None] | None = None,
) -> CompletionResult:
    """See :meth:`Backend.complete_file`."""
    uri = uri_of(str(path))
    raw = await run_blocking(path.read_bytes, timeout=READ_S, name="read")
    # Decoded here, not by a text file: that would make every line's end "\n".
    backend.documents.open(uri, language_of(path), 1, raw.decode("utf-8-sig", "replace"))
    try:
        document = backend.documents.current(uri)
        if document is not None and line > document.line_count:
            raise UserError(
                f"there is no line {line}: the file has {document.line_count}", code="position"
            )
        position = Position(line - 1, column - 1)
        if on_prompt is not None:
            on_prompt(await explain_completion(backend, uri, position))
        before = backend.last_ended
        answer = await backend.answer(uri, position, invoked=True, several=False)
        _raise_refusal(backend, uri, answer)
    finally:
        backend.engine.close(uri)
        backend.documents.close(uri)
    ended = None if backend.last_ended is before else backend.last_ended
    best = answer.suggestions[0] if answer.suggestions else None
    provider, model = _answered_by(backend, best, ended)
    usage = ended.usage if ended else None
    return CompletionResult(
        text=best.text if best else "",
        provider=provider,
        model=model,
        usage=usage,
        stop_reason=StopReason.END,
        cost=await backend.spending.cost(provider, (model,), usage),
    )


def _answered_by(backend: Backend, best: Suggestion | None, ended: Ended | None) -> tuple[str, str]:
    """Provider and model: whose the suggestion is, else who was asked last, else who would be.

    An answer with nothing in it may be a fallback's.
    """
    if best is not None:
        return best.provider, best.model
    if ended is not None and ended.provider:
        return ended.provider, ended.model
    target = backend.target("completion")
    return target.provider_id, target.model


def _raise_refusal(backend: Backend, uri: str, answer: Answer) -> None:
    """Raise why an answer holds nothing, where that is a failure."""
    if answer.error is not None:
        raise answer.error
    if answer.why is Why.EXCLUDED:
        backend.gate.outgoing(uri, "", "prefix")
    if answer.why is Why.NO_PROVIDER:
        raise nobody_to_ask(backend)


def language_of(path: PurePath) -> str:
    """A language id for a file that no editor has named, by its suffix."""
    return _LANGUAGES.get(path.suffix.lower(), "plaintext")


def _spread(table: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {f".{suffix}": language for language, all_ in table for suffix in all_.split()}


_LANGUAGES = _spread(
    (
        ("python", "py pyi"),
        ("javascript", "js mjs cjs"),
        ("javascriptreact", "jsx"),
        ("typescript", "ts mts cts"),
        ("typescriptreact", "tsx"),
        ("rust", "rs"),
        ("go", "go"),
        ("java", "java"),
        ("kotlin", "kt kts"),
        ("c", "c h"),
        ("cpp", "cc cpp cxx hpp hh"),
        ("csharp", "cs"),
        ("ruby", "rb"),
        ("php", "php"),
        ("lua", "lua"),
        ("shellscript", "sh bash"),
        ("html", "html htm"),
        ("css", "css"),
        ("json", "json"),
        ("yaml", "yaml yml"),
        ("toml", "toml"),
        ("markdown", "md"),
        ("sql", "sql"),
        ("swift", "swift"),
        ("haskell", "hs"),
        ("ocaml", "ml mli"),
        ("elixir", "ex exs"),
        ("scala", "scala"),
        ("dart", "dart"),
        ("zig", "zig"),
    )
)
