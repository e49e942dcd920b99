"""From an ask to prompts, through the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.completion.values import PREFIX_CHARS, SUFFIX_CHARS, Ask, Choice, Plan, Trigger
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.completion import Aim, Prompt, UnknownModeError, build
from polypilot_prompts.context import CursorContext, Eol, indentation_of, wants_block
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.workspace.documents import Snapshot
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Target


class PromptMaker:
    """Makes the prompts of an ask from what the gate lets out."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def policy_of(self, uri: str) -> str:
        """Changes whenever what may be sent from this document may have changed."""
        return self._gate.policy_hash(uri)

    def prepare(self, ask: Ask, plan: Plan) -> Callable[[Target], Prompt]:
        """What makes the prompt for whichever target answers in the end.

        Raises:
            ExcludedError: the document may not be sent, or the cursor stands in a secret.
        """
        snapshot = ask.snapshot
        windows = self._gate.windows(snapshot, PREFIX_CHARS, SUFFIX_CHARS)
        if windows.in_secret:
            raise ExcludedError("the cursor stands in a secret")
        name = self._name(snapshot)
        document = _context(snapshot, name, snapshot.prefix, snapshot.suffix)
        allowed = _context(snapshot, name, windows.prefix.text, windows.suffix.text)
        block = wants_block(document, invoked=ask.trigger is Trigger.INVOKED)
        choices = {choice.target: choice for choice in plan.choices}

        def prompt_for(target: Target) -> Prompt:
            aim = _aim(choices[target])
            try:
                prompt = build(allowed, aim, block=block, document=document)
            except UnknownModeError as error:
                raise ConfigurationError(
                    f"there is no completion mode {aim.mode!r}",
                    provider=target.provider_id,
                    cure="Correct `completion` in the provider's settings.",
                ) from error
            return replace(prompt, request=self._checked(prompt.request))

        return prompt_for

    def _checked(self, request: CompletionRequest | ChatRequest) -> CompletionRequest | ChatRequest:
        if isinstance(request, ChatRequest):
            return self._gate.last_check(request)
        return self._gate.last_check(request)

    def _name(self, snapshot: Snapshot) -> str:
        """The file's name for a prompt: below its root, else without its folders."""
        if snapshot.path is None:
            return snapshot.uri.rsplit("/", 1)[-1]
        root = self._gate.roots.of(snapshot.path)
        relative = root.relative(snapshot.path) if root else None
        return (relative or snapshot.path.rsplit("/", 1)[-1]).replace("\\", "/")


def _context(snapshot: Snapshot, name: str, prefix: str, suffix: str) -> CursorContext:
    spaces, size = indentation_of(prefix[-8000:] + suffix[:2000])
    return CursorContext(
        prefix=prefix,
        suffix=suffix,
        path=name,
        language=snapshot.language_id,
        line=snapshot.line,
        column=snapshot.column,
        eol=_eol(snapshot.eol),
        tab_size=size,
        insert_spaces=spaces,
    )


def _eol(eol: str) -> Eol:
    if eol == "\r\n":
        return "\r\n"
    return "\r" if eol == "\r" else "\n"


def _aim(choice: Choice) -> Aim:
    return Aim(
        model=choice.target.model or choice.row.completion_model,
        mode=choice.model.completion or choice.row.completion,
        tokens=choice.row.prompt_tokens,
        prefill=choice.model.prefill,
    )
