"""What the providers made from rows have in common: identity, sending, learning quirks."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from polypilot_providers.aws_errors import sign_in_again
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ProviderError,
    UnknownModel,
)
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.jsonvalue import as_dict, as_list, as_str
from polypilot_providers.types import ChatRequest
from polypilot_providers.wires.asking import own_text
from polypilot_providers.wires.proof import prove
from polypilot_providers.wires.quirks import Quirks, choice, nearest
from polypilot_providers.wires.shared import WireParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import AuthHeader, Sign, StreamParser
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import (
        CompletionRequest,
        Event,
        ModelInfo,
        ThoughtPart,
        ToolCallPart,
    )

_MOST_REFUSALS = 3
"""Parameters that one request may be refused for before it is given up."""
REASONING_ROOM = 2048
"""Tokens that a completion gets on top of its own where reasoning may come first: suppliers count
that as output, and an answer cut off in it is empty."""
LIST_LIMITS = Limits(connect=5.0, first_event=10.0, idle=10.0, total=15.0)


def _signer(row: ProviderRow) -> Sign | None:
    if row.auth != "aws":
        return None
    # Only those who sign need the module.
    from polypilot_providers.wires.bedrock_sigv4 import signer  # noqa: PLC0415 - see above

    return signer(row)


class WireProvider(ABC):
    """Base of the providers made from a row: identity, one way to send, the list of models."""

    auth: AuthHeader = "bearer"
    headers: Mapping[str, str] = {}
    blank_stops: bool = True
    """Whether the supplier takes a stop sequence of white space alone."""

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        self._row = row
        self._origin = origin
        self._path = path
        self._key = key
        self._http = http
        self._quirks: dict[tuple[str, str], Quirks] = {}
        self._sign = _signer(row)

    @property
    def id(self) -> str:
        """The row's id."""
        return self._row.id

    @property
    def local(self) -> bool:
        """Whether the origin is this machine, and what is sent to it stays there."""
        return self._origin.is_loopback and not self._row.forwards

    @abstractmethod
    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

    @abstractmethod
    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

    @abstractmethod
    async def models(self) -> list[ModelInfo]:
        """See Provider."""

    async def check(self) -> str:
        """Prove the key as the row says, see ``proof.prove``; a short word on it."""
        return await prove(self._row, self, self.fetch)

    async def fetch(self, path: str) -> object:
        """The JSON value at ``path`` below the base; raises ProviderError."""
        return await self._http.get_json(self._call(path), LIST_LIMITS)

    async def aclose(self) -> None:  # noqa: B027 - most have nothing to do
        """Nothing to do: connections belong to the HttpClient, which others share."""

    def _call(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        request: ChatRequest | CompletionRequest | None = None,
        *,
        base: str | None = None,
    ) -> Call:
        """A request of this provider at ``path`` below its base, or below ``base``."""
        where = (self._path if base is None else base) + path
        if self._row.query:
            where += ("&" if "?" in where else "?") + urlencode(self._row.query)
        return Call(
            provider=self.id,
            origin=self._origin,
            path=where,
            body=body,
            key=None if self._sign else self._key,
            needs_key=self._row.auth != "none" and self._sign is None,
            sign=self._sign,
            auth=self._row.auth_header or self.auth,
            headers={**self._row.headers, **self.headers},
            own_text=() if request is None else own_text(request),
        )

    def _own(self, part: ThoughtPart | ToolCallPart) -> bool:
        """Whether the proof in ``part`` is this provider's, the only one that may have it."""
        return part.provider in ("", self.id)

    def _stop(self, request: ChatRequest | CompletionRequest, facts: ModelRow) -> list[str]:
        """The stop sequences to send, as many as the model takes; the caller cuts at the rest."""
        limit = self._row.stop_limit if facts.stop_limit is None else facts.stop_limit
        taken = [text for text in request.stop if (text if self.blank_stops else text.strip())]
        return taken[:limit]

    def _most(self, request: ChatRequest | CompletionRequest, facts: ModelRow) -> int | None:
        """The most tokens the answer may have: what is asked for, within the model's limit.

        Where nothing is asked for, that limit; None if it is not known. The completion of a
        model that may reason first gets room for that.
        """
        asked, limit = request.max_tokens, facts.max_output_tokens
        if asked is None:
            return limit
        code = request.completion if isinstance(request, ChatRequest) else not request.raw
        if code and self._reasons(facts):
            asked += REASONING_ROOM
        return asked if limit is None else min(asked, limit)

    def _facts(self, model: str) -> ModelRow:
        """The row of ``model``; an empty one if there is none."""
        return self._row.model(model)

    def _reasons(self, facts: ModelRow) -> bool:
        """Whether reasoning may precede an answer though none is wanted."""
        return facts.thinking == "always"

    async def _list(self, path: str) -> list[dict[str, object]]:
        """The models at ``path``: ``{"data": [...]}`` or a bare list; nameless ones left out."""
        answer = await self._http.get_json(self._call(path), LIST_LIMITS)
        entries = as_list(answer) or as_list(as_dict(answer).get("data"))
        return [model for entry in entries if as_str((model := as_dict(entry)).get("id"))]

    def _model(self, asked: str, default: str) -> str:
        if model := asked or default:
            if gone := self._row.retirement(model):
                raise UnknownModel(
                    f"{self._row.name or self.id} no longer serves {model}",
                    provider=self.id,
                    cure=f"Use {gone.instead} instead." if gone.instead else "Use another model.",
                )
            return model
        raise ConfigurationError(
            f"no model is selected for {self.id}",
            provider=self.id,
            cure=f"Select one of those that `polypilot models {self.id}` lists.",
        )

    async def _stream(
        self,
        prepare: Callable[[], Call],
        parser: Callable[[Peer], StreamParser],
        limits: Limits,
        optional: Sequence[str],
    ) -> AsyncGenerator[Event, None]:
        """Stream an answer; change, one after the other, parameters the model refuses.

        The body that ``prepare`` makes has every parameter at its top level; ``optional`` are
        those that may be left out.
        """
        call = prepare()
        wanted = call.body or {}
        # As asked for, by path or by name; endpoints differ in what they take.
        call = replace(call, model=call.model or as_str(wanted.get("model")))
        model = (call.path, call.model)
        quirks = self._quirks.get(model, Quirks())
        refusals = 0
        start = asyncio.get_running_loop().time()
        total = math.inf if limits.total is None else limits.total
        while True:
            sent = quirks.apply(wanted)
            began = False
            stream = self._sent(replace(call, body=self._nested(sent)), parser, limits)
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        if refusals and not began:
                            # What was learned holds only if it made the request acceptable.
                            self._quirks[model] = quirks
                        began = True
                        yield event
            except ProviderError as error:
                if began:
                    raise
                refused = self._refused(error, sent, optional)
                left = start + total - asyncio.get_running_loop().time()
                if refusals == _MOST_REFUSALS or not refused or left <= 0:
                    raise self._explained(error, {**sent, "model": call.model}) from None
                quirks = quirks.learned(refused, sent)
                refusals += 1
                limits = replace(limits, total=None if limits.total is None else left)
                if limits.resent is not None:
                    limits.resent()
            else:
                return

    def _sent(
        self, call: Call, parser: Callable[[Peer], StreamParser], limits: Limits
    ) -> AsyncGenerator[Event, None]:
        """Send ``call`` as it is; the one way of every request for text."""
        return self._http.stream(call, parser, limits)

    def _nested(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """``body`` with its parameters where the wire has them: mostly at the top level."""
        return body

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """The ``optional`` parameters in ``sent`` that ``error`` objects to.

        Each with the choices to try in place of the refused one, best first.
        """
        if not isinstance(error, ParameterRefused):
            return {}
        return {
            name: nearest(choice(name, sent[name]), error.allowed())
            for name in optional
            if name in sent and error.names(name)
        }

    def _explained(self, error: ProviderError, sent: Mapping[str, object]) -> ProviderError:
        """``error`` as it is to be told, of a request that nothing came of."""
        facts = self._facts(as_str(sent.get("model")))
        if isinstance(error, UnknownModel) and facts.instead:
            error.cure = f"It was to be served until {facts.shutdown_date}: use {facts.instead}."
        if self._sign and type(error) is AuthError and error.host:
            # There is no key to enter: what signs belongs to the machine.
            error.cure = sign_in_again(self._row.account)
        return error


class ChatOnlyProvider(WireProvider):
    """Base of the wires that complete by a chat prompt only."""

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """Raises ConfigurationError when iterated: there is no completion endpoint."""
        del request

        def prepare() -> Call:
            raise ConfigurationError(
                f"{self.id} has no completion endpoint",
                provider=self.id,
                cure="Ask it through chat.",
            )

        return self._stream(prepare, WireParser, limits, ())
