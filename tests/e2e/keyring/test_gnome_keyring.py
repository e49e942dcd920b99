"""Keys in a real gnome-keyring: at its best, locked, dying, hung, absent, and in bad company."""

from __future__ import annotations

import base64
import json
import signal
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

KEY = "canary-key-of-the-keyring-0123"
PLAIN = (KEY.encode(), base64.b64encode(KEY.encode()))
PLAINTEXT = "keyrings.alt.file.PlaintextKeyring"

ROUND_TRIP = """
async def main():
    keys = Credentials()
    say(missing=(await attempt(keys.get("acme", HOME)))["value"])
    await keys.set("acme", HOME, KEY)
    fresh = Credentials()
    say(
        same=(await attempt(fresh.get("acme", HOME)))["value"] == KEY,
        elsewhere=(await attempt(fresh.get("acme", OTHER)))["value"],
        other=(await attempt(fresh.get("other", HOME)))["value"],
        listing=await fresh.listing(),
        backend=await fresh.backend_name(),
    )
asyncio.run(main())
"""
REMOVE = """
async def main():
    keys = Credentials()
    say(found=(await attempt(keys.get("acme", HOME)))["value"] is not None)
    say(removed=await keys.remove("acme", HOME), again=await keys.remove("acme", HOME))
    say(gone=(await attempt(keys.get("acme", HOME)))["value"], listing=await keys.listing())
asyncio.run(main())
"""
ASK = """
async def main():
    keys = Credentials(allow_insecure="ALLOW" in os.environ)
    say(get=await attempt(keys.get("acme", HOME)))
    keys.refresh()
    say(set=await attempt(keys.set("acme", HOME, KEY)))
    keys.refresh()
    say(get=await attempt(keys.get("acme", HOME)), name=keys.known_backend)
asyncio.run(main())
"""


def codes(said: list[dict[str, Any]]) -> list[str | None]:
    return [next(iter(line.values())).get("code") for line in said]


def test_a_key_is_stored_for_its_origin_found_by_the_next_process_and_removed(desktop: Any) -> None:
    ran = desktop.run(ROUND_TRIP)
    assert ran.said[0] == {"missing": None}
    assert ran.said[1] == {
        "same": True,
        "elsewhere": None,
        "other": None,
        "listing": ["acme"],
        "backend": "Secret Service",
    }
    index = desktop.base / "polypilot-data" / "keys.json"
    assert stat.S_IMODE(index.stat().st_mode) == 0o600
    assert "acme" in index.read_text(encoding="utf-8")
    assert desktop.found_on_disk(*PLAIN) == []
    removed = desktop.run(REMOVE)
    assert removed.said == [
        {"found": True},
        {"removed": True, "again": False},
        {"gone": None, "listing": []},
    ]
    assert KEY not in ran.out + ran.err + removed.out + removed.err  # the log is at debug


