"""The one error tree of the provider layer.

::

    ProviderError
    ├── ConfigurationError      the row, URL, proxy or TLS material can't be used
    ├── AuthError               401 and its disguises: the key is missing or refused
    │   └── PermissionDenied    403: the key is known, and may not do this
    ├── RequestRefused          400, 404, 413, 422: this request, or this model, not the moment
    │   ├── UnknownModel        the model does not exist (any more) or is not yours
    │   └── ContextTooLong      the prompt does not fit the model's window
    ├── QuotaExhausted          402, insufficient_quota, spend limit: waiting does not help
    ├── RateLimited             429 that passes by itself; ``retry_after`` seconds if told
    ├── Unavailable             5xx, 408, 529, overloaded
    ├── NetworkError            no DNS, refused, reset before any answer, TLS, proxy
    │   └── TimedOut            connect, first byte or idle limit reached
    └── StreamBroken            the answer began and then broke; what came before stands

Messages are written for the user: what happened, with which host, what to do. They
never contain a key, a header, a URL's query or user information, any of the user's text,
or the body of the supplier's answer beyond its error message field, which is cut to
300 characters, stripped of control characters and of anything that looks like a secret.
"""

from __future__ import annotations


class ProviderError(Exception):
    """Something between us and the supplier failed.

    ``failover`` says whether the user's next listed provider may be tried: only for
    failures of the moment (rate limit, 5xx, connect and first-byte timeouts), never for
    a refused request or key, and never once text has been shown.
    """

    code = "provider_error"
    failover = False

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        host: str = "",
        status: int | None = None,
        cure: str = "",
        retry_after: float | None = None,
        limit: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.host = host
        self.status = status
        self.cure = cure
        """One sentence that tells the user what to do; may be empty."""
        self.retry_after = retry_after
        """Seconds until the supplier will take requests again, if it said so."""
        self.limit = limit
        """Which time limit was reached: connect, first_byte, idle or total."""


class ConfigurationError(ProviderError):
    """The provider's row, URL, proxy or certificate settings can't be used."""

    code = "configuration"


class AuthError(ProviderError):
    """The key is missing, wrong, or not allowed to do this."""

    code = "auth"


class PermissionDenied(AuthError):
    """The supplier knows the key, and does not let it do this."""

    code = "permission"


class RequestRefused(ProviderError):
    """The supplier will not take this request, now or later."""

    code = "request_refused"


class UnknownModel(RequestRefused):
    """The model does not exist, was shut down, or is not enabled for this key."""

    code = "unknown_model"


class ContextTooLong(RequestRefused):
    """The prompt does not fit into the model's context window."""

    code = "context_too_long"


class QuotaExhausted(ProviderError):
    """No credit or quota is left; waiting will not help."""

    code = "quota_exhausted"


class RateLimited(ProviderError):
    """Too many requests; passes after ``retry_after`` seconds."""

    code = "rate_limited"
    failover = True


class Unavailable(ProviderError):
    """The supplier is overloaded or failing."""

    code = "unavailable"
    failover = True


class NetworkError(ProviderError):
    """The supplier could not be reached."""

    code = "network"
    failover = True


class TimedOut(NetworkError):
    """A time limit was reached; ``limit`` says which."""

    code = "timeout"


class StreamBroken(ProviderError):
    """The answer began and then broke off; the text already delivered stands."""

    code = "stream_broken"
