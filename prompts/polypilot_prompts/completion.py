r"""From a cursor's surroundings to the request that makes a model write the missing text.

What goes first in a prompt is what changes least from key to key, so that suppliers' and local
runtimes' prompt caches hit: instructions and examples, other files, the text after the cursor,
and last the text before it. Prompts always have ``\n`` line breaks. Except in a chat, the blanks
right before the cursor are left out, see ``lead``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot_prompts.budget import Budget, Fitted, estimate, fit
from polypilot_prompts.context import CursorContext, Snippet, unix
from polypilot_prompts.examples import EXAMPLES
from polypilot_prompts.fim import (
    COMMON_STOPS,
    FAMILIES,
    FILE_MARK,
    beneath_files,
    neutralise_common,
    one_line,
)
from polypilot_prompts.lead import split_lead
from polypilot_prompts.postprocess import FilterSpec, spec_for
from polypilot_prompts.templates import render
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    ContextFile,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LINE_TOKENS = 64
BLOCK_TOKENS = 256

OPEN_TAG, CLOSE_TAG = "<MISSING>", "</MISSING>"
CURSOR_TAG = "<CURSOR>"
_TAGS = (
    OPEN_TAG,
    CLOSE_TAG,
    CURSOR_TAG,
    "<BEFORE>",
    "</BEFORE>",
    "<AFTER>",
    "</AFTER>",
    "<OTHER",
    "</OTHER>",
)

_FILELESS = {"deepseek-fim", "ollama-generate"}
"""Modes whose endpoints have no place for other files."""
_MISTRALS = ("codestral", "mistral")
_NATIVE = {"openai-completions", "mistral-fim", "llama-infill", "prefix", *_FILELESS}
"""Modes whose endpoints put the prompt together."""


class UnknownModeError(ValueError):
    """The completion mode is none of those a catalog row may name."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What the prompt is for: a model, and how it takes completions."""

    model: str
    mode: str
    """A completion mode of the catalog, see ``polypilot_providers.catalog.CompletionMode``."""
    tokens: int = 8000
    """Budget of the whole prompt."""
    prefill: bool = False
    """The model goes on from an answer's beginning, so that its answer need not be looked for."""


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A piece of a prompt, for showing what was sent."""

    name: str
    text: str
    tokens: int
    """Estimated."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request, and how to filter what comes back."""

    request: CompletionRequest | ChatRequest
    filter: FilterSpec
    parts: tuple[PromptPart, ...]
    """In the order they are sent in."""


