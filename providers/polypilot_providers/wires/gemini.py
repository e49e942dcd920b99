"""Gemini's ``generateContent``, on Google's own host and on Vertex.

Request rules are those of the supplier's SDK (google-genai 3.4) and of recorded requests; how
a model's reasoning is limited differs from model to model and stands in the catalog.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.jsonvalue import as_dict, as_list, as_str
from polypilot_providers.types import (
    FilePart,
    ImagePart,
    ModelInfo,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.asking import arguments_of
from polypilot_providers.wires.attachments import base64_of, fit
from polypilot_providers.wires.gemini_stream import GeminiParser
from polypilot_providers.wires.gemini_thinking import instead, thinking_of
from polypilot_providers.wires.likelihood import wanted
from polypilot_providers.wires.provider import LIST_LIMITS, ChatOnlyProvider
from polypilot_providers.wires.shared import first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.types import (
        ChatRequest,
        Event,
        FilePart,
        ImagePart,
        Message,
        Part,
        Tool,
    )

_NO_PROOF = "skip_thought_signature_validator"
"""What Google documents to send where a tool call has no signature of its own: since Gemini 3
the first call of a step without one is refused."""

_CONFIG = ("maxOutputTokens", "stopSequences", "temperature", "responseLogprobs")
"""Fields of generationConfig, which holds thinkingConfig too."""
_THINKING = ("includeThoughts", "thinkingBudget", "thinkingLevel")
"""Fields of thinkingConfig."""
_OPTIONAL = {
    "includeThoughts": re.compile(r"include.?thoughts", re.IGNORECASE),
    "thinkingBudget": re.compile(r"budget", re.IGNORECASE),
    "thinkingLevel": re.compile(r"thinking.?level", re.IGNORECASE),
    "temperature": re.compile(r"temperature", re.IGNORECASE),
    "stopSequences": re.compile(r"stop.?sequence", re.IGNORECASE),
    "responseLogprobs": re.compile(r"log.?probs", re.IGNORECASE),
}
"""Fields that a model may not take, and how a refusal speaks of them."""
_ANY_THINKING = re.compile(r"think", re.IGNORECASE)

_INVENTED = re.compile(r"call_\d+")
_VERTEX = re.compile(r"/v1\w*(?:/projects/([^/]+)/locations/[^/]+)?(/publishers/[^/]+)")


class GeminiProvider(ChatOnlyProvider):
    """Serves a row of the wire ``gemini``."""

    auth = "x-goog-api-key"

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            model = self._asked(request)
            call = self._call(_path(model), self.chat_body(request), request)
            return replace(call, model=model)

        return self._stream(prepare, GeminiParser, limits, tuple(_OPTIONAL))

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        answer = as_dict(await self._http.get_json(self._models_call(), LIST_LIMITS))
        own = as_list(answer.get("models"))
        entries = [as_dict(entry) for entry in own or as_list(answer.get("publisherModels"))]
        return [_info(entry) for entry in entries if _answers(entry)]

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a request, its parameters not yet in their places."""
        facts = self._row.model(self._asked(request))
        request = fit(self.id, facts, request)
        body: dict[str, object] = {"contents": self._contents(request.messages, facts)}
        if request.system:
            body["systemInstruction"] = {"parts": [{"text": request.system}]}
        if request.tools:
            body["tools"] = [{"functionDeclarations": [_declared(tool) for tool in request.tools]}]
            forced = {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
            body |= forced if request.must_call else {}
        return body | self._config(request, facts)

    def _nested(self, body: Mapping[str, object]) -> dict[str, object]:
        """See WireProvider."""
        config: dict[str, object] = {name: body[name] for name in _CONFIG if name in body}
        if thinking := {name: body[name] for name in _THINKING if name in body}:
            config["thinkingConfig"] = thinking
        placed = {name: body[name] for name in body if name not in (*_CONFIG, *_THINKING)}
        return placed | ({"generationConfig": config} if config else {})

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """See WireProvider; refusals name no fields, but speak of them."""
        words = error.message
        if not isinstance(error, ParameterRefused):
            return {}
        names = [name for name in optional if name in sent and _OPTIONAL[name].search(words)]
        if not names and _ANY_THINKING.search(words):
            names = [name for name in _THINKING if name in sent]
        return {name: instead(name, sent[name], words) for name in names}

    def _asked(self, request: ChatRequest) -> str:
        return self._model(request.model, self._row.chat_model).removeprefix("models/")

    def _models_call(self) -> Call:
        vertex = _VERTEX.fullmatch(self._path)
        if vertex is None:
            return self._call("/models?pageSize=1000")
        # Vertex lists a publisher's models outside of projects, and in this version only; a
        # person's token has to say whose quota that uses.
        project, publisher = vertex.groups()
        call = self._call("/models?pageSize=1000", base=f"/v1beta1{publisher}")
        if project is None:
            return call
        return replace(call, headers={**call.headers, "x-goog-user-project": project})

    def _config(self, request: ChatRequest, facts: ModelRow) -> dict[str, object]:
        config: dict[str, object] = {}
        if most := self._most(request, facts):
            config["maxOutputTokens"] = most
        if stop := self._stop(request, facts):
            config["stopSequences"] = stop
        if request.temperature is not None and facts.sampling:
            config["temperature"] = request.temperature
        if wanted(self._row, facts, request):
            config["responseLogprobs"] = True
        return config | thinking_of(request, facts, known=self._row.lists(facts.id))

    def _reasons(self, facts: ModelRow) -> bool:
        """See WireProvider; of a model that the row does not list it can't be known."""
        return super()._reasons(facts) or not self._row.lists(facts.id)

    def _contents(self, messages: Sequence[Message], facts: ModelRow) -> list[dict[str, object]]:
        """The conversation as the wire takes it: roles alternate, and nothing is empty."""
        names: dict[str, str] = {}
        steps: list[tuple[str, list[dict[str, object]]]] = []
        for message in messages:
            role = "user" if message.role == "user" else "model"
            parts = list(self._parts(message.parts, names, proof=not facts.thinking_budget))
            if parts and steps and steps[-1][0] == role:
                steps[-1][1].extend(parts)
            elif parts:
                steps.append((role, parts))
        return [{"role": role, "parts": parts} for role, parts in steps]

    def _parts(
        self, parts: Sequence[Part], names: dict[str, str], *, proof: bool
    ) -> Iterator[dict[str, object]]:
        """The wire's parts of a message.

        ``names`` collects the functions' names by call id, which results have to repeat; an
        id that comes again means the later call. ``proof``: the first call needs a signature.
        """
        held = ""
        for part in parts:
            if held and not isinstance(part, TextPart):
                yield {"text": "", "thoughtSignature": held}
                held = ""
            if isinstance(part, TextPart):
                if part.text:
                    proven: dict[str, object] = {"thoughtSignature": held} if held else {}
                    yield {"text": part.text, **proven}
                    held = ""
            elif isinstance(part, ThoughtPart):
                # The proof goes on what came after the thought; the thought itself stays here.
                held = (part.signature or "") if self._own(part) else ""
            elif isinstance(part, ToolCallPart):
                names[part.id] = part.name
                yield self._called(part, needs_proof=proof)
                proof = False
            elif isinstance(part, ToolResultPart):
                yield _result(part, names.get(part.call_id, part.call_id))
            else:
                yield _inline(part)
        if held:
            yield {"text": "", "thoughtSignature": held}

    def _called(self, part: ToolCallPart, *, needs_proof: bool) -> dict[str, object]:
        call = {"functionCall": {**_id(part.id), "name": part.name, "args": arguments_of(part)}}
        signature = part.signature if self._own(part) else None
        if signature := signature or (_NO_PROOF if needs_proof else None):
            return {**call, "thoughtSignature": signature}
        return {**call}


def _path(model: str) -> str:
    """Where ``model`` answers; whatever its name has, it stays one segment of the path."""
    return f"/models/{quote(model, safe='')}:streamGenerateContent?alt=sse"


def _declared(tool: Tool) -> dict[str, object]:
    """A tool; its schema is JSON Schema, where the older field takes a subset of OpenAPI's."""
    declared: dict[str, object] = {"name": tool.name, "description": tool.description}
    if tool.parameters:
        declared["parametersJsonSchema"] = tool.parameters
    return declared


def _id(call_id: str) -> dict[str, object]:
    """The id of a call, unless it is one that we gave it for want of another."""
    return {} if _INVENTED.fullmatch(call_id) else {"id": call_id}


def _result(part: ToolResultPart, name: str) -> dict[str, object]:
    response = {"error" if part.is_error else "output": part.text}
    return {"functionResponse": {**_id(part.call_id), "name": name, "response": response}}


def _inline(part: ImagePart | FilePart) -> dict[str, object]:
    return {"inlineData": {"mimeType": part.media_type, "data": base64_of(part)}}


def _answers(entry: Mapping[str, object]) -> bool:
    """Whether a listed model answers questions; Vertex does not say, but lists Gemini's kin."""
    methods = entry.get("supportedGenerationMethods")
    if methods is None:
        return _name(entry).startswith("gemini-")
    return "generateContent" in as_list(methods) and bool(_name(entry))


def _name(entry: Mapping[str, object]) -> str:
    return as_str(entry.get("name")).rpartition("/")[2]


def _info(entry: Mapping[str, object]) -> ModelInfo:
    thinking = entry.get("thinking")
    return ModelInfo(
        id=_name(entry),
        name=as_str(entry.get("displayName")) or None,
        context_tokens=first_int(entry.get("inputTokenLimit")),
        output_tokens=first_int(entry.get("outputTokenLimit")),
        thinking=thinking if isinstance(thinking, bool) else None,
    )
