"""llama.cpp's server: ``/infill``, ``/completion``, and its Chat Completions.

Shapes of the two native endpoints are those of the server's own documentation and source;
chat is the OpenAI wire's, checked against recordings. Every request asks for progress reports:
the server notices that we hung up only when it writes, and while it reads the prompt there is
nothing else to write. The reports hold no content, so no time limit is put off by them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polypilot_providers.base import COMPLETION_LIMITS, Limits
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import StopReason, Usage
from polypilot_providers.wires.likelihood import Likelihood, wanted
from polypilot_providers.wires.openai_chat import OpenAIProvider
from polypilot_providers.wires.rests import LoadingProvider
from polypilot_providers.wires.shared import SseParser, Text, closing, first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event

_FINISH = {"limit": StopReason.LENGTH, "word": StopReason.STOP_SEQUENCE}
_OPTIONAL = ("temperature", "stop", "id_slot", "return_progress", "n_probs")


class LlamaParser(SseParser):
    """Reads a streamed ``/completion`` or ``/infill`` answer."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._likelihood = Likelihood()
        self._last: Mapping[str, object] = {}

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser."""
        del event
        if told := value.get("completion_probabilities"):
            self._likelihood.add(_logprob(as_dict(entry)) for entry in as_list(told))
        if text := self._text.add(value.get("content")):
            self.progress += 1
            yield self._likelihood.delta(text)
        if value.get("stop") is True:
            self._last = value
            self.model = as_str(value.get("model")) or None
            self.progress += 1
            self.complete = self.done = True

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser: the same fields."""
        return self.payload("message", value)

    def end(self) -> Iterator[Event]:
        """See SseParser."""
        reason = _FINISH.get(as_str(self._last.get("stop_type")), StopReason.END)
        yield from closing(read_timings(self._last), reason, self.model)


def _logprob(token: Mapping[str, object]) -> object:
    """What is said of a token; servers before December 2024 list probabilities, of the likeliest.

    (A speculative draft's tokens are said to be certain, whatever they were.)
    """
    if "logprob" in token:
        return token["logprob"]
    for entry in map(as_dict, as_list(token.get("probs"))):
        chance = entry.get("prob")
        if entry.get("tok_str") == token.get("content") and isinstance(chance, float):
            return math.log(chance) if 0 < chance <= 1 else None
    return None


def read_timings(last: Mapping[str, object]) -> Usage | None:
    """Token counts of the closing object; what the KV cache held counts as cache read."""
    timings = as_dict(last.get("timings"))
    cached, fresh = as_int(timings.get("cache_n")), as_int(timings.get("prompt_n"))
    known = None if fresh is None or cached is None else fresh + cached
    prompt = first_int(known, last.get("tokens_evaluated"), fresh)
    output = first_int(last.get("tokens_predicted"), timings.get("predicted_n"))
    if prompt is None and output is None:
        return None
    return Usage(input_tokens=prompt, output_tokens=output, cache_read_tokens=cached)


class LlamaCppProvider(LoadingProvider, OpenAIProvider):
    """Serves a row of the wire ``llama-cpp``: chat as OpenAI's, completions natively."""

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        self._native = path.removesuffix("/v1")
        super().__init__(row, origin, f"{self._native}/v1", key, http)

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider. The server keeps the prompt's beginning in its cache from call to call."""

        def prepare() -> Call:
            path, body = self.native_body(request)
            return self._call(path, body, request, base=self._native)

        return self._stream(prepare, LlamaParser, limits, _OPTIONAL)

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a Chat Completions request, in the slot for chat."""
        body = super().chat_body(request) | {"return_progress": True}
        if self._row.chat_slot is not None:
            body["id_slot"] = self._row.chat_slot
        return body

    def _likelihood(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        """See OpenAIProvider; chat takes this too, and ``logprobs`` would list 20 for each."""
        return {"n_probs": 1} if wanted(self._row, facts, request) else {}

    def native_body(self, request: CompletionRequest) -> tuple[str, dict[str, object]]:
        """Path and body of a native completion request."""
        model = self._model(request.model, self._row.completion_model or self.id)
        facts = self._row.model(model)
        mode = facts.completion or self._row.completion
        body: dict[str, object] = {
            "n_predict": self._most(request, facts),
            "cache_prompt": True,
            "stream": True,
            "return_progress": True,
        }
        if stop := self._stop(request, facts):
            body["stop"] = stop
        if request.temperature is not None and facts.sampling:
            body["temperature"] = request.temperature
        if self._row.id_slot is not None:
            body["id_slot"] = self._row.id_slot
        body |= self._likelihood(request, facts)
        if request.raw or mode == "prefix":
            return "/completion", {"prompt": request.prefix, **body}
        if mode != "llama-infill":
            raise ConfigurationError(
                f"{self.id} can't complete in the mode {mode!r} by itself",
                provider=self.id,
                cure="Set `completion` in the provider's row to `llama-infill` or `prefix`.",
            )
        around: dict[str, object] = {
            "input_prefix": request.prefix,
            "input_suffix": request.suffix,
            "prompt": "",
        }
        if request.extra:
            around["input_extra"] = [
                {"filename": file.path, "text": file.text} for file in request.extra
            ]
        return "/infill", around | body
