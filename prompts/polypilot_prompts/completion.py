r"""From a cursor's surroundings to the request that makes a model write the missing text.

What goes first in a prompt is what changes least from key to key, so that suppliers' and local
runtimes' prompt caches hit: instructions and examples, other files, the text after the cursor,
and last the text before it. Prompts always have ``\n`` line breaks. Except in a chat, the blanks
right before the cursor are left out, see ``lead``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_prompts.asking import asked, fixed_tokens, instructions
from polypilot_prompts.breaking import one_line
from polypilot_prompts.budget import Fitted, estimate, fit
from polypilot_prompts.context import CursorContext, Snippet, unix
from polypilot_prompts.fim import COMMON_STOPS, neutralise_common
from polypilot_prompts.lead import split_lead
from polypilot_prompts.overrides import OURS, Overrides
from polypilot_prompts.plain import FILE_MARK, left_to_right, under_marks
from polypilot_prompts.prompt_values import (
    BLOCK_TOKENS,
    LINE_TOKENS,
    STREAK_TOKENS,
    Aim,
    Prompt,
    PromptPart,
    Task,
    Wanted,
    parts,
    parts_of,
)
from polypilot_providers.types import CompletionRequest, ContextFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.fim import Family

__all__ = [
    "BLOCK_TOKENS",
    "LINE_TOKENS",
    "STREAK_TOKENS",
    "Aim",
    "Prompt",
    "PromptPart",
    "UnknownModeError",
    "build",
    "takes_files",
]

_FILELESS = {"deepseek-fim", "ollama-generate"}
"""Modes whose endpoints have no place for other files."""
_MISTRALS = ("codestral", "mistral")
_NATIVE = {"openai-completions", "mistral-fim", "llama-infill", *_FILELESS}
"""Modes whose endpoints put the prompt together."""


_HEADER = 16
"""Tokens around the name of the file itself, at most, where others stand above it."""


class UnknownModeError(ValueError):
    """The completion mode is none of those a catalog row may name."""


def build(
    context: CursorContext,
    aim: Aim,
    *,
    block: bool,
    snippets: Sequence[Snippet] = (),
    document: CursorContext | None = None,
    overrides: Overrides = OURS,
    streak: int = 0,
    temperature: float = 0.0,
) -> Prompt:
    """The prompt for the text missing at the cursor.

    Args:
        context: what may be sent (secrets already taken out).
        aim: the model and its mode.
        block: whether several lines are wanted, or the rest of one.
        snippets: pieces of other files, best first.
        document: the document's true text around the cursor, for filtering what comes back;
            ``context`` itself if it is that.
        overrides: the user's own templates.
        streak: lines wanted beyond the first suggestion, see ``FilterSpec.streak``.
        temperature: 0 for the likeliest text; more for different ones.

    Raises:
        UnknownModeError: there is no such mode or template family.
    """
    wanted = Wanted(document or context, block, streak, temperature)
    family = overrides.family(aim.mode.removeprefix("template:"))
    if aim.mode.startswith("template:") and family is not None:
        snippets = snippets if family.file else ()
        frame = family.pieces("", "", path=context.path, language=context.language)
        fixed = sum(piece.tokens for piece in frame)
        return _template(_task(context, aim, wanted, snippets, fixed), family)
    if aim.mode == "chat":
        system = instructions(context.language, overrides.templates)
        fixed = fixed_tokens(system, context)
        return asked(_task(context, aim, wanted, snippets, fixed), system)
    if aim.mode == "prefix" or aim.mode in _NATIVE:
        snippets = snippets if takes_files(aim) else ()
        fixed = estimate(context.path) + _HEADER if snippets else 0
        make = _left_to_right if aim.mode == "prefix" else _native
        return make(_task(context, aim, wanted, snippets, fixed))
    raise UnknownModeError(aim.mode)


def takes_files(aim: Aim, overrides: Overrides = OURS) -> bool:
    """Whether other files can be sent along, and may take anything of the budget.

    Of the models that complete at ``/fim/completions``, Mistral's alone are known to read them.
    """
    if aim.context_share <= 0:
        return False
    if aim.mode.startswith("template:"):
        family = overrides.family(aim.mode.removeprefix("template:"))
        return family is not None and bool(family.file)
    if aim.mode == "mistral-fim":
        return any(name in aim.model.lower() for name in _MISTRALS)
    return aim.mode not in _FILELESS


def _task(
    context: CursorContext,
    aim: Aim,
    wanted: Wanted,
    snippets: Sequence[Snippet],
    fixed: int = 0,
) -> Task:
    budget = aim.budget(answer=wanted.max_tokens, fixed=fixed)
    fitted = fit(context, snippets if budget.snippets else (), budget)
    cut = tuple(Snippet(s.path, unix(s.text)) for s in fitted.snippets)
    return Task(aim, context, Fitted(unix(fitted.prefix), unix(fitted.suffix), cut), wanted)


def _native(task: Task) -> Prompt:
    """An endpoint that puts prefix and suffix together itself."""
    bare, lead = split_lead(task.fitted.prefix)
    prefix = neutralise_common(bare)
    suffix = neutralise_common(task.fitted.suffix)
    extra = [
        Snippet(neutralise_common(one_line(s.path)), neutralise_common(s.text))
        for s in task.fitted.snippets
    ]
    if task.aim.mode == "mistral-fim" and extra:
        # The endpoint has no field for them.
        ends = (f"\n{FILE_MARK}", *COMMON_STOPS)
        sent = parts(*under_marks(prefix, neutralise_common(task.context.path), extra))
        request = replace(_request(task, _text(sent), ends), suffix=suffix)
        sent = (*parts(("suffix", suffix)), *sent)
        return Prompt(request, task.wanted.spec(ends, lead=lead), sent, task.aim.tokens)
    request = _request(task, prefix, COMMON_STOPS)
    files = tuple(ContextFile(s.path, s.text) for s in extra)
    request = replace(request, suffix=suffix, extra=files)
    spec = task.wanted.spec(COMMON_STOPS, lead=lead)
    return Prompt(request, spec, parts_of(request), task.aim.tokens)


def _left_to_right(task: Task) -> Prompt:
    """An endpoint that goes on from a text: the suffix is not sent."""
    bare, lead = split_lead(task.fitted.prefix)
    files = left_to_right(
        task.context.path, task.context.language, task.fitted.snippets, task.aim.family
    )
    sent = parts(*files, ("prefix", neutralise_common(bare)))
    request = _request(task, _text(sent), COMMON_STOPS)
    return Prompt(request, task.wanted.spec(COMMON_STOPS, lead=lead), sent, task.aim.tokens)


def _template(task: Task, family: Family) -> Prompt:
    """The family's own tokens in one raw prompt."""
    prefix, lead = split_lead(task.fitted.prefix)
    sent = family.pieces(
        prefix,
        task.fitted.suffix,
        path=task.context.path,
        language=task.context.language,
        snippets=task.fitted.snippets,
    )
    request = replace(_request(task, _text(sent), family.stops), raw=True)
    spec = task.wanted.spec(family.stops, lead=lead)
    return Prompt(request, spec, sent, task.aim.tokens)


def _request(task: Task, text: str, ends: tuple[str, ...]) -> CompletionRequest:
    return CompletionRequest(
        model=task.aim.model,
        prefix=text,
        max_tokens=task.wanted.max_tokens,
        stop=task.wanted.stops(ends),
        temperature=task.wanted.temperature,
    )


def _text(sent: tuple[PromptPart, ...]) -> str:
    return "".join(piece.text for piece in sent)
