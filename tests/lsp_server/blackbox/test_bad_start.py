"""Whatever is broken around it, the server starts, stays up, and says what to do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot_providers.testing import ScriptedServer

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "


def _no_config_folder(editor: Any) -> None:
    editor.config.unlink(missing_ok=True)
    editor.config.parent.rmdir()
    editor.config.parent.write_text("a file, not a folder", "utf-8")


def _no_home(editor: Any) -> None:
    """A home that neither exists nor can be made. Without the variable at all, the user
    database would name the real home of whoever runs the tests."""
    for name in (
        "POLYPILOT_CONFIG_DIR",
        "POLYPILOT_DATA_DIR",
        "POLYPILOT_CACHE_DIR",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
    ):
        editor.env.pop(name, None)
    (editor.home / "file").write_text("not a folder", "utf-8")
    editor.env["HOME"] = str(editor.home / "file" / "home")


BROKEN: dict[str, Callable[[Any], object]] = {
    "no settings": lambda e: e.config.unlink(missing_ok=True),
    "settings are not TOML": lambda e: e.settings("[completion\nprovider ="),
    "settings are not UTF-8": lambda e: e.config.write_bytes(b"\xff\xfe[x]\x00"),
    "settings are a folder": lambda e: e.config.mkdir(),
    "settings have wrong types": lambda e: e.settings("completion = 7\n[chat]\nprovider = 3\n"),
    "an unknown provider": lambda e: e.settings('[completion]\nprovider = "nosuch"\n'),
    "an unreachable endpoint": lambda e: e.team("http://127.0.0.1:9"),
    "an address nobody can use": lambda e: e.team("gopher://nowhere"),
    "no home": _no_home,
    "a config folder that is a file": _no_config_folder,
    "a data folder that is a file": lambda e: (e.home / "data").write_text("x", encoding="utf-8"),
    "SSL_CERT_FILE points nowhere": lambda e: e.env.update(SSL_CERT_FILE="/nowhere/ca.pem"),
    "a SOCKS proxy without its library": lambda e: e.env.update(ALL_PROXY="socks5://127.0.0.1:9"),
    "no D-Bus, no keyring": lambda e: e.env.update(DBUS_SESSION_BUS_ADDRESS="disabled:"),
    "a keyring backend that does not exist": lambda e: e.env.update(
        PYTHON_KEYRING_BACKEND="no.such.Backend"
    ),
    "an odd locale": lambda e: e.env.update(LANG="C", LC_ALL="C", PYTHONUTF8="0"),
    "a user's model file that is none": lambda e: e.settings(
        f'[embedded]\nmodel_file = "{e.config}"\n'
    ),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda name: name.replace(" ", "-"))
async def test_it_starts_stays_up_and_explains(editor: Any, broken: str) -> None:
    BROKEN[broken](editor)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) is None
    status = await editor.status()
    assert status["state"] in {"needsModel", "needsKey", "error"}, status
    assert status["error"]["message"]
    assert status["error"]["cure"]
    chat = await editor.ask("polypilot/chat/send", {"text": "hi"})
    problem = chat.get("error", {}).get("data") or chat["result"]["error"]
    assert problem["code"]
    checks = await editor.result("polypilot/doctor")
    bad = [each for each in checks if each["ok"] is False]
    # Without being asked to, the doctor does not knock at a supplier's door.
    assert bad or broken == "an unreachable endpoint"
    assert all(each.get("cure") for each in bad), bad
    assert b"Traceback" not in editor.stderr
    assert b"Traceback" not in editor.wire
    assert await editor.stop() == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can")
async def test_a_read_only_disk(editor: Any, supplier: ScriptedServer) -> None:
    """As another user, to whom nothing belongs: root may write everywhere."""
    editor.team(supplier.url)
    for folder in (editor.home, *editor.home.parents):
        if folder.owner() == "root" and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o555)
    editor.config.chmod(0o644)
    command = (
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        sys.executable,
        "-P",
        "-m",
        "polypilot.cli",
        "--stdio",
    )
    await editor.start(command=command)
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == "return a + b"
    chosen = await editor.ask("polypilot/select", {"for": "chat", "provider": "embedded"})
    assert chosen["error"]["data"]["code"] == "settings"
    assert await editor.stop() == 0


async def test_a_client_that_dies_takes_the_server_with_it(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    editor.process.stdin.close()
    code = await editor.process.wait()
    assert code in {0, 1}


async def test_big_and_binary_documents_are_carried_not_completed(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    big = editor.open("big.txt", "0123456789abcdef\n" * 3_000_000)
    small = editor.open("small.py", CODE)
    async with asyncio.timeout(60):
        # While the big one is taken in there may be no suggestion, but there is an answer.
        while await editor.suggestion(small, 1, 4) != "return a + b":
            pass
    assert await editor.suggestion(big, 3, 4, kind=2) is None
    binary = editor.open("blob.bin", "\x00\x01\x02" * 1000 + "\n")
    await editor.suggestion(binary, 0, 3, kind=2)
    assert await editor.suggestion(small, 1, 4) == "return a + b"
    assert await editor.stop() == 0


async def test_a_model_file_cut_short_is_told_with_its_cure(editor: Any, tmp_path: Path) -> None:
    del tmp_path
    models = editor.home / "data" / "models"
    models.mkdir(parents=True)
    (models / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf").write_bytes(b"GGUF" + b"\0" * 1000)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) is None
    status = await editor.status()
    assert status["state"] == "needsModel"
    assert "models pull" in status["error"]["cure"]


async def test_at_the_start_it_is_told_that_the_model_is_not_there(editor: Any) -> None:
    await editor.start()
    await editor.until(lambda: editor.of("polypilot/status"))
    first = editor.of("polypilot/status")[0]
    assert first["state"] == "needsModel"
    assert first["error"]["code"] == "needs_model"
    assert "models pull" in first["error"]["cure"]


async def test_what_is_wrong_with_the_settings_is_told_before_that(editor: Any) -> None:
    editor.settings("[no_such_table]\nvalue = 1\n[completion]\nprovider = 7\n")
    await editor.start()
    await editor.until(lambda: editor.of("polypilot/status"))
    assert editor.of("polypilot/status")[0]["error"]["code"] == "settings"


async def test_it_survives_a_stop_and_goes_on(editor: Any, supplier: ScriptedServer) -> None:
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    os.kill(editor.process.pid, signal.SIGSTOP)
    _, future = editor.complete(uri, 1, 4)
    os.kill(editor.process.pid, signal.SIGCONT)
    assert (await future)["result"]["items"][0]["insertText"] == "return a + b"
    assert not editor.of("window/showMessage")