def build(
    context: CursorContext,
    aim: Aim,
    *,
    block: bool,
    snippets: Sequence[Snippet] = (),
    budget: Budget | None = None,
    document: CursorContext | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Prompt:
    """The prompt for the text missing at the cursor.

    Args:
        context: what may be sent (secrets already taken out).
        aim: the model and its mode.
        block: whether several lines are wanted, or the rest of one.
        snippets: pieces of other files, best first.
        budget: shares; its ``tokens`` are replaced by the aim's.
        document: the document's true text around the cursor, for filtering what comes back;
            ``context`` itself if it is that.
        overrides: the user's own templates by name.

    Raises:
        UnknownModeError: there is no such mode or template family.
    """
    if not _takes_files(aim):
        snippets = ()
    fitted = _unix(fit(context, snippets, replace(budget or Budget(), tokens=aim.tokens)))
    truth = document or context
    if aim.mode == "chat":
        return _chat(context, fitted, aim, block=block, truth=truth, overrides=overrides)
    if aim.mode.startswith("template:"):
        return _template(context, fitted, aim, block=block, truth=truth)
    if aim.mode in _NATIVE:
        return _native(context, fitted, aim, block=block, truth=truth)
    raise UnknownModeError(aim.mode)


def _takes_files(aim: Aim) -> bool:
    """Whether other files can be sent along.

    Of the models that complete at ``/fim/completions``, Mistral's alone are known to read them.
    """
    if aim.mode == "mistral-fim":
        return any(name in aim.model.lower() for name in _MISTRALS)
    return aim.mode not in _FILELESS


def _unix(fitted: Fitted) -> Fitted:
    snippets = tuple(Snippet(s.path, unix(s.text)) for s in fitted.snippets)
    return Fitted(unix(fitted.prefix), unix(fitted.suffix), snippets)


def _parts(
    prefix: str, suffix: str, snippets: Sequence[Snippet], head: str = ""
) -> list[PromptPart]:
    named = [("instructions", head), *((f"file {one_line(s.path)}", s.text) for s in snippets)]
    named += [("suffix", suffix), ("prefix", prefix)]
    return [PromptPart(name, text, estimate(text)) for name, text in named if text]


def _most(*, block: bool) -> int:
    return BLOCK_TOKENS if block else LINE_TOKENS


def _stops(ends: tuple[str, ...], *, block: bool) -> tuple[str, ...]:
    # Suppliers take only the first few stop strings: the one that ends soonest goes first.
    return ends if block else ("\n", *ends)


def _native(
    context: CursorContext, fitted: Fitted, aim: Aim, *, block: bool, truth: CursorContext
) -> Prompt:
    """An endpoint that puts prefix and suffix together itself, or that takes only a prefix."""
    left_to_right = aim.mode == "prefix"
    suffix = "" if left_to_right else neutralise_common(fitted.suffix)
    bare, lead = split_lead(fitted.prefix)
    prefix = neutralise_common(bare)
    extra = [Snippet(s.path, neutralise_common(s.text)) for s in fitted.snippets]
    files = () if left_to_right else tuple(ContextFile(one_line(s.path), s.text) for s in extra)
    ends, sent = COMMON_STOPS, prefix
    if aim.mode == "mistral-fim" and files:
        # The endpoint has no field for them.
        sent, files = beneath_files(prefix, context.path, extra), ()
        ends = (f"\n{FILE_MARK}", *ends)
    request = CompletionRequest(
        model=aim.model,
        prefix=sent,
        suffix=suffix,
        extra=files,
        max_tokens=_most(block=block),
        stop=_stops(ends, block=block),
        temperature=0.0,
    )
    parts = _parts(prefix, suffix, () if left_to_right else extra)
    spec = spec_for(truth, block=block, stops=ends, lead=lead)
    return Prompt(request, spec, tuple(parts))


def _template(
    context: CursorContext, fitted: Fitted, aim: Aim, *, block: bool, truth: CursorContext
) -> Prompt:
    """The family's own tokens in one raw prompt."""
    family = FAMILIES.get(aim.mode.partition(":")[2])
    if family is None:
        raise UnknownModeError(aim.mode)
    prefix, lead = split_lead(fitted.prefix)
    request = CompletionRequest(
        model=aim.model,
        prefix=family.render(
            prefix,
            fitted.suffix,
            path=context.path,
            language=context.language,
            snippets=fitted.snippets,
        ),
        max_tokens=_most(block=block),
        stop=_stops(family.stops, block=block),
        temperature=0.0,
        raw=True,
    )
    sent = fitted.snippets if family.file else ()
    parts = _parts(prefix, fitted.suffix, sent)
    spec = spec_for(truth, block=block, stops=family.stops, lead=lead)
    return Prompt(request, spec, tuple(parts))


def _chat(
    context: CursorContext,
    fitted: Fitted,
    aim: Aim,
    *,
    block: bool,
    truth: CursorContext,
    overrides: Mapping[str, str] | None,
) -> Prompt:
    """A conversation whose next answer is the missing text in a wrapper tag."""
    system = render("completion", overrides=overrides)
    turns = tuple(
        turn
        for example, answer in EXAMPLES
        for turn in (user(_question(example, _whole(example))), assistant(_answer(answer)))
    )
    begun = (assistant(OPEN_TAG),) if aim.prefill else ()
    request = ChatRequest(
        model=aim.model,
        messages=(*turns, user(_question(context, fitted)), *begun),
        system=system,
        max_tokens=_most(block=block),
        stop=(CLOSE_TAG,),
        effort="none",
        completion=True,
    )
    examples = "\n".join(turn.text for turn in turns)
    parts = _parts(fitted.prefix, fitted.suffix, fitted.snippets, f"{system}\n{examples}")
    spec = spec_for(truth, block=block, stops=(CLOSE_TAG,), chat=True, open_tag=OPEN_TAG)
    return Prompt(request, replace(spec, opened=aim.prefill), tuple(parts))


def _whole(context: CursorContext) -> Fitted:
    return Fitted(context.prefix, context.suffix, ())


def _answer(text: str) -> str:
    return f"{OPEN_TAG}{text}{CLOSE_TAG}"


def _clean(text: str) -> str:
    """The text with our own tags broken, so that no file can end or redirect the prompt."""
    if "<" in text:
        for tag in _TAGS:
            text = text.replace(tag, f"< {tag[1:]}")
    return text


def _question(context: CursorContext, fitted: Fitted) -> str:
    others = "".join(
        f"<OTHER path={_quoted(snippet.path)}>\n{_clean(snippet.text)}\n</OTHER>\n"
        for snippet in fitted.snippets
    )
    unit = f"{context.tab_size} spaces" if context.insert_spaces else "tabs"
    facts = f"File: {_quoted(context.path or 'untitled')}"
    if context.language:
        facts += f", language: {_clean(one_line(context.language))}"
    return (
        f"{others}{facts}, indented by {unit}\n"
        f"<AFTER>{_clean(fitted.suffix)}</AFTER>\n"
        f"<BEFORE>{_clean(fitted.prefix)}{CURSOR_TAG}"
    )


def _quoted(path: str) -> str:
    return '"' + _clean(one_line(path)).replace('"', "'") + '"'
