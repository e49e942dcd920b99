"""How the network is reached: proxy, certificate authorities, TLS. Blocking; no requests here.

Two sources only: the user's settings, which come as arguments, and the operating system's
convention of environment variables (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``,
``SSL_CERT_FILE``, ``SSL_CERT_DIR``). A setting wins over a variable.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.sanitise import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from polypilot_providers.origin import Origin

DIRECT = "direct"
"""Value of the proxy setting that ignores the environment's proxies."""

_Stamp = tuple[int, int, int] | None
_Contents = tuple[object, ...]
"""All that decides what a TLS context trusts."""

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Network:
    """The user's network settings, checked when first needed.

    Args:
        proxy: URL of a proxy (http, https, socks5, socks5h), ``direct``, or empty for the
            environment's.
        ca_file: PEM file of certificate authorities to trust over and above the system's.
        client: PEM files of the user's own certificate and of its key, which may be empty if
            the first holds both; shown to a server that asks, never to a proxy.
        env: where the operating system's variables are read; the process's by default.
    """

    def __init__(
        self,
        *,
        proxy: str = "",
        ca_file: str = "",
        client: tuple[str, str] = ("", ""),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._proxy = proxy.strip()
        self._ca_file = ca_file
        self._client = client
        self._env = os.environ if env is None else env

    def __repr__(self) -> str:
        return "Network(...)"  # a proxy's URL can hold a password

    def proxy_for(self, origin: Origin) -> str | None:
        """URL of the proxy for ``origin``, or None. This machine is never behind a proxy.

        Raises:
            ConfigurationError: the proxy's URL can't be used.
        """
        if origin.is_loopback or self._proxy == DIRECT:
            return None
        if self._proxy:
            return _checked(self._proxy, "the `network.proxy` setting")
        for name in ("HTTPS_PROXY", "ALL_PROXY"):
            value = self._variable(name)
            if value:
                if self._is_exempt(origin):
                    return None
                return _checked(value, f"the environment variable {name}")
        return None

    def tls(
        self, system_store: Callable[[], ssl.SSLContext], *, as_client: bool = True
    ) -> ssl.SSLContext:
        """A verifying TLS 1.2+ context. Takes tens of milliseconds; reads files.

        While it is used, who names the same files with the same contents gets the same
        context: each takes a megabyte. Not to be changed. May be called in any thread.

        Args:
            system_store: makes a context that trusts the operating system's authorities.
            as_client: with the user's own certificate, if there is one.

        Raises:
            ConfigurationError: a file of certificates is missing or malformed.
        """
        client = self._client if as_client else ("", "")
        trusted = self._env.get("SSL_CERT_FILE"), self._env.get("SSL_CERT_DIR"), self._ca_file
        paths = *trusted, *client
        # Before they are read: what changes meanwhile makes another context next time.
        contents = (system_store, *((path, _stamp(path or "")) for path in paths))
        return _contexts.get(contents, lambda: self._tls(system_store, *client))

    def _tls(
        self, system_store: Callable[[], ssl.SSLContext], client_cert: str, client_key: str
    ) -> ssl.SSLContext:
        file, folder = self._env.get("SSL_CERT_FILE"), self._env.get("SSL_CERT_DIR")
        if file or folder:
            for name, path in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)):
                if path and not os.path.exists(path):  # noqa: PTH110 - any string, even with NUL
                    raise _bad_ca(f"the environment variable {name}", "does not exist")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            _load(context, "the environment variable SSL_CERT_FILE", file or None, folder or None)
        else:
            context = system_store()
        if self._ca_file:
            _load(context, "the `network.ca_file` setting", self._ca_file, None)
        if client_cert:
            _show(context, client_cert, client_key)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _variable(self, name: str) -> str:
        return (self._env.get(name.lower()) or self._env.get(name) or "").strip()

    def _is_exempt(self, origin: Origin) -> bool:
        entries = self._variable("NO_PROXY").replace(",", " ").split()
        return any(_matches(entry.lower(), origin) for entry in entries)


