"""Keys over a keyring backend of the tests' own, loaded as any third party's is.

The operating system's own keyring is tested in tests/e2e/keyring.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot import errors, paths
from polypilot.credentials import CredentialError, Credentials, StoredKey
from polypilot.tasks import run_blocking
from polypilot_providers.base import Secret
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "canary-key-0123456789"
HOME = Origin.parse("https://api.example.com/v1")
ELSEWHERE = Origin.parse("https://api.example.com.evil.example/v1")

BACKEND = """
import threading
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError

stored, calls, threads = {}, [], set()
hang, fault = threading.Event(), None
hang.set()
reached = threading.Event()

class Keyring(KeyringBackend):
    priority = 1

    def _enter(self, what, username):
        calls.append((what, username))
        threads.add((threading.current_thread().daemon,
                     threading.current_thread() is threading.main_thread()))
        reached.set()
        hang.wait(30)
        if fault:
            raise fault

    def get_password(self, service, username):
        self._enter("get", username)
        return stored.get((service, username))

    def set_password(self, service, username, password):
        self._enter("set", username)
        stored[service, username] = password

    def delete_password(self, service, username):
        self._enter("delete", username)
        if stored.pop((service, username), None) is None:
            raise PasswordDeleteError("No such password!")

class Forgetful(Keyring):
    def set_password(self, service, username, password):
        pass

