"""Model files from a mirror or from their publisher's hub.

This is the one place where a redirect is followed: hubs hand large files out from another
host. Nothing of the user's goes along (no key, no cookie, no code), the address must stay
https, and what arrives counts only if it has the pinned size and SHA-256.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from polypilot.embedded.transfer import CHUNK, SourceFailed
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.network import os_reason
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from polypilot.embedded.transfer import Transfer
    from polypilot_providers.network import Network

_TIMEOUT = 30.0
"""Seconds without a single byte, connecting included."""
_PARTIAL = 206
_BAD_REDIRECT = "it redirects to an address that can't be trusted"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class WebSource:
    """A file at an https address (http on this machine).

    Args:
        name: what the user calls it.
        url: the file's address.
        size: bytes it must have.
        network: the user's proxy and certificate settings.
    """

    def __init__(self, name: str, url: str, size: int, network: Network) -> None:
        self.name = name
        self.scratch = 0
        self._url = url
        self._size = size
        self._network = network

    def chunks(self, offset: int, transfer: Transfer) -> Iterator[bytes]:
        """The file's bytes from ``offset`` on; see ``Source``."""
        try:
            yield from self._chunks(offset, transfer)
        except ConfigurationError as exc:
            raise SourceFailed(f"{exc.message} ({exc.cure})") from exc
        except urllib.error.HTTPError as exc:
            exc.close()
            raise SourceFailed(f"it answered with status {exc.code}") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise SourceFailed(_reason(exc)) from exc

    def _chunks(self, offset: int, transfer: Transfer) -> Iterator[bytes]:
        headers = {"User-Agent": "polypilot", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        request = urllib.request.Request(self._url, headers=headers)  # noqa: S310  (Origin.parse below takes https, and http to loopback)
        with contextlib.closing(self._opener().open(request, timeout=_TIMEOUT)) as answer:
            at = self._start(answer, offset)
            while data := answer.read1(CHUNK):
                transfer.check()
                at += len(data)
                if at > self._size:
                    raise SourceFailed("it sends more than the model has")
                fresh = at - offset  # a server without ranges begins again at 0
                if fresh > 0:
                    yield data[-fresh:] if fresh < len(data) else data
            if at != self._size:
                raise SourceFailed("the connection broke off")

    def _opener(self) -> urllib.request.OpenerDirector:
        """An opener that knows http(s) alone: no file, ftp or data addresses."""
        try:
            origin = Origin.parse(self._url)
        except ConfigurationError:
            raise SourceFailed("its address must begin with https://, and name a host") from None
        proxy = self._network.proxy_for(origin)
        tls = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if origin.scheme == "http"
            else self._network.tls(ssl.create_default_context)
        )
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler({"https": proxy} if proxy else {}),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=tls),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(origin),
        ):
            opener.add_handler(handler)
        return opener

    def _start(self, answer: http.client.HTTPResponse, offset: int) -> int:
        """Where in the file the body begins.

        Raises:
            SourceFailed: this is another file than the one we want.
        """
        if answer.status == _PARTIAL:
            found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != offset:
                raise SourceFailed("it sent another part of the file than asked for")
            start, total = offset, int(found[2])
        else:
            start, total = 0, int(answer.headers.get("Content-Length") or self._size)
        if total != self._size:
            raise SourceFailed(f"its file has {total:,} bytes instead of {self._size:,}")
        return start


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to https addresses; to this machine only from this machine.

    ``Origin.parse`` takes no plain http to any other.
    """

    max_redirections = 5

    def __init__(self, first: Origin) -> None:
        self._first = first

    def redirect_request(  # noqa: PLR0917  (the library's signature)
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            target = Origin.parse(newurl)
        except ConfigurationError:
            raise SourceFailed(_BAD_REDIRECT) from None
        if target.is_loopback and not self._first.is_loopback:
            raise SourceFailed(_BAD_REDIRECT)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    """Why the connection failed, without any text from outside."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, BaseException):
        if found := os_reason(inner):
            return found[0]
        if isinstance(inner, TimeoutError):
            return "it did not answer in time"
    return "it can't be reached, or the connection broke off"
