"""Ollama's own API: ``/api/chat``, and ``/api/generate`` for completions.

Endpoints and fields are those of the server's documentation and source; its answers are read
in ``ollama_stream``. When the connection is closed the server stops generating.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.errors import (
    ConfigurationError,
    NetworkError,
    ProviderError,
    RequestRefused,
    StreamBroken,
    UnknownModel,
)
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import ModelInfo
from polypilot_providers.wires.asking import functions
from polypilot_providers.wires.attachments import fit
from polypilot_providers.wires.likelihood import wanted
from polypilot_providers.wires.ollama_messages import messages
from polypilot_providers.wires.ollama_stream import OllamaParser
from polypilot_providers.wires.provider import LIST_LIMITS
from polypilot_providers.wires.rests import LoadingProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import Call, StreamParser
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event

KEEP_ALIVE = "30m"
"""How long a model stays loaded after a request: loading it again takes seconds."""
MAX_WINDOW = 32_768
"""Largest context window asked for: the server reserves memory for all of it."""
SHOWN = 20
"""Models whose capabilities are asked for, one request each."""
SHOWN_AT_ONCE = 4
_SHOW_LIMITS = Limits(connect=2.0, first_event=3.0, idle=3.0, total=3.0)
_CLOUD = ("-cloud", ":cloud")
_NOT_FOUND = re.compile(r"\bmodel\b.{0,300}\bnot found", re.IGNORECASE | re.DOTALL)
_OPTIONAL = ("think", "logprobs")
_NO_THINKING = "does not support thinking"
_NO_INSERT = "does not support insert"


class OllamaProvider(LoadingProvider):
    """Serves a row of the wire ``ollama``."""

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        base = path.removesuffix("/v1").removesuffix("/api")
        super().__init__(row, origin, base, key, http)
        self._here: set[str] = set()
        """Models that are known to run where the server is."""

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            return self._call("/api/chat", self.chat_body(request), request)

        return self._stream(prepare, OllamaParser, limits, _OPTIONAL)

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider; ConfigurationError for a model that is to be asked through chat."""

        def prepare() -> Call:
            return self._call("/api/generate", self.generate_body(request), request)

        return self._stream(prepare, OllamaParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """See Provider. Models that can't write text are left out."""
        answer = as_dict(await self._http.get_json(self._call("/api/tags"), LIST_LIMITS))
        entries = [as_dict(entry) for entry in as_list(answer.get("models"))]
        entries.sort(key=lambda entry: as_str(entry.get("modified_at")), reverse=True)
        names = [
            name
            for entry in entries
            if (name := as_str(entry.get("model")) or as_str(entry.get("name")))
            and not (self.local and (_remote(entry) or name.casefold().endswith(_CLOUD)))
        ]
        turns = asyncio.Semaphore(SHOWN_AT_ONCE)
        shown = await asyncio.gather(*(self._show(name, turns) for name in names[:SHOWN]))
        unasked = [ModelInfo(name) for name in names[SHOWN:]]
        return [info for info in shown if info is not None] + unasked

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a chat request."""
        model = self._name(request.model, self._row.chat_model)
        facts = self._row.model(model)
        request = fit(self.id, facts, request, documents=False)
        body: dict[str, object] = {
            "model": model,
            "messages": messages(request, self._own),
            "stream": True,
            "keep_alive": KEEP_ALIVE,
        }
        if request.tools:
            body["tools"] = functions(request.tools)
        effort = request.effort or ("none" if request.completion else None)
        body |= self._thinking(effort, facts)
        return body | self._likelihood(request, facts) | self._options(request, facts)

    def generate_body(self, request: CompletionRequest) -> dict[str, object]:
        """The body of a completion request."""
        model = self._name(request.model, self._row.completion_model)
        facts = self._row.model(model)
        mode = facts.completion or self._row.completion
        if not request.raw and mode not in ("ollama-generate", "prefix"):
            raise ConfigurationError(
                f"{self.id} can't complete in the mode {mode!r} by itself",
                provider=self.id,
                cure="Set `completion` in the provider's row to `ollama-generate` or `prefix`.",
            )
        body: dict[str, object] = {
            "model": model,
            "prompt": request.prefix,
            "stream": True,
            "keep_alive": KEEP_ALIVE,
        }
        if request.raw or mode == "prefix" or not request.suffix:
            # Without a suffix the server would make a chat of the prompt.
            body["raw"] = True
        else:
            body |= {"suffix": request.suffix} | self._thinking("none", facts)
        return body | self._likelihood(request, facts) | self._options(request, facts)

    def _name(self, asked: str, default: str) -> str:
        """The model to ask for, which is to run where the provider says it does."""
        model = self._model(asked, default)
        if self.local and model.casefold().endswith(_CLOUD):
            raise self._elsewhere(model)
        return model

    async def _sent(
        self, call: Call, parser: Callable[[Peer], StreamParser], limits: Limits
    ) -> AsyncGenerator[Event, None]:
        """See WireProvider; ConfigurationError for a model that runs elsewhere, whatever its name.

        The server is asked once for each model. Where it refuses to tell, it is believed to be
        one that has no such models, or that has not got this one.
        """
        name = as_str(as_dict(call.body).get("model"))
        if self.local and name not in self._here:
            await self._place(name)
        async with aclosing(super()._sent(call, parser, limits)) as events:
            async for event in events:
                yield event

    async def _place(self, name: str) -> None:
        try:
            shown = await self._shown(name)
        except (NetworkError, StreamBroken):
            raise  # to be silent is not to say that the text stays here
        except ProviderError:
            return  # the request itself will show what is wrong
        if _remote(shown):
            raise self._elsewhere(name)
        self._here.add(name)

    def _elsewhere(self, model: str) -> ConfigurationError:
        return ConfigurationError(
            f"{model} does not run on this machine: Ollama would send your text on",
            provider=self.id,
            cure="Use the provider `ollama-cloud` for it, or another model.",
        )

    def _options(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        options: dict[str, object] = {}
        if request.max_tokens is not None:
            options["num_predict"] = self._most(request, facts)
        if stop := self._stop(request, facts):
            options["stop"] = stop
        if request.temperature is not None and facts.sampling:
            options["temperature"] = request.temperature
        if facts.context_tokens:
            # The same for every request: the server loads the model anew when it changes.
            options["num_ctx"] = min(facts.context_tokens, MAX_WINDOW)
        return {"options": options} if options else {}

    def _likelihood(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        """The field for the tokens' probabilities; servers before 0.12.11 take no notice of it."""
        return {"logprobs": True} if wanted(self._row, facts, request) else {}

    def _thinking(self, effort: str | None, facts: ModelRow) -> dict[str, object]:
        """The field that says whether, or how much, to reason.

        A model of which nothing is known is only told whether: levels are for few. To be told
        not to reason does no harm to a model that can't.
        """
        if effort is None:
            return {}
        if facts.efforts:
            effort = facts.nearest_effort(effort)
            return {"think": False if effort == "none" else effort}
        if effort != "none" and facts.thinking == "none" and self._row.lists(facts.id):
            return {}
        return {"think": effort != "none"}

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """See WireProvider; it may say so in a line of its answer too."""
        if "think" in sent and _NO_THINKING in error.message:
            return {"think": ()}
        return super()._refused(error, sent, optional)

    def _explained(self, error: ProviderError, sent: Mapping[str, object]) -> ProviderError:
        """``error``, with what Ollama said in words only taken for what it is."""
        if not isinstance(error, RequestRefused | StreamBroken):
            return error
        if _NO_INSERT in error.message:
            kind: type[ProviderError] = RequestRefused
            cure = (
                "Set `completion` of this model to template:FAMILY, the family whose "
                "fill-in-the-middle tokens it knows, or to chat."
            )
        elif _NOT_FOUND.search(error.message):
            kind = UnknownModel
            cure = f"Select one of those that `polypilot models {self.id}` lists."
            if self._row.auth == "none":  # else it is somebody else's to manage
                cure = f"Run `ollama pull {as_str(sent.get('model'))}`, or select another model."
        else:
            return error
        return kind(
            error.message, provider=self.id, host=error.host, status=error.status, cure=cure
        )

    async def _show(self, name: str, turns: asyncio.Semaphore) -> ModelInfo | None:
        """What the server knows of a model; None if it writes no text."""
        async with turns:
            try:
                answer = await self._shown(name)
            except ProviderError:
                return ModelInfo(name)  # its name is all that matters
        return None if self.local and _remote(answer) else _info(name, answer)

    async def _shown(self, name: str) -> dict[str, object]:
        call = self._call("/api/show", {"model": name})
        return as_dict(await self._http.get_json(call, _SHOW_LIMITS))


def _remote(entry: Mapping[str, object]) -> bool:
    """Whether what the server says of a model is that another machine runs it."""
    return bool(as_str(entry.get("remote_host")) or as_str(entry.get("remote_model")))


def _info(name: str, shown: Mapping[str, object]) -> ModelInfo | None:
    window = next(
        (
            as_int(value)
            for key, value in as_dict(shown.get("model_info")).items()
            if key.endswith(".context_length")
        ),
        None,
    )
    can = as_list(shown.get("capabilities"))
    if not can:  # servers before 0.6.4 don't say
        return ModelInfo(name, context_tokens=window)
    if "completion" not in can:
        return None
    return ModelInfo(
        name,
        context_tokens=window,
        fim="insert" in can,
        images="vision" in can,
        tools="tools" in can,
        thinking="thinking" in can,
    )
