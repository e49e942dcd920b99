"""Settings about the keyring and the log hold from the next reload on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from polypilot.credentials import CredentialError
from polypilot_providers.errors import AuthError
from polypilot_providers.testing import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

ALLOWED = "[keyring]\nallow_insecure = true\n"
KEY = "the-key-of-the-team"


@pytest.fixture(autouse=True)
def root_level() -> Iterator[logging.Logger]:
    """The root logger, at `warning`; as it was afterwards."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.WARNING)
    yield root
    root.setLevel(before)


@pytest.fixture
def with_key(configure: Callable[..., Path]) -> Callable[..., None]:
    """Writes config.toml with a supplier that wants a key."""

    def write(url: str, more: str = "") -> None:
        file = configure(more, a=url)
        text = file.read_text("utf-8").replace('auth = "none"', 'auth = "keyring"')
        file.write_text(text, "utf-8")

    return write


async def test_an_insecure_keyring_is_used_from_the_reload_on_that_allows_it(
    backends: Callable[..., Backend],
    with_key: Callable[..., None],
    plain_keyring: dict[str, str],
) -> None:
    async with ScriptedServer(reply(200, {"data": [{"id": "m"}]})) as a:
        with_key(a.url)
        backend = backends(env=plain_keyring)
        with pytest.raises(AuthError, match="can't be read") as refused:
            await backend.list_models("a")
        assert "allow_insecure" in refused.value.cure
        with_key(a.url, ALLOWED)
        await backend.reload()
        await backend.credentials.set("a", backend.origin("a"), KEY)
        await backend.list_models("a")
        assert a.requests[0].headers["authorization"] == f"Bearer {KEY}"
        with_key(a.url)
        await backend.reload()
        # Neither the keyring nor what was read from it before.
        with pytest.raises(AuthError):
            await backend.list_models("a")
        with pytest.raises(CredentialError):
            await backend.credentials.backend_name()
        assert len(a.requests) == 1


async def test_other_settings_leave_what_was_read_from_the_keyring(
    backends: Callable[..., Backend],
    with_key: Callable[..., None],
    plain_keyring: dict[str, str],
    tmp_path: Path,
) -> None:
    async with ScriptedServer(reply(200, {"data": []})) as a:
        with_key(a.url, ALLOWED)
        backend = backends(env=plain_keyring)
        await backend.credentials.set("a", backend.origin("a"), KEY)
        await backend.list_models("a")
        with_key(a.url, ALLOWED + '[log]\nlevel = "error"\n')
        (tmp_path / "plain-keys.json").unlink()
        await backend.reload()
        await backend.list_models("a")
        assert a.requests[1].headers["authorization"] == f"Bearer {KEY}"


async def test_the_log_is_as_detailed_as_the_settings_say_now(
    configure: Callable[..., Path], backends: Callable[..., Backend], root_level: logging.Logger
) -> None:
    configure()
    backend = backends()
    for level in ("debug", "error", "info"):
        configure(f'[log]\nlevel = "{level}"\n')
        await backend.reload()
        assert logging.getLevelName(root_level.level) == level.upper()
    root_level.setLevel(logging.CRITICAL)  # someone else's word, and no change of the settings
    configure('[log]\nlevel = "info"\n[privacy]\nlocal_only = true\n')
    await backend.reload()
    assert root_level.level == logging.CRITICAL
