"""Whether a supplier takes a key, asked in the way its row says."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING

from polypilot_providers.base import Limits
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    QuotaExhausted,
    RequestRefused,
)
from polypilot_providers.jsonvalue import as_dict, as_list, as_str
from polypilot_providers.types import ChatRequest, CompletionRequest, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot_providers.base import Provider
    from polypilot_providers.catalog import ProviderRow

CHECK_LIMITS = Limits(connect=5.0, first_event=30.0, idle=20.0, total=40.0)
_ROOM = 16
"""Tokens asked for where one is refused: by the Responses API, and by models that reason."""
_AMOUNT = re.compile(r"-?\d{1,12}(?:\.\d{1,6})? [A-Z]{3}")
_BLOCKED = {
    "api_key_blocked": "this key is blocked",
    "api_key_disabled": "this key is switched off",
    "team_blocked": "the key's team is blocked",
}
"""What xAI says of a key at ``/api-key``."""


async def prove(
    row: ProviderRow, provider: Provider, fetch: Callable[[str], Awaitable[object]]
) -> str:
    """Have the supplier prove the key, as ``row.check`` says; a short word on it.

    Args:
        row: the provider's.
        provider: is asked for models, or for a token of an answer.
        fetch: yields the JSON value at a path below the provider's base.

    Raises:
        AuthError: the key is refused, blocked, or (PermissionDenied) may not do this.
        QuotaExhausted: the key is good, and nothing is left to spend.
        ConfigurationError: what is to be asked is not at this address.
        ProviderError: the supplier could not be asked, or would not say.
    """
    if row.check in ("chat", "completion"):
        return await _answers(row, provider)
    try:
        if row.check:
            return _told(row, as_dict(await fetch(row.check.removeprefix("GET "))))
        found = len(await provider.models())
    except RequestRefused as error:
        if error.status not in (404, 405):
            raise
        what = row.check.removeprefix("GET ") or "list of models"
        raise ConfigurationError(
            f"{error.host} has no {what} at this address (HTTP {error.status})",
            provider=row.id,
            host=error.host,
            status=error.status,
            cure=f"Check base_url of [providers.{row.id}]. If it is right and the supplier has "
            'none, set check = "chat" there: then the key is proved by one token of an answer.',
        ) from None
    return f"{found} model{'s' * (found != 1)}"


async def _answers(row: ProviderRow, provider: Provider) -> str:
    """Ask for the least there is, and go away when it begins to come."""
    if row.check == "chat":
        model = row.chat_model
        facts = row.model(model)
        tight = (facts.wire or row.wire) != "openai-responses" and facts.thinking != "always"
        messages = (user("Hi"),)
        chat = ChatRequest(model, messages, max_tokens=1 if tight else _ROOM)
        stream = provider.chat(chat, CHECK_LIMITS)
    else:
        model = row.completion_model
        mode = row.model(model).completion or row.completion
        raw = mode.startswith("template:")
        request = CompletionRequest(model, "one, two, ", max_tokens=1, raw=raw)
        stream = provider.complete(request, CHECK_LIMITS)
    async with aclosing(stream) as events:
        await anext(events, None)
    return f"{model} answers"


def _told(row: ProviderRow, answer: dict[str, object]) -> str:
    """What the supplier says of the key, where it says more than that it knows it."""
    name = row.name or row.id
    for field, what in _BLOCKED.items():
        if answer.get(field) is True:
            page = f" at {row.key_page}" if row.key_page else ""
            raise AuthError(
                f"{name} says that {what}",
                provider=row.id,
                cure=f"Look at it{page}, or enter another key.",
            )
    # DeepSeek's balance; OpenRouter's limit of one key.
    left = as_dict(answer.get("data")).get("limit_remaining")
    spent = isinstance(left, int | float) and left <= 0
    if answer.get("is_available") is False or spent:
        raise QuotaExhausted(
            f"{name} knows the key, and says that no credit is left",
            provider=row.id,
            cure="Add credit at the supplier, or select another provider.",
        )
    for entry in as_list(answer.get("balance_infos")):
        balance = as_dict(entry)
        text = f"{as_str(balance.get('total_balance'))} {as_str(balance.get('currency'))}"
        if _AMOUNT.fullmatch(text):
            return f"balance {text}"
    return "the key is known"