class _Contexts:
    """TLS contexts by their contents, while somebody uses them. For every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: WeakValueDictionary[_Contents, threading.Lock] = WeakValueDictionary()
        self._made: WeakValueDictionary[_Contents, ssl.SSLContext] = WeakValueDictionary()

    def get(self, contents: _Contents, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The context with these contents, made now if there is none."""
        with self._lock:
            making = self._making.setdefault(contents, threading.Lock())
        # One lock each: a file on a disk that hangs holds up only who names it.
        with making:
            with self._lock:
                made = self._made.get(contents)
            if made is None:
                made = make()
                with self._lock:
                    self._made[contents] = made
            return made


_contexts = _Contexts()


def _stamp(path: str) -> _Stamp:
    """What tells one state of a file or folder from another."""
    try:
        info = os.stat(path)  # noqa: PTH116 - any string
    except (OSError, ValueError):
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino


def _matches(entry: str, origin: Origin) -> bool:
    """Whether a NO_PROXY entry (``*``, name, .suffix, address, network, :port) covers it."""
    if entry == "*":
        return True
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        try:
            return ipaddress.ip_address(origin.host) in network
        except ValueError:
            return False
    name, _, port = entry.partition(":")
    if port and port != str(origin.port):
        return False
    name = name.removeprefix("*").strip(".")
    return bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))


def _checked(url: str, where: str) -> str:
    url = url if "://" in url else f"http://{url}"
    cure = "Write it as http://host:port, or empty it."
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    else:
        if usable and parts.scheme.startswith("socks") and not importlib.util.find_spec("socksio"):
            raise ConfigurationError(
                f"{where} names a SOCKS proxy, which needs the extra `socks`",
                cure="Install it with `pip install 'polypilot[socks]'`, or use an HTTP proxy.",
            )
    if not usable:
        # Not quoted: proxies are written with their passwords.
        raise ConfigurationError(f"{where} is not the URL of a proxy", cure=cure)
    return url


def _load(context: ssl.SSLContext, where: str, file: str | None, folder: str | None) -> None:
    try:
        context.load_verify_locations(cafile=file, capath=folder)
    except FileNotFoundError:
        raise _bad_ca(where, "does not exist") from None
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise _bad_ca(where, "can't be read as PEM certificates") from None


def _show(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Have ``context`` show the user's certificate to a server that asks for one."""
    locked: list[bool] = []

    def unasked() -> str:
        # Without an answer of ours OpenSSL would ask at the terminal, which may be an editor's.
        locked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key or None, password=unasked)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        what = "can't be read as PEM certificate and key"
        if isinstance(error, FileNotFoundError):
            what = "does not exist"
        elif locked:
            what = "has a key that is locked with a passphrase"
        raise ConfigurationError(
            f"the client certificate {what}",
            cure="Name PEM files with a key that has no passphrase, readable by you alone, in "
            "`client_cert` and `client_key` of the provider.",
        ) from None


def _bad_ca(where: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"the certificate file named by {where} {what}",
        cure="Name an existing PEM file, or remove it to trust the system's authorities.",
    )


def os_reason(error: BaseException) -> tuple[str, str] | None:
    """What the operating system or TLS says lies behind ``error``, and the cure."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({clean(cause.verify_message)})",
                "If your network inspects TLS, name its CA file in `network.ca_file`.",
            )
        if isinstance(cause, ssl.SSLError):
            return (
                "no secure connection could be agreed on",
                "Check the address, the proxy, and whether it wants a certificate (`client_cert`).",
            )
        if isinstance(cause, socket.gaierror):
            return "its name could not be resolved", "Check the address and the network."
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused", "Check that a server runs at that address."
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # A name has several addresses: the group holds what befell each.
        if isinstance(error, ExceptionGroup):
            yield from cast("ExceptionGroup[Exception]", error).exceptions
        error = error.__cause__ or error.__context__
