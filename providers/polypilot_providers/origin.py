"""Where a request goes and a key belongs: scheme, host and port, compared parsed."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import SplitResult, urlsplit

from polypilot_providers.errors import ConfigurationError

Scheme = Literal["http", "https"]

_DEFAULT_PORTS: dict[str, int] = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_MAX_HOST = 253


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a URL, in one spelling, so that equality is identity.

    Build it with :meth:`parse` only. ``host`` is lower case, in its ASCII (IDNA 2008) form,
    without a trailing dot; IPv6 addresses are compressed and carry no brackets.
    """

    scheme: Scheme
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """The origin of ``url``; its path, query and fragment are ignored.

        Whatever two readers could take for different hosts is refused, not interpreted:
        user information, backslashes, white space, percent-encoding, IP addresses in
        decimal, octal, hexadecimal or shortened form, IPv6 zones.

        Raises:
            ConfigurationError: not an http(s) URL with a host we can be sure of, or plain
                http to a host that is not this machine.
        """
        parts, port = _split(url)
        scheme: Scheme = "http" if parts.scheme == "http" else "https"
        host = _host(parts)
        origin = cls(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)
        if scheme == "http" and not origin.is_loopback:
            raise ConfigurationError(
                f"plain http to {host!r} would send your code and key unprotected",
                host=host,
                cure="Use an https:// address; http:// is for this machine only.",
            )
        return origin

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine (127.0.0.0/8, ::1, localhost)."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def authority(self) -> str:
        """Host, and port unless it is the scheme's default, as written in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def _refuse(why: str) -> ConfigurationError:
    # The URL itself is left out: people paste keys into URLs.
    return ConfigurationError(
        f"the address can't be used: {why}",
        cure="Write it as https://host or https://host:port, with an optional path.",
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    if _NOT_IN_A_URL.search(url):
        raise _refuse("it has white space, a backslash or control characters in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refuse("host or port is malformed") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refuse("it does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise _refuse("user name or password in an address are not accepted")
    if port == 0:
        raise _refuse("port 0 does not exist")
    return parts, port


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc:
        return _ipv6(host)
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(host)
    if not host.isascii() or any(label.startswith("xn--") for label in labels):
        return _idna(host)
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refuse("the host name is empty or malformed")
    return host


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:  # pragma: no cover - from Python 3.11.4 on urlsplit has checked it
        raise _refuse("the IPv6 address is malformed") from None
    if address.scope_id is not None:
        raise _refuse("IPv6 zones are not accepted")
    return address.compressed


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _refuse("write an IPv4 address as four decimal numbers") from None


def _idna(host: str) -> str:
    # Imported here: the tables cost milliseconds, and nearly every host is plain ASCII.
    import idna  # noqa: PLC0415 - see above

    try:
        # Decoding first, so that an xn-- label which is not the spelling of anything fails.
        encoded = idna.encode(idna.decode(host)).decode("ascii")
    except idna.IDNAError:
        raise _refuse("the host name is not a valid international name") from None
    if _NUMERIC.fullmatch(encoded.rsplit(".", 1)[-1]):
        raise _refuse("the host name is not a valid international name")
    return encoded
