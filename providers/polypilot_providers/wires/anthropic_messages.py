"""Anthropic's Messages, asked on the supplier's own host, on Microsoft's Foundry and on Vertex.

Request rules (no sampling parameters since 2026-10-21, thinking and effort per model) are those
of the supplier's SDK and documentation; what a refusal says, of refusals seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.catalog import ModelRow
from polypilot_providers.errors import RequestRefused
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import ModelInfo
from polypilot_providers.wires import anthropic_content as content
from polypilot_providers.wires.anthropic_stream import AnthropicParser
from polypilot_providers.wires.anthropic_thinking import thinking_of
from polypilot_providers.wires.attachments import fit
from polypilot_providers.wires.provider import LIST_LIMITS, ChatOnlyProvider
from polypilot_providers.wires.quirks import choice, nearest
from polypilot_providers.wires.shared import first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, Event

OLD_VERSION = "2023-06-01"
"""The last version that takes sampling parameters."""
DEFAULT_MAX_TOKENS = 8192
"""The wire demands a limit; this is sent when nobody names one."""

_MARKS, _CITED, _THOUGHTS = "cache_control", "citations", "thought_blocks"
"""Wishes about parts of the messages; in the body they stand beside these until it is sent."""
_PLACED = (_MARKS, _CITED, _THOUGHTS)
OPTIONAL = (
    "temperature",
    "stop_sequences",
    "thinking",
    "output_config",
    "tool_choice",
    *_PLACED,
)
"""What a model or a host may refuse."""
_ABOUT_THOUGHTS = re.compile(r"thinking\W{0,3} block|\bsignature\b", re.IGNORECASE)
"""Reasoning that goes back may have been another model's, or come before what was changed."""
_EFFORT = re.compile(r"\beffort\b", re.IGNORECASE)
_ADVICE = re.compile(r"\bUse\b.*", re.DOTALL)
"""What a refusal recommends instead."""

_HOST = re.compile(r"(?:vertex|bedrock)-")
"""How versions begin that are named in the body, by hosts that have the model in their address."""
_REGION = re.compile(r"^(?:(?:[a-z]{2}(?:-gov)?|apac|global)\.)?anthropic\.")
_REVISION = re.compile(r"(?:[-@]\d{8}|@\w+)?(?:-v\d+(?::\d+)?)?$")


