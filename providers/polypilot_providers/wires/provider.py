"""What the providers made from rows have in common: identity, sending, learning quirks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import ConfigurationError, ProviderError, UnknownModel
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.jsonvalue import as_dict, as_list, as_str
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    FilePart,
    ImagePart,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.quirks import Quirks, choice, nearest
from polypilot_providers.wires.shared import WireParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import AuthHeader, Sign, StreamParser
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import Event, ModelInfo, Part

_MOST_REFUSALS = 3
"""Parameters that one request may be refused for before it is given up."""
LIST_LIMITS = Limits(connect=5.0, first_event=10.0, idle=10.0, total=15.0)


def own_text(request: ChatRequest | CompletionRequest) -> tuple[str, ...]:
    """The user's text in a request, which no error message may repeat."""
    if isinstance(request, CompletionRequest):
        texts = [request.prefix, request.suffix]
        for file in request.extra:
            texts += [file.path, file.text]
    else:
        texts = [request.system]
        for tool in request.tools:
            texts += [tool.name, tool.description]
        for message in request.messages:
            for part in message.parts:
                texts += _texts(part)
    return tuple(text for text in texts if text)


def _texts(part: Part) -> list[str]:
    match part:
        case TextPart() | ThoughtPart() | ToolResultPart():
            return [part.text]
        case ToolCallPart():
            return [part.arguments]
        case FilePart():
            inside = part.media_type.startswith("text/")
            return [part.name, part.data.decode("utf-8", "replace")] if inside else [part.name]
        case ImagePart():
            return []


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
        """Stream an answer; change, one after the other, parameters the model refuses.

        The body that ``prepare`` makes has every parameter at its top level; ``optional`` are
        those that may be left out.
        """
        call = prepare()
        wanted = call.body or {}
        # As asked for, by path or by name; endpoints differ in what they take.
        model = (call.path, as_str(wanted.get("model")))
        quirks = self._quirks.get(model, Quirks())
        refusals = 0
        while True:
            sent = quirks.apply(wanted)
            began = False
            stream = self._http.stream(replace(call, body=self._nested(sent)), parser, limits)
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
                if refusals == _MOST_REFUSALS or not refused:
                    raise self._explained(error, sent) from None
                quirks = quirks.learned(refused, sent)
                refusals += 1
            else:
                return

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
        del sent
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
