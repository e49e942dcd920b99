"""The chat-shaped prompt, by which a model that only converses returns just the missing text."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from polypilot_prompts.breaking import one_line
from polypilot_prompts.budget import Fitted, estimate
from polypilot_prompts.examples import EXAMPLES
from polypilot_prompts.fim import neutralise_common
from polypilot_prompts.prompt_values import Prompt, PromptPart, part, parts
from polypilot_prompts.templates import render
from polypilot_providers.types import ChatRequest, Message, assistant, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot_prompts.context import CursorContext
    from polypilot_prompts.prompt_values import Task

OPEN_TAG, CLOSE_TAG = "<MISSING>", "</MISSING>"
CURSOR_TAG = "<CURSOR>"
_BEFORE, _AFTER, _AFTER_END = "<BEFORE>", "<AFTER>", "</AFTER>"
_TAGS = (
    OPEN_TAG,
    CLOSE_TAG,
    CURSOR_TAG,
    _BEFORE,
    "</BEFORE>",
    _AFTER,
    _AFTER_END,
    "<OTHER",
    "</OTHER>",
)

NAMES = {
    "open": OPEN_TAG,
    "close": CLOSE_TAG,
    "cursor": CURSOR_TAG,
    "before": _BEFORE,
    "after": _AFTER,
    "after_end": _AFTER_END,
}
"""What stands for our tags in the template ``completion``, beside ``$language``."""


def instructions(language: str, overrides: Mapping[str, str] | None = None) -> str:
    """The system prompt. It is the same for all files of a language."""
    name = _clean(one_line(language)) or "plain text"
    return render("completion", NAMES | {"language": name}, overrides=overrides)


def fixed_tokens(system: str, context: CursorContext) -> int:
    """What instructions, examples and the question's frame take of a budget."""
    frame = _question(context, Fitted("", "", ()))
    return estimate(system) + _example_tokens() + sum(piece.tokens for piece in frame)


def asked(task: Task, system: str) -> Prompt:
    """A conversation whose next answer is the missing text in a wrapper tag.

    Examples go as turns, in the very form of the question. Reasoning is kept to the least the
    model can do.
    """
    question = _question(task.context, task.fitted)
    begun = OPEN_TAG if task.aim.prefill else ""
    messages = [*_examples(), user("".join(piece.text for piece in question))]
    if begun:
        messages.append(assistant(begun))
    request = ChatRequest(
        model=task.aim.model,
        messages=tuple(messages),
        system=system,
        max_tokens=task.wanted.max_tokens,
        stop=(CLOSE_TAG,),
        temperature=task.wanted.temperature or None,
        effort="none",
        completion=True,
    )
    spec = task.wanted.spec((CLOSE_TAG,))
    spec = replace(spec, chat=True, open_tag=OPEN_TAG, opened=task.aim.prefill)
    examples = "".join(turn.text for turn in _examples())
    sent = (
        *parts(("instructions", system), ("examples", examples)),
        *question,
        *parts(("answer", begun)),
    )
    return Prompt(request, spec, sent, task.aim.tokens)


@cache
def _examples() -> tuple[Message, ...]:
    return tuple(
        turn
        for example, answer in EXAMPLES
        for turn in (
            user("".join(piece.text for piece in _question(example, _whole(example)))),
            assistant(f"{OPEN_TAG}{answer}{CLOSE_TAG}"),
        )
    )


@cache
def _example_tokens() -> int:
    return estimate("".join(turn.text for turn in _examples()))


def _whole(context: CursorContext) -> Fitted:
    return Fitted(context.prefix, context.suffix, ())


def _clean(text: str) -> str:
    """The text with our own tags broken, so that no file can end or redirect the prompt.

    Control tokens are broken too: local runtimes parse them in messages as well.
    """
    if "<" in text:
        for tag in _TAGS:
            text = text.replace(tag, f"< {tag[1:]}")
    return neutralise_common(text)


def _question(context: CursorContext, fitted: Fitted) -> tuple[PromptPart, ...]:
    unit = f"{context.tab_size} spaces" if context.insert_spaces else "tabs"
    facts = f"File: {_quoted(context.path or 'untitled')}"
    if context.language:
        facts += f", language: {_clean(one_line(context.language))}"
    return (
        *(
            part(
                f"file {one_line(snippet.path)}",
                f"<OTHER path={_quoted(snippet.path)}>\n{_clean(snippet.text)}\n</OTHER>\n",
            )
            for snippet in fitted.snippets
        ),
        part("facts", f"{facts}, indented by {unit}\n"),
        part("suffix", f"{_AFTER}{_clean(fitted.suffix)}{_AFTER_END}\n"),
        part("prefix", f"{_BEFORE}{_clean(fitted.prefix)}{CURSOR_TAG}"),
    )


def _quoted(path: str) -> str:
    return '"' + _clean(one_line(path)).replace('"', "'") + '"'
