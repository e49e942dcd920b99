"""From an ask to prompts, through the gate."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.completion.values import PREFIX_CHARS, SUFFIX_CHARS, Ask, Choice, Plan, Trigger
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.completion import Aim, Prompt, UnknownModeError, build, takes_files
from polypilot_prompts.context import CursorContext, Eol, indentation_of, wants_block
from polypilot_prompts.freeze import freeze
from polypilot_prompts.prompt_values import parts_of
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.families import family
from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot.workspace.documents import Snapshot
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.gate_outgoing import Outgoing
    from polypilot_prompts.context import Snippet
    from polypilot_providers.router import Target

_SUFFIXES = 64
"""Documents whose last suffix is kept."""


class PromptMaker:
    """Makes the prompts of an ask from what the gate lets out."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._suffixes: OrderedDict[str, tuple[Outgoing, frozenset[str]]] = OrderedDict()
        """By document, with the providers that were asked."""
        self._cache_key = secrets.token_hex(8)

    def policy_of(self, uri: str) -> str:
        """Changes whenever what may be sent from this document may have changed."""
        return self._gate.policy_hash(uri)

    def takes_files(self, plan: Plan) -> bool:
        """Whether the first choice is sent pieces of other files: else none need be found."""
        return plan.context and takes_files(_aim(plan.choices[0]), plan.overrides)

    def prepare(
        self,
        ask: Ask,
        plan: Plan,
        snippets: Sequence[Snippet] = (),
        *,
        streak: int = 0,
        temperature: float = 0.0,
        keep: bool = True,
    ) -> Callable[[Target], Prompt]:
        """What makes the prompt for whichever target answers in the end.

        Args:
            ask: its document may be one that does not exist yet, with a suggestion inserted.
            plan: whom the prompts are for.
            snippets: pieces of other files that passed the gate, best first.
            streak: lines wanted beyond the first suggestion.
            temperature: more than 0 for texts that differ.
            keep: remember what is sent, so that later prompts are like it.

        Raises:
            ExcludedError: the document may not be sent, or the cursor stands in a secret.
        """
        snapshot = ask.snapshot
        windows = self._gate.windows(snapshot, PREFIX_CHARS, SUFFIX_CHARS)
        if windows.in_secret:
            raise ExcludedError("the cursor stands in a secret")
        asked = frozenset(choice.target.provider_id for choice in plan.choices)
        suffix = self._steady(snapshot.uri, windows.suffix, asked, keep=keep)
        name = self._name(snapshot)
        document = _context(snapshot, name, snapshot.prefix, snapshot.suffix)
        allowed = replace(document, prefix=windows.prefix.text, suffix=suffix.text)
        block = wants_block(document, invoked=ask.trigger is Trigger.INVOKED)
        choices = {choice.target: choice for choice in plan.choices}

        def prompt_for(target: Target) -> Prompt:
            aim = _aim(choices[target])
            try:
                prompt = build(
                    allowed,
                    aim,
                    block=block,
                    snippets=snippets,
                    document=document,
                    overrides=plan.overrides,
                    streak=streak,
                    temperature=temperature,
                )
            except UnknownModeError as error:
                raise ConfigurationError(
                    f"there is no completion mode {aim.mode!r}",
                    provider=target.provider_id,
                    cure="Correct `completion` in the provider's settings, or write the family "
                    "into prompts/fim.toml.",
                ) from error
            sure = choices[target].model.min_confidence is not None
            return self._checked(prompt, logprobs=sure)

        return prompt_for

    def _steady(self, uri: str, fresh: Outgoing, asked: frozenset[str], *, keep: bool) -> Outgoing:
        """The suffix as it was sent before, where it may stand for what it is now.

        What is allowed, or what counts as a secret, must not have changed meanwhile; and nobody
        gets text that is gone who has not been sent it while it was there.
        """
        sent, before = self._suffixes.get(uri, (None, asked))
        if (
            sent is not None
            and asked <= before
            and (sent.policy, sent.redactions) == (fresh.policy, fresh.redactions)
            and freeze(sent.text, fresh.text) == sent.text
        ):
            fresh, asked = sent, before
        if keep:
            self._suffixes[uri] = fresh, asked
            self._suffixes.move_to_end(uri)
            while len(self._suffixes) > _SUFFIXES:
                self._suffixes.popitem(last=False)
        return fresh

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._suffixes.pop(uri, None)

    def _checked(self, prompt: Prompt, *, logprobs: bool) -> Prompt:
        """The prompt after the last look of the gate, which may hide more in what was joined."""
        request: CompletionRequest | ChatRequest
        if isinstance(prompt.request, ChatRequest):
            asked = replace(prompt.request, logprobs=logprobs, cache_key=self._cache_key)
            request = self._gate.last_check(asked)
            same = (request.system, request.messages) == (asked.system, asked.messages)
        else:
            raw = replace(prompt.request, logprobs=logprobs)
            request = self._gate.last_check(raw)
            same = request == raw
        return replace(prompt, request=request, parts=prompt.parts if same else parts_of(request))

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
    row, model = choice.row, choice.target.model or choice.row.completion_model
    mode = choice.model.completion or row.completion
    return Aim(
        model=model,
        mode=mode,
        tokens=row.prompt_tokens,
        prefill=choice.model.prefill,
        suffix_share=row.suffix_share,
        context_share=row.context_share,
        window=choice.model.context_tokens,
        family=family(model) if mode == "prefix" else "",
    )