def test_another_program_of_the_same_user_can_read_an_unlocked_keyring(
    desktop: Any, require_system: Callable[[str, str], str], pytestconfig: pytest.Config
) -> None:
    """Keeps the documentation honest: the keyring is no protection from the user's own programs."""
    tool = require_system("secret-tool", "libsecret-tools")
    desktop.run(ROUND_TRIP)
    found = subprocess.run(
        [tool, "search", "--all", "service", "polypilot"],
        env=desktop.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        encoding="utf-8",
    )
    assert f"secret = {KEY}" in found.stdout
    page = (pytestconfig.rootpath / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert "any other program that runs as you can read" in " ".join(page.split())


def test_without_a_bus_there_is_no_keyring(session: Any) -> None:
    ran = session.run(ASK)
    assert codes(ran.said) == ["keyring_absent"] * 3
    assert "keyring" in ran.said[0]["get"]["cure"] or "Install" in ran.said[0]["get"]["cure"]
    dead = session.run(ASK, DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent/bus")
    assert codes(dead.said) == ["keyring_absent"] * 3
    assert session.found_on_disk(*PLAIN) == []


def test_a_keyring_that_nobody_ever_unlocked(session: Any) -> None:
    session.start_bus()
    ran = session.run(ASK)
    session.pid()  # the bus has started a daemon; it is ended with the session
    assert codes(ran.said) == ["keyring_locked"] * 3
    assert "prompt" in ran.said[0]["get"]["message"]


def test_a_locked_keyring(desktop: Any) -> None:
    desktop.run(ROUND_TRIP)
    desktop.lock()
    ran = desktop.run(ASK)
    assert codes(ran.said) == ["keyring_locked"] * 3
    assert "locked" in ran.said[0]["get"]["message"]
    assert "nlock" in ran.said[0]["get"]["cure"]
    desktop.unlock("--replace")
    assert codes(desktop.run(ASK).said) == [None] * 3


MIDWAY = """
async def main():
    keys = Credentials()
    await keys.set("acme", HOME, KEY)
    say(got=(await attempt(keys.get("acme", HOME)))["value"] == KEY)
    sys.stdin.readline()
    say(cached=(await attempt(keys.get("acme", HOME))).get("value") == KEY)
    keys.refresh()
    say(dead=await attempt(keys.get("acme", HOME)))
    sys.stdin.readline()
    say(remembered=await attempt(keys.get("acme", HOME)))
    keys.refresh()
    say(back=(await attempt(keys.get("acme", HOME))).get("value") == KEY)
asyncio.run(main())
"""


def step(program: subprocess.Popen[str]) -> dict[str, Any]:
    assert program.stdout is not None
    return json.loads(program.stdout.readline())


def go_on(program: subprocess.Popen[str]) -> None:
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()


def test_a_daemon_that_is_killed_midway_and_comes_back(desktop: Any) -> None:
    with desktop.start(MIDWAY) as program:
        assert step(program) == {"got": True}
        desktop.signal(signal.SIGKILL, desktop.pid())
        go_on(program)
        assert step(program) == {"cached": True}
        dead = step(program)["dead"]
        assert dead["code"] in {"keyring_locked", "keyring_failed", "keyring_absent"}
        assert dead["cure"]
        desktop.unlock("--replace")
        go_on(program)
        assert step(program)["remembered"]["code"] == dead["code"]
        assert step(program) == {"back": True}
        program.communicate(timeout=30)
    assert program.returncode == 0


HUNG = """
async def main():
    keys = Credentials()
    ticks = 0
    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.05)
    ticking = asyncio.ensure_future(tick())
    say(first=await attempt(keys.get("acme", HOME)))
    say(second=await attempt(keys.get("acme", HOME)))
    say(set=await attempt(keys.set("acme", HOME, KEY)))
    ticking.cancel()
    say(ticks=ticks, at=time.time())
asyncio.run(main())
"""


def test_a_hung_daemon_costs_three_seconds_and_does_not_keep_the_process(desktop: Any) -> None:
    desktop.signal(signal.SIGSTOP, desktop.pid())
    ran = desktop.run(HUNG)
    assert codes(ran.said[:3]) == ["keyring_timeout"] * 3
    first, second = ran.said[0]["first"], ran.said[1]["second"]
    assert "3 s" in first["message"]
    # Bounded waits: the daemon never answers, so an unbounded one would end with the test.
    assert 2.9 <= first["seconds"] <= 15
    assert second["seconds"] <= 1.5
    assert ran.said[3]["ticks"] >= 10  # the event loop went on
    assert ran.seconds <= 45


LATE = """
async def main():
    keys = Credentials(timeout=0.5)
    say(first=await attempt(keys.get("acme", HOME)))
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            await asyncio.to_thread(thread.join, 30)
    say(ended=True)
    sys.stdin.readline()
    say(late=(await attempt(keys.get("acme", HOME))).get("value") == KEY)
asyncio.run(main())
"""


def test_an_answer_that_comes_late_is_used(desktop: Any) -> None:
    desktop.run(ROUND_TRIP)
    pid = desktop.pid()
    desktop.signal(signal.SIGSTOP, pid)
    with desktop.start(LATE) as program:
        assert step(program)["first"]["code"] == "keyring_timeout"
        desktop.signal(signal.SIGCONT, pid)
        assert step(program) == {"ended": True}
        desktop.signal(signal.SIGSTOP, pid)  # it can't be asked again
        go_on(program)
        assert step(program) == {"late": True}
        program.communicate(timeout=30)


# --- a backend that keeps keys as plain text


def test_an_installed_plaintext_backend_is_not_used(session: Any, keyrings_alt: Path) -> None:
    ran = session.run(ASK, PYTHONPATH=str(keyrings_alt))
    assert codes(ran.said) == ["keyring_insecure"] * 3
    assert "keyrings.alt" in ran.said[0]["get"]["message"]
    assert "allow_insecure" in ran.said[0]["get"]["cure"]
    assert session.found_on_disk(*PLAIN) == []


def test_a_plaintext_backend_that_the_environment_asks_for_is_not_used(
    desktop: Any, keyrings_alt: Path
) -> None:
    ran = desktop.run(ASK, PYTHONPATH=str(keyrings_alt), PYTHON_KEYRING_BACKEND=PLAINTEXT)
    assert codes(ran.said) == ["keyring_insecure"] * 3
    assert "PYTHON_KEYRING_BACKEND" in ran.said[0]["get"]["message"]
    assert desktop.found_on_disk(*PLAIN) == []


@pytest.mark.parametrize("chain", [True, False])
def test_beside_a_plaintext_backend_the_systems_keyring_is_used(
    desktop: Any, keyrings_alt: Path, *, chain: bool
) -> None:
    name = "keyring.backends.chainer.ChainerBackend" if chain else ""
    ran = desktop.run(ROUND_TRIP, PYTHONPATH=str(keyrings_alt), PYTHON_KEYRING_BACKEND=name)
    assert ran.said[1]["backend"] == "Secret Service"
    assert ran.said[1]["same"] is True
    assert desktop.found_on_disk(*PLAIN) == []


def test_a_locked_keyring_never_falls_back_to_plain_text(desktop: Any, keyrings_alt: Path) -> None:
    desktop.run(ROUND_TRIP)
    desktop.lock()
    ran = desktop.run(ASK, PYTHONPATH=str(keyrings_alt), ALLOW="1")
    assert codes(ran.said) == ["keyring_locked"] * 3
    assert desktop.found_on_disk(*PLAIN) == []


def test_a_user_who_insists_gets_plain_text_and_is_told_so(
    session: Any, keyrings_alt: Path
) -> None:
    ran = session.run(ASK, PYTHONPATH=str(keyrings_alt), ALLOW="1")
    assert ran.said[2]["get"]["value"] == KEY
    assert ran.said[2]["name"] == f"{PLAINTEXT}, not encrypted by the system"
    assert session.found_on_disk(*PLAIN)  # what the search of the other tests would have found


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        ("keyring.backends.null.Keyring", "keyring_absent"),
        ("keyring.backends.fail.Keyring", "keyring_absent"),
        ("no.such.Backend", "keyring_insecure"),
    ],
)
def test_backends_that_lose_keys_or_do_not_exist(desktop: Any, backend: str, code: str) -> None:
    ran = desktop.run(ASK, PYTHON_KEYRING_BACKEND=backend)
    assert codes(ran.said) == [code] * 3
    assert "PYTHON_KEYRING_BACKEND" in ran.said[0]["get"]["message"]