class Unfit(Keyring):
    priority = -1
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the backend; its variables script what it does."""
    (tmp_path / "scripted_keyring.py").write_text(textwrap.dedent(BACKEND), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    module = importlib.import_module("scripted_keyring")
    yield module
    module.hang.set()
    sys.modules.pop("scripted_keyring", None)


def env(name: str = "scripted_keyring.Keyring") -> dict[str, str]:
    return {"PYTHON_KEYRING_BACKEND": name}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def credentials(backend: Any, clock: Clock) -> Credentials:
    assert backend
    return Credentials(allow_insecure=True, env=env(), clock=clock)


async def test_set_get_remove(credentials: Credentials, backend: Any) -> None:
    assert await credentials.get("acme", HOME) is None
    await credentials.set("acme", HOME, Secret(f"  {KEY}\n"))
    found = await credentials.get("acme", HOME)
    assert found is not None
    assert found.reveal() == KEY
    assert backend.stored == {("polypilot", "acme@https://api.example.com"): KEY}
    assert await credentials.remove("acme", HOME) is True
    assert await credentials.get("acme", HOME) is None
    assert await credentials.remove("acme", HOME) is False
    assert backend.threads == {(True, False)}


LOOK_ALIKES = [
    "https://api.example.com.evil.example",
    "https://evil.example/api.example.com",
    "https://api.example.com:8443",
    "http://127.0.0.1:8080",
    "http://localhost",
    "https://example.com",
    "https://API.example.co",
    "https://apiexample.com",
    "https://[::1]",
    "https://api-example.com",
    "https://xn--exmple-cua.com",
    "https://api.example.com..",
    "https://api.example.com@evil.example",
    "https://api.example.com%2eevil.example",
    "https://api.example.com\\@evil.example",
    "http://api.example.com",
    "https://2130706433",
    "https://0x7f.1",
    "https://127.1",
    "https://\uff41pi.example.net",
]


@pytest.mark.parametrize("url", LOOK_ALIKES)
async def test_a_key_is_found_for_its_own_origin_only(credentials: Credentials, url: str) -> None:
    await credentials.set("acme", HOME, KEY)
    try:
        other = Origin.parse(url)
    except Exception:  # noqa: BLE001  (an address that is refused receives nothing at all)
        return
    assert other != HOME
    assert await credentials.get("acme", other) is None
    assert await credentials.get("other", HOME) is None


@pytest.mark.parametrize(
    "url", ["https://API.Example.COM", "https://api.example.com./x", "https://api.example.com:443"]
)
async def test_other_spellings_of_the_origin_are_the_origin(
    credentials: Credentials, url: str
) -> None:
    await credentials.set("acme", HOME, KEY)
    assert await credentials.get("acme", Origin.parse(url)) is not None


async def test_a_key_is_read_once_and_kept(credentials: Credentials, backend: Any) -> None:
    await credentials.set("acme", HOME, KEY)
    await credentials.get("acme", HOME)
    backend.calls.clear()
    for _ in range(50):
        await credentials.get("acme", HOME)
    assert backend.calls == []
    credentials.refresh()
    await credentials.get("acme", HOME)
    assert len(backend.calls) == 1


async def test_a_missing_key_is_remembered_until_it_is_set(
    credentials: Credentials, backend: Any
) -> None:
    for _ in range(5):
        assert await credentials.get("acme", HOME) is None
    assert len(backend.calls) == 1
    await credentials.set("acme", HOME, KEY)
    assert await credentials.get("acme", HOME) is not None


async def test_a_key_that_another_process_stores_is_noticed(
    credentials: Credentials, backend: Any, clock: Clock
) -> None:
    other = Credentials(allow_insecure=True, env=env())
    assert backend
    assert await credentials.get("acme", HOME) is None
    await other.set("acme", HOME, KEY)
    assert await credentials.get("acme", HOME) is None  # looked a moment ago
    clock.now += 2.1
    assert await credentials.get("acme", HOME) is not None
    await other.set("acme", HOME, "another-key-987654")
    clock.now += 2.1
    found = await credentials.get("acme", HOME)
    assert found is not None
    assert found.reveal() == "another-key-987654"
    await other.remove("acme", HOME)
    clock.now += 2.1
    assert await credentials.get("acme", HOME) is None


# --- the index


async def test_the_index_says_who_has_a_key_and_holds_none(
    credentials: Credentials, backend: Any
) -> None:
    await credentials.set("zeta", HOME, KEY)
    await credentials.set("acme", HOME, KEY)
    await credentials.set("acme", ELSEWHERE, KEY)
    backend.calls.clear()
    assert await credentials.listing() == ("acme", "zeta")
    assert StoredKey("acme", str(ELSEWHERE)) in await credentials.stored()
    assert backend.calls == []
    file = paths.data_dir() / "keys.json"
    assert KEY not in file.read_text(encoding="utf-8")
    assert len(json.loads(file.read_text(encoding="utf-8"))["keys"]) == 3
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o777 == 0o600
    await credentials.remove("acme", ELSEWHERE)
    await credentials.remove("zeta", HOME)
    assert await credentials.listing() == ("acme",)


@pytest.fixture(params=[b"", b"{", b'{"keys": 3}', b'{"keys": [1]}', b"[" * 100_000], ids=range(5))
def broken_index(request: pytest.FixtureRequest) -> None:
    paths.ensure_private(paths.data_dir())
    (paths.data_dir() / "keys.json").write_bytes(request.param)


@pytest.mark.usefixtures("broken_index")
async def test_a_broken_index_costs_the_listing_and_heals(credentials: Credentials) -> None:
    assert await credentials.listing() == ()
    await credentials.set("acme", HOME, KEY)
    assert await credentials.listing() == ("acme",)


@pytest.mark.skipif(sys.platform == "win32", reason="a path that can't be made on POSIX")
async def test_a_disk_that_cannot_be_written_costs_the_listing_and_not_the_key(
    backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert backend
    index = Path("/proc/polypilot/keys.json")
    credentials = Credentials(allow_insecure=True, env=env(), index=index)
    await credentials.set("acme", HOME, KEY)
    assert await credentials.get("acme", HOME) is not None
    assert await credentials.listing() == ()
    assert "index of stored keys can't be written" in caplog.text


# --- what can be wrong


@pytest.mark.parametrize(
    "key", ["", "  ", "two words", "line\nbreak", "naïve", "x" * 8193, "tab\there", "nul\0"]
)
async def test_what_cannot_be_a_key_is_not_stored(
    credentials: Credentials, backend: Any, key: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        await credentials.set("acme", HOME, key)
    assert caught.value.code == "key_invalid"
    assert backend.calls == []


FAULTS = [
    ("KeyringLocked", "Failed to unlock the collection!", "keyring_locked", "locked"),
    (
        "InitError",
        "Failed to create the collection: Prompt dismissed..",
        "keyring_locked",
        "prompt",
    ),
    ("InitError", "NoReply", "keyring_failed", "opened"),
    ("NoKeyringError", "x", "keyring_absent", "no keyring"),
    ("PasswordDeleteError", "canary", "keyring_failed", "PasswordDeleteError"),
]


@pytest.mark.parametrize(("kind", "text", "code", "words"), FAULTS)
async def test_each_failure_has_words_and_a_cure_of_its_own(
    credentials: Credentials, backend: Any, *, kind: str, text: str, code: str, words: str
) -> None:
    backend.fault = getattr(backend, kind)(text)
    with pytest.raises(CredentialError, match=words) as caught:
        await credentials.get("acme", HOME)
    problem = errors.describe(caught.value)
    assert "canary" not in repr(problem)
    assert problem.code == code
    assert problem.cure


async def test_a_backend_that_breaks_in_its_own_way_or_exits_ends_nothing(
    credentials: Credentials, backend: Any
) -> None:
    backend.fault = ConnectionResetError("canary")
    with pytest.raises(CredentialError, match="failed: ConnectionResetError") as caught:
        await credentials.get("acme", HOME)
    assert "canary" not in str(caught.value)
    credentials.refresh()
    backend.fault = SystemExit(3)
    with pytest.raises(CredentialError, match="failed: RuntimeError"):
        await credentials.get("acme", HOME)


async def test_a_locked_keyring_is_not_asked_again_with_every_keystroke(
    credentials: Credentials, backend: Any, clock: Clock
) -> None:
    backend.fault = backend.KeyringLocked("x")
    for _ in range(20):
        with pytest.raises(CredentialError):
            await credentials.get("acme", HOME)
        clock.now += 5
    assert len(backend.calls) == 1
    backend.fault = None
    credentials.refresh()
    assert await credentials.get("acme", HOME) is None
    backend.fault = backend.KeyringLocked("x")
    with pytest.raises(CredentialError):
        await credentials.get("other", HOME)
    backend.fault = None
    clock.now += 301
    assert await credentials.get("other", HOME) is None


async def test_a_hung_keyring_costs_one_wait_and_its_late_answer_counts(backend: Any) -> None:
    credentials = Credentials(allow_insecure=True, env=env(), timeout=0.3)
    await credentials.set("acme", HOME, KEY)
    backend.hang.clear()
    backend.calls.clear()
    results = await asyncio.gather(
        *(credentials.get("acme", HOME) for _ in range(20)), return_exceptions=True
    )
    assert {getattr(result, "code", result) for result in results} == {"keyring_timeout"}
    assert len(backend.calls) == 1
    started = asyncio.get_running_loop().time()
    with pytest.raises(CredentialError, match=r"within 0\.3 s"):
        await credentials.get("acme", HOME)
    assert asyncio.get_running_loop().time() - started < 0.3  # the wait is over; no second one
    backend.hang.set()  # the user has answered the prompt
    async with asyncio.timeout(10):
        while True:
            try:
                found = await credentials.get("acme", HOME)
                break
            except CredentialError:
                await asyncio.sleep(0)
    assert found is not None
    assert len(backend.calls) == 1


async def test_hung_calls_do_not_pile_up(backend: Any) -> None:
    credentials = Credentials(allow_insecure=True, env=env(), timeout=0.2)
    backend.hang.clear()
    asked = [credentials.get(f"p{n}", HOME) for n in range(50)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert {getattr(result, "code", result) for result in results} == {"keyring_timeout"}
    assert len(backend.calls) <= 4


async def test_a_cancelled_caller_leaves_the_others_their_answer(
    credentials: Credentials, backend: Any
) -> None:
    await credentials.set("acme", HOME, KEY)
    credentials.refresh()
    backend.hang.clear()
    backend.reached.clear()
    first, second = (asyncio.ensure_future(credentials.get("acme", HOME)) for _ in range(2))
    assert await run_blocking(backend.reached.wait, 30, timeout=60)
    first.cancel()
    backend.hang.set()
    async with asyncio.timeout(10):
        assert await second is not None
    assert first.cancelled()


# --- which keyring


@pytest.mark.parametrize(
    ("name", "allow", "code"),
    [
        ("keyring.backends.fail.Keyring", False, "keyring_absent"),
        ("keyring.backends.null.Keyring", False, "keyring_absent"),
        ("keyring.backends.null.Keyring", True, "keyring_absent"),
        ("no.such.Backend", False, "keyring_insecure"),
        ("no.such.Backend", True, "keyring_absent"),
        ("scripted_keyring.Keyring", False, "keyring_insecure"),
        ("scripted_keyring.Forgetful", True, "keyring_failed"),
        ("scripted_keyring.Unfit", True, "keyring_absent"),
        ("scripted_keyring", True, "keyring_absent"),
        ("evil\n\x1b[31mname.Backend", False, "keyring_insecure"),
        ("keyring.backends.SecretService.Keyring", False, "keyring_absent"),
        ("keyring.backends.Windows.WinVaultKeyring", False, "keyring_absent"),
    ],
)
async def test_a_backend_that_is_not_the_systems_is_refused_and_named(
    backend: Any, name: str, *, allow: bool, code: str
) -> None:
    del backend
    sys.modules.pop("scripted_keyring", None)
    credentials = Credentials(allow_insecure=allow, env=env(name))
    with pytest.raises(CredentialError) as caught:
        await credentials.set("acme", HOME, KEY)
    assert caught.value.code == code
    assert caught.value.cure
    assert len(str(caught.value).splitlines()) == 1
    assert KEY not in str(caught.value)
    if not allow and name.startswith("scripted"):
        assert "scripted_keyring" in str(caught.value)
        assert "scripted_keyring" not in sys.modules  # not even imported
    importlib.import_module("scripted_keyring")


async def test_the_librarys_own_settings_file_is_obeyed_as_far_as_it_is_safe(
    backend: Any, isolated_home: Path
) -> None:
    assert backend
    file = isolated_home / "home" / ".config" / "python_keyring" / "keyringrc.cfg"
    file.parent.mkdir(parents=True)
    file.write_text("[backend]\ndefault-keyring=scripted_keyring.Keyring\n", encoding="utf-8")
    with pytest.raises(CredentialError, match=r"keyringrc\.cfg"):
        await Credentials(env={}).backend_name()
    credentials = Credentials(env={}, allow_insecure=True)
    assert credentials.known_backend == ""
    assert "scripted_keyring.Keyring, not encrypted" in await credentials.backend_name()
    assert credentials.known_backend == await credentials.backend_name()


async def test_no_log_line_and_no_representation_shows_a_key(
    credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    await credentials.set("acme", HOME, KEY)
    key = await credentials.get("acme", HOME)
    text = f"{caplog.text}{key}{key!r}{credentials!r}{await credentials.stored()}"
    assert KEY not in text
    assert errors.redact(f"x{KEY}x") == "x[secret]x"
    credentials.refresh()


# --- several keys of one provider


async def test_a_named_key_is_found_by_its_name_alone(
    credentials: Credentials, backend: Any
) -> None:
    await credentials.set("acme", HOME, KEY)
    await credentials.set("acme", HOME, "canary-of-work-0123", "work")
    assert backend.stored == {
        ("polypilot", "acme@https://api.example.com"): KEY,
        ("polypilot", "acme/work@https://api.example.com"): "canary-of-work-0123",
    }
    for account, key in (("", KEY), ("work", "canary-of-work-0123")):
        found = await credentials.get("acme", HOME, account)
        assert found is not None
        assert found.reveal() == key
    assert await credentials.get("acme", HOME, "play") is None
    assert await credentials.get("acme", ELSEWHERE, "work") is None
    assert await credentials.stored() == (
        StoredKey("acme", str(HOME)),
        StoredKey("acme", str(HOME), "work"),
    )
    assert await credentials.listing() == ("acme",)
    assert await credentials.remove("acme", HOME, "work") is True
    assert await credentials.get("acme", HOME, "work") is None
    assert await credentials.get("acme", HOME) is not None
    assert await credentials.stored() == (StoredKey("acme", str(HOME)),)


async def test_an_index_from_before_there_were_names_is_read_and_kept(
    credentials: Credentials,
) -> None:
    file = paths.data_dir() / "keys.json"
    file.parent.mkdir(parents=True)
    old = {"version": 1, "keys": [{"provider": "acme", "origin": str(HOME)}]}
    file.write_text(json.dumps(old), encoding="utf-8")
    assert await credentials.stored() == (StoredKey("acme", str(HOME)),)
    await credentials.set("acme", HOME, KEY, "work")
    assert json.loads(file.read_text(encoding="utf-8"))["keys"] == [
        {"provider": "acme", "origin": str(HOME)},
        {"provider": "acme", "origin": str(HOME), "account": "work"},
    ]


async def test_an_index_of_other_things_lists_nothing(credentials: Credentials) -> None:
    file = paths.data_dir() / "keys.json"
    file.parent.mkdir(parents=True)
    for text in ('{"keys": ["acme"]}', '{"keys": {"a": 1}}', "[]", '{"keys": [7]}'):
        file.write_text(text, encoding="utf-8")
        assert await credentials.stored() == ()


@pytest.mark.parametrize("name", ["a/b", "a@b", "ä", "two words", "a" * 65, "a\n"])
async def test_what_can_not_be_a_name_is_refused(
    credentials: Credentials, backend: Any, name: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        await credentials.set("acme", HOME, KEY, name)
    assert caught.value.code == "key_invalid"
    assert backend.stored == {}


async def test_names_that_only_case_tells_apart_are_not_both_taken(
    credentials: Credentials, backend: Any
) -> None:
    """Windows' keyring would put one in the other's place."""
    await credentials.set("acme", HOME, KEY, "work")
    with pytest.raises(CredentialError, match="'work'"):
        await credentials.set("acme", HOME, "canary-of-another-0123", "Work")
    await credentials.set("acme", HOME, "canary-of-another-0123", "work")
    await credentials.set("other", HOME, KEY, "Work")
    assert len(backend.stored) == 2
