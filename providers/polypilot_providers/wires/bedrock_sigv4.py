"""Signs requests with the machine's AWS credentials (Signature Version 4).

botocore finds the credentials (environment, profile, SSO, container, instance) and signs; it
comes with the extra ``bedrock`` and is imported when the first request is signed, in a thread
that is waited for a bounded time, since finding credentials may ask the network or run a program.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, cast

from polypilot_providers.aws_errors import sign_in_again
from polypilot_providers.errors import AuthError, ConfigurationError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot_providers.catalog import ProviderRow

PATIENCE = 15.0
"""Seconds that finding credentials may take."""
_GOOD_FOR = 30.0
"""Seconds for which credentials that do not expire are kept."""


class _Credentials(Protocol):
    """botocore's, as far as they are used here."""

    def get_frozen_credentials(self) -> object:
        """Key and token that belong together, refreshed if they are about to expire."""
        ...


def signer(
    row: ProviderRow, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
) -> AwsSigner | None:
    """What signs the requests of ``row``; None if it is not ``auth = "aws"``.

    The region is the row's variable ``region``; the service is the one that its address names;
    the profile is the row's ``account``, or else the one the environment says.
    """
    if row.auth != "aws":
        return None
    service = "bedrock-mantle" if "//bedrock-mantle." in row.base_url else "bedrock"
    return AwsSigner(row.id, service, row.variables.get("region", ""), row.account, patience, clock)


class AwsSigner:
    """Signs the requests of one provider, see ``call.Sign``.

    Args:
        provider: its id, for error messages.
        service: the name that AWS's policies know the service by.
        region: AWS's region, e.g. ``eu-central-1``.
        profile: of the AWS configuration; empty for the one that the environment names.
        patience: seconds that finding credentials may take.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0917 - in the order of what they say of a request
        self,
        provider: str,
        service: str,
        region: str,
        profile: str,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._service = service
        self._region = region
        self._profile = profile
        self._patience = patience
        self._clock = clock
        self._credentials: _Credentials | None = None
        self._loaded = 0.0
        self._loading = threading.Lock()

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Mapping[str, str]:
        """The headers to add: ``authorization``, ``x-amz-date`` and perhaps a session's token.

        Raises:
            AuthError: there are no credentials, or they can't be read in time.
            ConfigurationError: botocore is not installed, or the row has no region.
        """
        if not self._region:
            raise ConfigurationError(
                f"signing for {self._provider} needs to know the AWS region",
                provider=self._provider,
                cure=f"Write region under [providers.{self._provider}.variables].",
            )
        try:
            async with asyncio.timeout(self._patience):
                return await _in_thread(lambda: self._sign(method, url, headers, content))
        except TimeoutError:
            raise self._refused("could not be read in time") from None

    def _sign(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> dict[str, str]:
        try:
            auth = importlib.import_module("botocore.auth")
            request = importlib.import_module("botocore.awsrequest").AWSRequest
        except ImportError:
            raise ConfigurationError(
                "signing with AWS credentials needs botocore, which is not installed",
                provider=self._provider,
                cure='Run `pip install "polypilot[bedrock]"`, or use a Bedrock API key: '
                f"`polypilot auth set {self._provider}`.",
            ) from None
        try:
            keys = self._load().get_frozen_credentials()
            # What a proxy may change on the way is not signed.
            kept = {name: text for name, text in headers.items() if name == "content-type"}
            asked = request(method=method, url=url, data=content, headers=kept)
            auth.SigV4Auth(keys, self._service, self._region).add_auth(asked)
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - programs, files and caches of the user's
            # The error's own text may name files and accounts.
            kind = type(error).__name__
            cure = "" if kind == "ProfileNotFound" else sign_in_again(self._profile)
            raise self._refused(f"can't be used ({kind})", cure) from None
        return {name.lower(): str(text) for name, text in asked.headers.items()}

    def _load(self) -> _Credentials:
        with self._loading:
            if self._credentials is None or self._is_old():
                # At its debug level it logs what is signed, and that holds the session's token.
                # urllib3 logs where it fetches credentials, which may be as good as a key.
                for library in ("botocore", "urllib3"):
                    logging.getLogger(library).setLevel(logging.WARNING)
                session = importlib.import_module("botocore.session")
                found = session.Session(profile=self._profile or None).get_credentials()
                if found is None:
                    raise self._refused("are not set up")
                self._credentials = cast("_Credentials", found)
                self._loaded = self._clock()
            return self._credentials

    def _is_old(self) -> bool:
        """Whether the user may have written others since; those that expire renew themselves."""
        renewing = hasattr(self._credentials, "refresh_needed")
        return not renewing and self._clock() - self._loaded > _GOOD_FOR

    def _refused(self, what: str, cure: str = "") -> AuthError:
        return AuthError(
            f"the AWS credentials for {self._provider} {what}",
            provider=self._provider,
            cure=cure
            or "Run `aws sso login` or `aws configure`, or set the row's `account` to a "
            "profile that has credentials.",
        )


async def _in_thread(work: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The result of ``work``, done in a thread that nobody has to wait for at exit."""
    result: Future[dict[str, str]] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits
            result.set_exception(error)
        else:
            result.set_result(value)

    threading.Thread(target=run, daemon=True, name="polypilot-aws").start()
    return await asyncio.wrap_future(result)
