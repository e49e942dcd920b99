"""OpenAI's Responses, as OpenAI, Azure, xAI, Meta and others speak them.

Request rules are those of OpenAI's SDK and of requests recorded with the suppliers' answers;
the answers are read in ``responses_stream``. Nothing is stored at the supplier: every request
holds the whole conversation, reasoning included where the supplier gave it in encrypted form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.jsonvalue import as_dict, as_list, as_str, parse
from polypilot_providers.types import (
    FilePart,
    ImagePart,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.asking import schema_of
from polypilot_providers.wires.attachments import data_url, fit
from polypilot_providers.wires.likelihood import wanted
from polypilot_providers.wires.openai_models import newest_first
from polypilot_providers.wires.provider import ChatOnlyProvider
from polypilot_providers.wires.responses_stream import ResponsesParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.types import ChatRequest, Event, Message, ModelInfo, Part, Tool

_OPTIONAL = (
    "temperature",
    "tool_choice",
    "reasoning",
    "include",
    "logprobs",
    "prompt_cache_key",
    "max_output_tokens",
)
_LEAST_TOKENS = 16
"""OpenAI refuses a lower limit of output tokens."""


class ResponsesProvider(ChatOnlyProvider):
    """Serves a row of the wire ``openai-responses``."""

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider. The wire has no stop sequences: the caller cuts."""

        def prepare() -> Call:
            return self._call("/responses", self.chat_body(request), request)

        return self._stream(prepare, ResponsesParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        return newest_first(await self._list("/models"))

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a Responses request."""
        model = self._model(request.model, self._row.chat_model)
        facts = self._row.model(model)
        request = fit(self.id, facts, request)
        thinks = self._thinks(facts)
        body: dict[str, object] = {
            "model": model,
            "input": [
                item for message in request.messages for item in self._items(message, thinks=thinks)
            ],
            "stream": True,
            "store": False,
        }
        if request.system:
            body["instructions"] = request.system
        if request.max_tokens is not None:
            body["max_output_tokens"] = max(self._most(request, facts) or 0, _LEAST_TOKENS)
        if request.temperature is not None and facts.sampling:
            body["temperature"] = request.temperature
        if reasoning := self._reasoning(request, facts):
            body["reasoning"] = reasoning
        # A completion is no conversation: nobody gives its reasoning back.
        if thinks and not request.completion:
            body["include"] = ["reasoning.encrypted_content"]
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
            body |= {"tool_choice": "required"} if request.must_call else {}
        if self._row.cache == "key" and request.cache_key:
            body["prompt_cache_key"] = request.cache_key
        if wanted(self._row, facts, request):
            body["logprobs"] = True
        return body

    def _nested(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """See WireProvider: ``logprobs`` is one of the things to be included."""
        if "logprobs" not in body:
            return body
        placed = {name: value for name, value in body.items() if name != "logprobs"}
        return placed | {"include": [*as_list(body.get("include")), "message.output_text.logprobs"]}

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """See WireProvider; encrypted reasoning is still included where only this is refused."""
        refused = super()._refused(error, sent, optional)
        return {"logprobs": ()} if "logprobs" in refused else refused

    def _thinks(self, facts: ModelRow) -> bool:
        """Whether the model may reason; one that the row does not list is taken to."""
        listed = self._row.lists(facts.id)
        return not listed or bool(facts.efforts) or facts.thinking != "none"

    def _reasons(self, facts: ModelRow) -> bool:
        """See WireProvider; of a model that the row does not list it can't be known."""
        return super()._reasons(facts) or not (self.local or self._row.lists(facts.id))

    def _reasoning(self, request: ChatRequest, facts: ModelRow) -> dict[str, object]:
        """How much is to be reasoned, and whether a summary of it is wanted."""
        effort: str | None = request.effort or ("none" if request.completion else None)
        if facts.efforts:
            effort = None if effort is None else facts.nearest_effort(effort)
        elif effort is None or self._row.lists(facts.id):
            # A listed model without efforts has no such field; of an unlisted one we can't
            # know, so what the user wants is tried.
            return {}
        reasoning: dict[str, object] = {} if effort is None else {"effort": effort}
        if not request.completion and effort != "none":
            reasoning["summary"] = "auto"
        return reasoning

    def _items(self, message: Message, *, thinks: bool) -> list[dict[str, object]]:
        """A message as this wire's input items."""
        if message.role == "user":
            return list(_asked(message))
        items: list[dict[str, object]] = []
        for part in message.parts:
            if isinstance(part, TextPart) and part.text:
                items.append(
                    {
                        "type": "message",
                        "role": "assistant",
                        # As parts it would need the id and annotations of the first answer.
                        "content": part.text,
                    }
                )
            elif isinstance(part, ToolCallPart):
                items.append(
                    {
                        "type": "function_call",
                        "call_id": part.id,
                        "name": part.name,
                        "arguments": part.arguments,
                    }
                )
            elif isinstance(part, ThoughtPart) and thinks and self._own(part):
                items.extend(_thought(part))
        # Reasoning is refused without what it led to.
        while items and items[-1]["type"] == "reasoning":
            items.pop()
        return items


def _tool(tool: Tool) -> dict[str, object]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": schema_of(tool),
        # The default is strict, which takes only some schemas.
        "strict": False,
    }


def _asked(message: Message) -> Iterator[dict[str, object]]:
    """A user's message: the results of tools, and what the user says and attaches."""
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            yield {"type": "function_call_output", "call_id": part.call_id, "output": part.text}
    if content := [piece for part in message.parts if (piece := _content(part))]:
        yield {"type": "message", "role": "user", "content": content}


def _content(part: Part) -> dict[str, object] | None:
    """A part of a user's message; None for what is none."""
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text} if part.text else None
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}
    if isinstance(part, FilePart):
        return {"type": "input_file", "filename": part.name, "file_data": data_url(part)}
    return None


def _thought(part: ThoughtPart) -> Iterator[dict[str, object]]:
    """The item whose content ``ResponsesParser`` kept; nothing if it is not one of those."""
    try:
        kept = as_dict(parse(part.redacted or ""))
    except ValueError:
        return
    if sealed := as_str(kept.get("encrypted_content")):
        item: dict[str, object] = {
            "type": "reasoning",
            "summary": as_list(kept.get("summary")),
            "encrypted_content": sealed,
        }
        if known := as_str(kept.get("id")):
            item["id"] = known
        yield item