class AnthropicProvider(ChatOnlyProvider):
    """Serves a row of the wire ``anthropic-messages``."""

    auth = "x-api-key"
    blank_stops = False

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        self._version = row.api_version or OLD_VERSION
        self._hosted = _HOST.match(self._version) is not None
        # Both spellings of the base are found in the wild, with and without /v1.
        bare = path if self._hosted else path.removesuffix("/v1")
        super().__init__(row, origin, bare, key, http)
        if not self._hosted:
            self.headers = {"anthropic-version": self._version}

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            body = self.chat_body(request)
            return self._call(self._where(as_str(body["model"])), body, request)

        return self._stream(prepare, AnthropicParser, limits, OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """The supplier's list, or, of a host without one, the catalog's.

        That the host takes the key is then shown by having it count tokens, which costs nothing.
        """
        if not self._hosted:
            try:
                return [_info(entry) for entry in await self._list("/v1/models?limit=1000")]
            except RequestRefused as error:
                if error.status not in (404, 405) or not self._row.models:
                    raise
        question = [{"role": "user", "content": "?"}]
        body = {"model": self._row.chat_model, "messages": question}
        path = "/models/count-tokens:rawPredict" if self._hosted else "/v1/messages/count_tokens"
        body |= {"anthropic_version": self._version} if self._hosted else {}
        await self._http.get_json(self._call(path, body), LIST_LIMITS)
        return [listed(row) for row in self._row.models]

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a request, its wishes about parts of the messages beside them."""
        model = self._model(request.model, self._row.chat_model)
        facts = self._facts(model)
        request = fit(self.id, facts, request)
        limit = self._most(request, facts) or DEFAULT_MAX_TOKENS
        messages = content.messages_of(request.messages, self._own)
        body: dict[str, object] = {
            "model": model,
            "max_tokens": limit,
            "messages": messages,
            "stream": True,
        }
        if request.system.strip():
            body["system"] = request.system
        if stop := self._stop(request, facts):
            body["stop_sequences"] = stop
        if request.tools:
            body["tools"] = content.tools_of(request.tools)
        known = self._row.lists(facts.id)
        body |= thinking_of(request, facts, limit, known=known)
        body |= _forced(request, body)
        if request.temperature is not None and self._samples(facts, body):
            body["temperature"] = request.temperature
        if self._row.cache == "marks":
            body[_MARKS] = content.lasting(request, messages)
        if content.has(messages, "document"):
            body[_CITED] = True
        if content.has_thoughts(messages):
            body[_THOUGHTS] = True
        return body

    def _nested(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """See WireProvider."""
        placed = {name: value for name, value in body.items() if name not in _PLACED}
        if (lasting := as_int(body.get(_MARKS))) is not None:
            placed = content.marked(placed, lasting)
        messages = [as_dict(each) for each in as_list(placed["messages"])]
        if _CITED in body:
            messages = content.cited(messages)
        if _THOUGHTS not in body:
            messages = content.without_thoughts(messages)
        placed["messages"] = messages
        if self._hosted:
            del placed["model"]
            placed["anthropic_version"] = self._version
        return placed

    def _refused(
        self, error: ProviderError, sent: Mapping[str, object], optional: Sequence[str]
    ) -> dict[str, Sequence[object]]:
        """See WireProvider; a refusal may speak of what it recommends as well."""
        if not isinstance(error, ParameterRefused):
            return {}
        if _THOUGHTS in sent and _ABOUT_THOUGHTS.search(error.message):
            return {_THOUGHTS: ()}
        refused = super()._refused(error, sent, optional)
        about = _ADVICE.sub("", error.message)
        effort = "output_config"
        if effort in sent and _EFFORT.search(about):
            refused.setdefault(effort, nearest(choice(effort, sent[effort]), error.allowed()))
        elif "thinking" in refused:
            refused.pop(effort, None)
        if "thinking" in refused and "between_tools" in error.message:
            refused["thinking"] = ("between_tools",)
        return refused

    def _where(self, model: str) -> str:
        """The path at which ``model`` answers."""
        if not self._hosted:
            return "/v1/messages"
        return f"/models/{quote(model, safe='@')}:streamRawPredict"

    def _facts(self, model: str) -> ModelRow:
        """The row of ``model``, under whichever of its names a host has it."""
        if self._row.lists(model):
            return self._row.model(model)
        bare = _bare(model)
        rows = (row for row in self._row.models if _bare(row.id) == bare)
        return next(rows, None) or ModelRow(id=model)

    def _reasons(self, facts: ModelRow) -> bool:
        """See WireProvider; of a model that the row does not list it can't be known."""
        return super()._reasons(facts) or not self._row.lists(facts.id)

    def _samples(self, facts: ModelRow, body: Mapping[str, object]) -> bool:
        """Whether a temperature is taken, which no model does while it reasons."""
        old = self._hosted or self._version == OLD_VERSION
        reasons = as_dict(body.get("thinking")).get("type") in ("enabled", "adaptive")
        return old and facts.sampling and not reasons


def listed(row: ModelRow) -> ModelInfo:
    """A model of the catalog, as a supplier would list it."""
    return ModelInfo(
        row.id,
        row.name,
        row.context_tokens,
        row.max_output_tokens,
        row.shutdown_date,
        images=row.images,
        tools=row.tools,
        thinking=row.thinking != "none",
    )


def _bare(model: str) -> str:
    """``model`` without region, date and revision: Anthropic's own name for it."""
    return _REVISION.sub("", _REGION.sub("", model.rpartition("/")[2]), count=1)


def _info(entry: Mapping[str, object]) -> ModelInfo:
    can = as_dict(entry.get("capabilities"))
    return ModelInfo(
        id=as_str(entry.get("id")),
        name=as_str(entry.get("display_name")) or None,
        context_tokens=first_int(entry.get("max_input_tokens")),
        output_tokens=first_int(entry.get("max_tokens")),
        shutdown_date=as_str(entry.get("retires_at"))[:10] or None,
        images=_supported(can, "image_input"),
        thinking=_supported(can, "thinking"),
    )


def _supported(can: Mapping[str, object], what: str) -> bool | None:
    said = as_dict(can.get(what)).get("supported")
    return said if isinstance(said, bool) else None


def _forced(request: ChatRequest, body: Mapping[str, object]) -> dict[str, object]:
    """That a tool has to be called, which is refused while the model reasons."""
    reasons = as_dict(body.get("thinking")).get("type", "disabled") != "disabled"
    if not (request.must_call and request.tools) or reasons:
        return {}
    return {"tool_choice": {"type": "any"}}
