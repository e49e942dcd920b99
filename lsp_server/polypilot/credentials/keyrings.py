"""Choosing the operating system's keyring. The only importer of ``keyring``.

The library's own choice is not used: it obeys PYTHON_KEYRING_BACKEND before any limit, and
with a package such as keyrings.alt installed it chains backends, one of which writes keys as
plain text. Here the system's four keyrings are tried by name, and nothing else unless the
user's settings insist. All functions block, some for ever if the keyring's service hangs.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from polypilot.credentials import errors
from polypilot.errors import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

SERVICE = "polypilot"
_VARIABLE = "PYTHON_KEYRING_BACKEND"

ALLOWED = {
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Locker",
    "keyring.backends.SecretService.Keyring": "Secret Service",
    "keyring.backends.libsecret.Keyring": "Secret Service (libsecret)",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet 4",
}
_OFF = {"keyring.backends.fail.Keyring", "keyring.backends.null.Keyring"}
_CHAIN = "keyring.backends.chainer.ChainerBackend"


class _Backend(Protocol):
    priority: float

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Keyring:
    """A backend that was chosen, and its name as users know it."""

    name: str
    backend: _Backend

    def get(self, username: str) -> str | None:
        """The stored text, None if there is none.

        Raises:
            CredentialError: like every method here, for whatever went wrong.
        """
        with _explained(self.name):
            return self.backend.get_password(SERVICE, username)

    def set(self, username: str, key: str) -> None:
        """Store, and see that it was stored: one backend throws everything away."""
        with _explained(self.name):
            self.backend.set_password(SERVICE, username, key)
            stored = self.backend.get_password(SERVICE, username)
        if stored != key:
            raise errors.failed(self.name, "it did not keep the key")

    def delete(self, username: str) -> bool:
        """Remove; False if there was nothing to remove."""
        if self.get(username) is None:
            return False
        with _explained(self.name):
            self.backend.delete_password(SERVICE, username)
        return True


def choose(env: Mapping[str, str], *, allow_insecure: bool) -> Keyring:
    """The system's keyring, or with ``allow_insecure`` any other.

    Raises:
        CredentialError: keyring_absent, keyring_insecure or keyring_failed.
    """
    wanted, where = _configured(env)
    if wanted in _OFF:
        raise errors.absent(f"the keyring is switched off by {where}")
    if not wanted or wanted == _CHAIN:
        return _detect(allow_insecure=allow_insecure)
    if wanted not in ALLOWED and not allow_insecure:
        raise errors.insecure(f"the one named by {where} ({printable(wanted)[:100]})")
    name = ALLOWED.get(wanted) or f"{printable(wanted)[:100]}, not encrypted by the system"
    try:
        backend = _load(wanted)
        usable = backend.priority >= 0
    except Exception as exc:
        message = f"the keyring named by {where} does not work here"
        raise errors.absent(f"{message} ({type(exc).__name__})") from exc
    if not usable:
        raise errors.absent(f"the keyring named by {where} does not work here")
    return Keyring(name, backend)


def _detect(*, allow_insecure: bool) -> Keyring:
    found = [each for path in ALLOWED if (each := _viable(path)) is not None]
    if found:
        best = max(found, key=lambda backend: backend.priority)
        return Keyring(ALLOWED[_path(best)], best)
    others = list(_others())
    if not others:
        raise errors.absent()
    best = max(others, key=lambda backend: backend.priority)
    if not allow_insecure:
        raise errors.insecure(_path(best))
    return Keyring(f"{_path(best)}, not encrypted by the system", best)


def _viable(path: str) -> _Backend | None:
    """The backend if it works on this system; anything it raises means that it does not."""
    with contextlib.suppress(Exception):
        backend = _load(path)
        if backend.priority > 0:
            return backend
    return None


def _others() -> Iterator[_Backend]:
    """Backends that other packages brought along. Loads those packages: a last resort."""
    import keyring.backend  # noqa: PLC0415, TID251  (costs 0.1 to 0.3 s; its one importer)

    with contextlib.suppress(Exception):
        for backend in cast("list[_Backend]", keyring.backend.get_all_keyring()):
            path = _path(backend)
            if path not in ALLOWED and path not in _OFF and path != _CHAIN and _positive(backend):
                yield backend


def _positive(backend: _Backend) -> bool:
    with contextlib.suppress(Exception):
        return backend.priority > 0
    return False


def _load(path: str) -> _Backend:
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    return cast("_Backend", kind())


def _path(backend: _Backend) -> str:
    kind = type(backend)
    return f"{kind.__module__}.{kind.__name__}"


def _configured(env: Mapping[str, str]) -> tuple[str, str]:
    """The backend the user told the keyring library to use, and where; empty if none."""
    from keyring.util import platform_  # noqa: PLC0415, TID251  (its one importer)

    if env.get(_VARIABLE):
        return env[_VARIABLE], f"the environment variable {_VARIABLE}"
    file = platform_.config_root() / "keyringrc.cfg"
    config = configparser.RawConfigParser()
    with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
        config.read(file, encoding="utf-8")
        return config.get("backend", "default-keyring").strip(), "keyringrc.cfg"
    return "", ""


@contextlib.contextmanager
def _explained(name: str) -> Generator[None]:
    """Turn whatever a backend raises into a CredentialError, without its text."""
    import keyring.errors as theirs  # noqa: PLC0415, TID251  (its one importer)

    try:
        yield
    except theirs.KeyringLocked as exc:
        raise errors.locked(name) from exc
    except theirs.NoKeyringError as exc:
        raise errors.absent() from exc
    except theirs.InitError as exc:
        # The library wraps D-Bus's error names into the text and offers nothing better.
        if "dismiss" in str(exc).lower():
            raise errors.dismissed(name) from exc
        raise errors.failed(name, "it could not be opened") from exc
    except Exception as exc:
        raise errors.failed(name, printable(type(exc).__name__)) from exc
