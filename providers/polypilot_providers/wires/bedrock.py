"""Amazon Bedrock's Converse API, streamed.

Request shapes are those of recorded requests and of the service model that botocore ships; what
a family of models takes beside them (``thinking``, ``reasoningConfig``) is from the suppliers'
documentation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.catalog import ModelRow
from polypilot_providers.errors import AuthError
from polypilot_providers.jsonvalue import as_dict, as_int, as_list
from polypilot_providers.types import ModelInfo
from polypilot_providers.wires import attachments
from polypilot_providers.wires.bedrock_messages import messages_of, tools_of
from polypilot_providers.wires.bedrock_stream import ConverseParser
from polypilot_providers.wires.provider import LIST_LIMITS, ChatOnlyProvider
from polypilot_providers.wires.quirks import choice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from polypilot_providers.call import Call
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.types import ChatRequest, Event

_PLACES = {
    "maxTokens": "inferenceConfig",
    "temperature": "inferenceConfig",
    "stopSequences": "inferenceConfig",
    "effort": "outputConfig",
    "thinking": "additionalModelRequestFields",
    "reasoningConfig": "additionalModelRequestFields",
}
"""Where in the body each optional parameter stands."""
_MARK = "cachePoint"
"""What follows on the part of a prompt that is to be kept."""
_OPTIONAL = (*_PLACES, _MARK)
_GEOGRAPHY = re.compile(r"^(?:[a-z]{2}(?:-gov)?|apac|global)\.")
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16_384}
_LEAST_BUDGET = 1024
_GREATEST_BUDGET = 32_768
_DEFAULT_MAX_TOKENS = 8192


class BedrockProvider(ChatOnlyProvider):
    """Serves a row of the wire ``bedrock-converse``, by API key or by AWS credentials."""

    blank_stops = False

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            model = self._model(request.model, self._row.chat_model)
            path = f"/model/{quote(model, safe='')}/converse-stream"
            return replace(self._call(path, self.chat_body(request, model), request), model=model)

        return self._stream(prepare, ConverseParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """The catalog's models, once the supplier has shown that it takes the key.

        Bedrock lists its models at another host (its control plane), and a key goes to no origin
        but its own. What is asked instead, at no cost, is which asynchronous jobs there are. A
        key that may not know that is known all the same, and may well converse.
        """
        try:
            await self._http.get_json(self._call("/async-invoke?maxResults=1"), LIST_LIMITS)
        except AuthError as error:
            if "is not authorized to perform" not in error.message:
                raise self._explained(error, {}) from None
        return [
            ModelInfo(
                row.id,
                row.name,
                row.context_tokens,
                row.max_output_tokens,
                row.shutdown_date,
                images=row.images,
                tools=row.tools,
                thinking=row.thinking != "none",
            )
            for row in self._row.models
        ]

    def chat_body(self, request: ChatRequest, model: str) -> dict[str, object]:
        """The body of a ConverseStream request, its optional parameters not yet in their places."""
        facts = self._facts(model)
        request = attachments.fit(self.id, facts, request)
        body: dict[str, object] = {"messages": messages_of(request.messages, self._own)}
        if request.system:
            body["system"] = [{"text": request.system}]
        if tools := tools_of(request):
            body["toolConfig"] = {"tools": tools}
        return body | self._options(request, model, facts)

    def _nested(self, body: Mapping[str, object]) -> dict[str, object]:
        """See WireProvider."""
        placed: dict[str, object] = {name: body[name] for name in body if name not in _OPTIONAL}
        if "system" in body and _MARK in body:
            placed["system"] = [*as_list(body["system"]), {_MARK: body[_MARK]}]
        placed["inferenceConfig"] = {}
        for name, place in _PLACES.items():
            if name in body:
                placed[place] = as_dict(placed.get(place)) | {name: body[name]}
        return placed

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """See WireProvider; a Claude that can't be kept from reasoning may reason little."""
        refused = super()._refused(error, sent, optional)
        if refused.get("thinking") == [] and choice("thinking", sent["thinking"]) == "disabled":
            refused["thinking"] = [("effort", "low")]
        return refused

    def _facts(self, model: str) -> ModelRow:
        """The row of ``model``, whichever regions it is asked in (``us.``, ``global.``...)."""
        bare = _bare(model)
        rows = (row for row in self._row.models if _bare(row.id) == bare)
        return next(rows, None) or ModelRow(id=model)

    def _lists(self, model: str) -> bool:
        return any(_bare(row.id) == _bare(model) for row in self._row.models)

    def _reasons(self, facts: ModelRow) -> bool:
        """See WireProvider; of a Claude that the row does not list it can't be known."""
        return super()._reasons(facts) or (_is_claude(facts.id) and not self._lists(facts.id))

    def _options(self, request: ChatRequest, model: str, facts: ModelRow) -> dict[str, object]:
        """The parameters that a model may refuse."""
        options: dict[str, object] = {}
        if most := self._most(request, facts):
            options["maxTokens"] = most
        if request.temperature is not None and facts.sampling:
            options["temperature"] = request.temperature
        if stop := self._stop(request, facts):
            options["stopSequences"] = stop
        if self._row.cache == "marks" and (_is_claude(model) or _is_nova(model)):
            options[_MARK] = {"type": "default"}
        effort = request.effort or ("none" if request.completion else None)
        if effort is not None and _is_claude(model):
            return _claude(effort, facts, options, known=self._lists(model))
        if effort is not None and _is_nova(model):
            return _nova(effort, facts, options)
        return options


def _bare(model: str) -> str:
    """``model`` without the regions of an inference profile, or an ARN's beginning."""
    return _GEOGRAPHY.sub("", model.rpartition("/")[2])


def _is_claude(model: str) -> bool:
    return "anthropic.claude" in model


def _is_nova(model: str) -> bool:
    return "amazon.nova" in model


def _claude(
    effort: str, facts: ModelRow, options: dict[str, object], *, known: bool
) -> dict[str, object]:
    """``options`` and how the wanted effort is said to a Claude model."""
    if effort == "none" and (facts.thinking == "optional" or not known):
        return options | {"thinking": {"type": "disabled"}}
    if effort == "none" and facts.thinking == "between_tools":
        return options | {"thinking": {"type": "between_tools"}}
    if facts.efforts:
        return options | {"effort": facts.nearest_effort(effort)}
    if not known:
        return options | {"effort": "low" if effort == "minimal" else effort}
    # A budget is part of the answer's limit and has to leave room for the answer.
    limit = as_int(options.get("maxTokens")) or _DEFAULT_MAX_TOKENS
    budget = min(_BUDGETS.get(effort, _GREATEST_BUDGET), limit // 2)
    if effort == "none" or not facts.thinking_budget or budget < _LEAST_BUDGET:
        return options
    thinking = {"type": "enabled", "budget_tokens": budget}
    return _without(options, "temperature") | {"thinking": thinking, "maxTokens": limit}


def _nova(effort: str, facts: ModelRow, options: dict[str, object]) -> dict[str, object]:
    """``options`` and how it is said to a Nova model; those do not reason unless asked to."""
    if effort == "none" or not facts.efforts:
        return options
    level = facts.nearest_effort(effort)
    if level == "high":  # it refuses limits then
        options = _without(options, "maxTokens", "temperature")
    return options | {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}


def _without(options: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in options.items() if name not in names}
