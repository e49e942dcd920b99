"""From a supplier's refusal to the error tree.

The codes and words are those of recorded answers of the suppliers; where only a supplier's
SDK or documentation tells, the wire's tests say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_providers import aws_errors
from polypilot_providers.errors import (
    AuthError,
    ContextTooLong,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.rate import MAX_RETRY_AFTER, retry_after
from polypilot_providers.said import Said, gather, read
from polypilot_providers.sanitise import NOTHING_HIDDEN, Hidden, clean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Peer:
    """Who answered, for error messages."""

    provider: str
    host: str
    hidden: Hidden = NOTHING_HIDDEN


class ParameterRefused(RequestRefused):
    """The request named a parameter that this model does not take."""

    def __init__(self, base: ProviderError, text: str, param: str) -> None:
        super().__init__(
            base.message,
            provider=base.provider,
            host=base.host,
            status=base.status,
            cure=base.cure,
        )
        self._text = text
        self._param = param

    def names(self, parameter: str) -> bool:
        """Whether ``parameter`` (top level, as sent) is what the supplier objects to."""
        if self._param.split(".")[0] == parameter:
            return True
        # Quoted, or before a colon: a bare word like "stop" may be plain English; some can't.
        name = re.escape(parameter)
        quoted = (
            rf"['\"`\[]{name}(?:\.[\w.]{{1,80}})?['\"`\]]|(?:^|[\s.]){name}(?:\.[\w.]{{1,80}})?:"
            rf"|\bthe {name} (?:field|parameter)\b"
        )
        if "_" in parameter or parameter == "logprobs":
            quoted += rf"|\b{name}\b"
        return re.search(quoted, self._text) is not None

    def allowed(self) -> list[str]:
        """The values the message says would be taken, in its order."""
        listed = re.search(
            r"(?:(?:supported|allowed|valid) values[^:]{0,200}:|must be one of|should be)(.*)",
            self._text,
            re.IGNORECASE | re.DOTALL,
        )
        return re.findall(r"['\"`](\w+)['\"`]", listed[1]) if listed else []


_AUTH = {
    "invalid_api_key", "authentication_error", "unauthorized", "api_key_invalid",
    "unauthenticated", "invalid_authentication",
} | aws_errors.AUTH  # fmt: skip
_FORBIDDEN = {"permission_error", "permission_denied", aws_errors.ACCESS}
_MODEL = {
    "model_not_found", "deploymentnotfound", "not_found_error", "model_not_available",
} | aws_errors.MODEL  # fmt: skip
_CONTEXT = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
_QUOTA = {
    "insufficient_quota", "billing_error", "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "billing_hard_limit_reached", "insufficient_balance", "billing_not_active",
    "insufficient_credits", "daily_quota",
} | aws_errors.QUOTA  # fmt: skip
_RATE = {
    "rate_limit_exceeded", "rate_limit_error", "ratelimitreached", "too_many_requests",
    "resource_exhausted",
}  # fmt: skip
_DOWN = {
    "overloaded_error", "api_error", "server_error", "internal_server_error", "timeout_error",
    "service_unavailable", "internal_error", "insufficient_system_resource", "unavailable",
    "overloaded", "service_unavailable_error", "unavailable_error",
}  # fmt: skip
_REFUSED = {
    "invalid_request_error", "invalid_argument", "invalid-argument", "bad_request",
} | aws_errors.REFUSED  # fmt: skip

_BAD_KEY = re.compile(
    r"(?:incorrect|invalid|wrong|missing|expired|no|unknown)\s+(?:\w+\s+){0,2}?"
    r"(?:api[ _-]?key|x-api-key|token|credential)"
    r"|api[ _-]?key[^.]{0,60}"
    r"(?:not valid|invalid|incorrect|expired|missing|not provided|required)"
    r"|sure your api[ _-]?key is valid",
    re.IGNORECASE,
)
_EXPIRED = re.compile(r"\b(?:key|token)\b[^.]{0,60}\bexpired\b", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"\bmodel\b[^.]{0,160}\b(?:not found|does not exist|not exist|decommissioned|no longer"
    r"|not available|unknown|not supported for)"
    r"|(?:unknown|no such|invalid|unrecognized|not a valid) model"
    r"|\bmodels/\S{1,120} (?:is |was )?(?:not found|no longer)"
    r"|\bmodel identifier is invalid|\baccess to the model with|on-demand throughput",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context[ _](?:window|length|size)"
    r"|too many (?:input )?tokens|input (?:is )?too long|request too large"
    r"|exceeds the maximum number of tokens",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"credit balance|insufficient (?:balance|credit|funds|quota)|(?:spend|spending|billing) limit"
    r"|exceeded your current quota|out of credits",
    re.IGNORECASE,
)


def from_status(status: int, headers: Mapping[str, str], body: bytes, peer: Peer) -> ProviderError:
    """The error of an answer with a status of 400 or more.

    ``headers`` must look names up without regard to case; ``body`` may be cut short.
    """
    said = read(body)
    said.status = status
    said.codes.add(aws_errors.name(headers.get("x-amzn-errortype", "")))
    return _build(said, peer, retry_after(headers))


def from_event(payload: Mapping[str, object], peer: Peer) -> ProviderError:
    """The error that a supplier reports inside a stream that began well."""
    said = gather(payload)
    if said.status is None and said.codes.isdisjoint(_REFUSED | _known()):
        return StreamBroken(
            _sentence("reported an error while answering", said, peer),
            provider=peer.provider,
            host=peer.host,
        )
    return _build(said, peer, None)


def _known() -> set[str]:
    aws = aws_errors.RATE | aws_errors.DOWN
    return _AUTH | _FORBIDDEN | _MODEL | _CONTEXT | _QUOTA | _RATE | _DOWN | aws


def _build(said: Said, peer: Peer, wait: float | None) -> ProviderError:
    kind, what, cure = _kind(said)
    if wait is None and said.wait:
        wait = min(said.wait, MAX_RETRY_AFTER)
    error = kind(
        _sentence(what, said, peer),
        provider=peer.provider,
        host=peer.host,
        status=said.status,
        cure=cure,
        retry_after=wait if kind in (RateLimited, Unavailable) else None,
    )
    if kind is RequestRefused and said.status in (None, 400, 403, 422):
        return ParameterRefused(error, said.message, said.param)
    return error


_Kind = tuple[type[ProviderError], str, str]
_SAYS_AUTH: _Kind = (AuthError, "refused the key", "Check the key, or enter it again.")
_SAYS_EXPIRED: _Kind = (
    AuthError,
    "says that the key has expired",
    "Make a new key at the supplier, and enter that.",
)
_SAYS_FORBIDDEN: _Kind = (
    PermissionDenied,
    "does not let this key do that",
    "Look at its page what the key may do, or use another one.",
)
_SAYS_QUOTA: _Kind = (
    QuotaExhausted,
    "says that no credit or quota is left",
    "Add credit at the supplier, or select another provider.",
)
_SAYS_MODEL: _Kind = (UnknownModel, "does not serve this model to you", "Select another model.")
_SAYS_LONG: _Kind = (ContextTooLong, "says that the prompt is too long", "Send less context.")
_SAYS_RATE: _Kind = (RateLimited, "has had too many requests", "It passes by itself.")
_SAYS_DOWN: _Kind = (Unavailable, "is overloaded or failing", "Try again in a moment.")
_SAYS_NO: _Kind = (RequestRefused, "refused the request", "")


def _kind(said: Said) -> _Kind:
    by_code: tuple[tuple[set[str], _Kind], ...] = (
        (_QUOTA, _SAYS_QUOTA),
        (_CONTEXT, _SAYS_LONG),
        (_MODEL, _SAYS_MODEL),
        (_AUTH, _SAYS_EXPIRED if _EXPIRED.search(said.message) else _SAYS_AUTH),
        (_FORBIDDEN, _forbidden(said)),
        (aws_errors.RATE, _SAYS_RATE),
        (aws_errors.DOWN, _SAYS_DOWN),
    )
    if aws_errors.ACCESS in said.codes and _NO_MODEL.search(said.message):
        return _SAYS_MODEL
    for codes, kind in by_code:
        if not said.codes.isdisjoint(codes):
            return kind
    status = said.status
    if status in (401, 402, 403, 404, 405, 413, 429) or status is None:
        return _by_status(said)
    if (status >= 500 and status != 501) or status in (408, 409, 425):  # noqa: PLR2004 - HTTP's server errors
        return _SAYS_DOWN
    return _by_words(said) or _SAYS_NO


def _by_status(said: Said) -> _Kind:
    if said.status is None:
        return _in_a_stream(said)
    table: dict[int, _Kind] = {
        401: _SAYS_AUTH,
        402: _SAYS_QUOTA,
        403: _forbidden(said),
        413: _SAYS_LONG,
    }
    if said.status in table:
        return table[said.status]
    if said.status == 429:  # noqa: PLR2004 - too many requests
        # Gemini says "quota" of its limits per minute too, but then it also says how long to wait.
        spent = said.wait is None and _NO_MONEY.search(said.message)
        return _SAYS_QUOTA if spent else _SAYS_RATE
    if _NO_MODEL.search(said.message):
        return _SAYS_MODEL
    return (
        RequestRefused,
        "has nothing at this address",
        "Check the provider's base_url and model.",
    )


def _forbidden(said: Said) -> _Kind:
    """What a 403 is: some suppliers say so of a wrong key too."""
    if _EXPIRED.search(said.message):
        return _SAYS_EXPIRED
    if "request logprobs" in said.message:
        return _SAYS_NO  # OpenAI, of models that reason: it is the field, not the key
    return _SAYS_AUTH if _BAD_KEY.search(said.message) else _SAYS_FORBIDDEN


def _in_a_stream(said: Said) -> _Kind:
    if not said.codes.isdisjoint(_RATE):
        return _SAYS_RATE
    if not said.codes.isdisjoint(_DOWN):
        return _SAYS_DOWN
    return _by_words(said) or _SAYS_NO


def _by_words(said: Said) -> _Kind | None:
    """A 400 in disguise: some suppliers have but one status for everything."""
    for words, kind in (
        (_BAD_KEY, _SAYS_AUTH),
        (_NO_MONEY, _SAYS_QUOTA),
        (_TOO_LONG, _SAYS_LONG),
        (_NO_MODEL, _SAYS_MODEL),
    ):
        if words.search(said.message):
            return kind
    return None


def _sentence(what: str, said: Said, peer: Peer) -> str:
    status = "" if said.status is None else f" (HTTP {said.status})"
    words = clean(said.message, peer.hidden)
    return f"{peer.host} {what}{status}" + (f": {words}" if words else "")
