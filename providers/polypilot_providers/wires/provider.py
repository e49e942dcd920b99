"""What the providers made from rows have in common: identity, sending, learning quirks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import ConfigurationError, UnknownModel
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.jsonvalue import as_dict, as_list, as_str
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.shared import WireParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import AuthHeader, Sign, StreamParser
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import Event, ModelInfo

_MOST_REFUSALS = 3
"""Parameters that one request may be refused for before it is given up."""
LIST_LIMITS = Limits(connect=5.0, first_event=10.0, idle=10.0, total=15.0)


def own_text(request: ChatRequest | CompletionRequest) -> tuple[str, ...]:
    """The user's text in a request, which no error message may repeat."""
    if isinstance(request, CompletionRequest):
        texts = [request.prefix, request.suffix, *(file.text for file in request.extra)]
    else:
        texts = [request.system]
        for message in request.messages:
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    texts.append(part.arguments)
                elif isinstance(part, TextPart | ToolResultPart):
                    texts.append(part.text)
    return tuple(text for text in texts if text)


class Quirks:
    """Which optional parameters a model turned out not to take, and what to send instead.

    A parameter maps to None (leave out), to another name, or to another value.
    """

    _RENAMES = {  # noqa: RUF012 - a constant
        "max_tokens": "max_completion_tokens",
        "max_completion_tokens": "max_tokens",
    }
    _EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

    def __init__(self) -> None:
        self._dropped: set[str] = set()
        self._renamed: dict[str, str] = {}
        self._values: dict[str, object] = {}

    def apply(self, body: Mapping[str, object]) -> dict[str, object]:
        """``body`` as the model takes it."""
        return {
            self._renamed.get(name, name): self._values.get(name, value)
            for name, value in body.items()
            if name not in self._dropped
        }

    def learn(
        self, error: ParameterRefused, body: Mapping[str, object], optional: Sequence[str]
    ) -> bool:
        """Take note of the optional parameters in ``body`` that ``error`` objects to."""
        refused = [name for name in optional if name in body and error.names(name)]
        for name in refused:
            allowed = [value for value in self._EFFORTS if value in error.allowed()]
            if name in self._RENAMES:
                self._renamed[name] = self._RENAMES[name]
            elif name == "reasoning_effort" and allowed and name not in self._values:
                self._values[name] = allowed[0]
            elif name == "reasoning" and allowed and name not in self._values:
                self._values[name] = as_dict(body[name]) | {"effort": allowed[0]}
            else:
                self._dropped.add(name)
        return bool(refused)

    def copy(self) -> Quirks:
        """Another one that knows the same."""
        other = Quirks()
        other._dropped = set(self._dropped)
        other._renamed = dict(self._renamed)
        other._values = dict(self._values)
        return other


def _signer(row: ProviderRow) -> Sign | None:
    if row.auth != "aws":
        return None
    # Only those who sign need the module.
    from polypilot_providers.wires.bedrock_sigv4 import signer  # noqa: PLC0415

    return signer(row)


class WireProvider(ABC):
    """Base of the providers made from a row: identity, one way to send, the list of models."""

    auth: AuthHeader = "bearer"
    headers: Mapping[str, str] = {}

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        self._row = row
        self._origin = origin
        self._path = path
        self._key = key
        self._http = http
        self._quirks: dict[str, Quirks] = {}
        self._sign = _signer(row)

    @property
    def id(self) -> str:
        """The row's id."""
        return self._row.id

    @property
    def local(self) -> bool:
        """Whether the origin is this machine."""
        return self._origin.is_loopback

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
        """Stream an answer; leave out, one after the other, parameters the model refuses."""
        call = prepare()
        body = call.body or {}
        model = as_str(body.get("model"))
        quirks = self._quirks.get(model, Quirks())
        refusals = 0
        while True:
            sent = quirks.apply(body)
            stream = self._http.stream(replace(call, body=sent), parser(call.peer), limits)
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        # What was learned holds only if it made the request acceptable.
                        self._quirks[model] = quirks
                        yield event
            except ParameterRefused as error:
                quirks = quirks.copy()
                if refusals == _MOST_REFUSALS or not quirks.learn(error, sent, optional):
                    raise
                refusals += 1
            else:
                return


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
