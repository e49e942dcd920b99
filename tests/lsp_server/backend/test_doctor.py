"""The doctor on machines where something is wrong: it says which link, and how to mend it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot_providers.testing import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend, Check

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
NOWHERE = "http://127.0.0.1:9"


async def look(backend: Backend, *, online: bool = False) -> dict[str, Check]:
    return {each.check: each for each in await backend.doctor(online=online)}


async def test_every_bad_link_has_a_cure_and_nothing_leaves_the_machine(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(200, {"data": [{"id": "m"}]})) as a:
        configure('auth = "keyring"\n', a=a.url)
        text = paths.config_file().read_text("utf-8").replace('auth = "none"\n', "")
        paths.config_file().write_text(text, "utf-8")
        checks = await look(backends())
        assert checks["key of a"].ok is False
        assert checks["keyring"].ok is False
        assert all(each.cure for each in checks.values() if each.ok is False)
        assert a.requests == []


async def test_online_the_chosen_are_asked(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(200, {"data": [{"id": "m"}]})) as a:
        configure(a=a.url)
        backend = backends()
        assert (await look(backend, online=True))["reach a"].detail == "answers, 1 models"
        configure(a=NOWHERE)
        await backend.reload()
        assert (await look(backend, online=True))["reach a"].ok is False


async def test_a_key_in_the_environment_is_named(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure()
    file.write_text(file.read_text("utf-8").replace("embedded", "openai"), "utf-8")
    backend = backends()
    backend._pool._env = {"OPENAI_API_KEY": "k" * 20}  # pyright: ignore[reportPrivateUsage]
    check = (await look(backend))["key of openai"]
    assert check.ok is True
    assert "OPENAI_API_KEY" in check.detail
    assert "k" * 20 not in repr(check)


@pytest.mark.parametrize(("command", "ok"), [('["echo", "tok-en"]', True), ('["false"]', False)])
async def test_a_token_command_is_tried(
    configure: Callable[..., Path], backends: Callable[..., Backend], command: str, *, ok: bool
) -> None:
    file = configure(a=NOWHERE)
    text = file.read_text("utf-8").replace('"none"', f'"command"\ncommand = {command}')
    file.write_text(text, "utf-8")
    check = (await look(backends()))["key of a"]
    assert check.ok is ok
    assert "tok-en" not in check.detail


async def test_a_provider_that_is_not_there_does_not_end_the_look(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    file = configure(a=NOWHERE)
    file.write_text(file.read_text("utf-8").replace('"a"', '"gone"', 1), "utf-8")
    backend = backends(roots=[tmp_path])
    checks = await look(backend)
    assert checks["settings"].ok is False
    assert checks["workspace"].ok is None
    await backend.set_trust(str(tmp_path), trusted=True)
    assert (await look(backend))["workspace"].ok is True
    await backend.set_trust(str(tmp_path), trusted=False)
    assert not backend.status.trusted


async def test_a_data_folder_that_is_a_file(backends: Callable[..., Backend]) -> None:
    backend = backends()
    folder = paths.data_dir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder")
    assert (await look(backend))["data folder"].ok is False


@pytest.mark.skipif(sys.platform == "win32", reason="PATH is taken as POSIX writes it")
async def test_a_program_that_editors_find_and_one_they_do_not(
    backends: Callable[..., Backend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = backends()
    monkeypatch.setenv("PATH", str(tmp_path))
    lost = (await look(backend))["program"]
    assert lost.ok is None
    assert os.path.dirname(sys.executable) in lost.cure  # noqa: PTH120
    program = tmp_path / "polypilot"
    program.touch(0o755)
    assert str(program) in (await look(backend))["program"].detail
