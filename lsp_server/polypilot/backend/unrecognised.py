"""What to tell somebody whose address leads to no API of models that we know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.detect import is_page
from polypilot_providers.errors import ConfigurationError, ProviderError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot_providers.answer import Answer
    from polypilot_providers.detect import Place
    from polypilot_providers.origin import Origin

_MISSING = (404, 405, 410, 501)


def unreached(answers: Sequence[Answer]) -> ProviderError:
    """Why nobody answered: what says more than that it took too long comes first."""
    errors = [each.error for each in answers if each.error is not None]
    return next((each for each in errors if not isinstance(each, TimedOut)), errors[0])


def redirect(answers: Iterable[Answer]) -> ProviderError | None:
    """That one of the answers leads elsewhere."""
    errors = (each.error for each in answers if not each.status)
    return next((each for each in errors if isinstance(each, ConfigurationError)), None)


def unrecognised(origin: Origin, where: Place, answers: Sequence[Answer]) -> ProviderError:
    """Why the answers that came are of no use."""
    host = origin.authority
    if (away := redirect(answers)) is not None:
        return away
    came = [each for each in answers if each.status]
    if any(is_page(each) and each.ok for each in came):
        return ConfigurationError(
            f"{host} answers with web pages, made for people, and not with an API",
            host=host,
            cure="Give the address of the API, which often has `api` in its name or ends in /v1; "
            "if your network wants you to sign in first, do so.",
        )
    if all(each.status in _MISSING for each in came):
        tried = " and ".join(f"{base}/models" for base in where.bases)
        return ConfigurationError(
            f"{host} answers, but serves no models there (tried {tried})",
            host=host,
            cure="Check the path in the supplier's documentation: it is what comes before "
            "/chat/completions or /messages.",
        )
    failed = [each.error for each in came if each.error is not None]
    if failed:
        return failed[-1]
    return ConfigurationError(
        f"{host} answers, but not as any API that Polypilot knows",
        host=host,
        cure="Say with --wire which protocol it speaks.",
    )
