"""Amazon Bedrock's InvokeModelWithResponseStream, which takes and gives each model's own format.

Claude alone is asked this way, in the form of recorded requests: that of Messages, with its
version in the body and the model in the address. All else is served over Converse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.wires.anthropic_messages import OPTIONAL, AnthropicProvider
from polypilot_providers.wires.bedrock import BedrockProvider
from polypilot_providers.wires.bedrock_invoke_stream import InvokeParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, Event, ModelInfo

VERSION = "bedrock-2023-05-31"


class BedrockInvokeProvider(AnthropicProvider):
    """Serves a row of the wire ``bedrock-invoke``, by API key or by AWS credentials."""

    auth = "bearer"

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        version = {"api_version": row.api_version or VERSION}
        super().__init__(row.model_copy(update=version), origin, path, key, http)
        self._converse = BedrockProvider(row, origin, path, key, http)

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            body = self.chat_body(request)
            path = f"/model/{quote(str(body['model']), safe='')}/invoke-with-response-stream"
            return self._call(path, body, request)

        return self._stream(prepare, InvokeParser, limits, OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """The catalog's models, once the host has shown that it takes the key; see Converse."""
        return await self._converse.models()

    def _nested(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """See WireProvider; that the answer is streamed is said by the address."""
        placed = super()._nested(body)
        return {name: value for name, value in placed.items() if name != "stream"}
