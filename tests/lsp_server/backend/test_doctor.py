"""The doctor on machines where something is wrong: it says which link, and how to mend it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.backend import doctor
from polypilot_prompts import syntax_grammars
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
        assert (await look(backend, online=True))["reach a"].detail == "answers: 1 model"
        configure(a=NOWHERE)
        await backend.reload()
        assert (await look(backend, online=True))["reach a"].ok is False


async def test_a_key_in_the_environment_is_named(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure()
    file.write_text(file.read_text("utf-8").replace("embedded", "openai"), "utf-8")
    backend = backends(env={"OPENAI_API_KEY": "k" * 20})
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


async def test_the_grammars_are_named(
    backends: Callable[..., Backend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = backends()
    found = (await look(backend))["syntax"]
    assert found.ok is True
    assert {"python", "go"} <= set(found.detail.removeprefix("grammars for ").split(", "))
    # without the runtime
    (tmp_path / "tree_sitter.py").write_text("raise ImportError", "utf-8")
    for name in [name for name in sys.modules if name.startswith("tree_sitter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    syntax_grammars.forget()
    try:
        none = (await look(backend))["syntax"]
    finally:
        syntax_grammars.forget()
    assert none.ok is None
    assert "polypilot[syntax]" in none.cure


async def test_a_data_folder_that_is_a_file(backends: Callable[..., Backend]) -> None:
    backend = backends()
    folder = paths.data_dir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder", encoding="utf-8")
    assert (await look(backend))["data folder"].ok is False


@pytest.mark.skipif(sys.platform == "win32", reason="PATH is taken as POSIX writes it")
async def test_a_program_that_editors_find_and_one_they_do_not(
    backends: Callable[..., Backend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = backends()
    monkeypatch.setenv("PATH", str(tmp_path))
    lost = (await look(backend))["program"]
    assert lost.ok is None
    assert os.path.dirname(sys.executable) in lost.cure  # noqa: PTH120 - strings, as the cure has them
    program = tmp_path / "polypilot"
    program.touch(0o755)
    assert str(program) in (await look(backend))["program"].detail


async def test_a_provider_whose_row_must_not_be_used_is_told_and_not_asked(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(200, {"data": []})) as a:
        configure('api_key = "sk-proj-1234567890abcdefghijkl"\n', a=a.url)
        checks = await look(backends(), online=True)
        assert checks["provider a"].ok is False
        assert checks["provider a"].cure
        assert "1234567890" not in repr(checks)
        assert a.requests == []


async def test_a_key_that_is_stored_and_one_that_is_not(
    configure: Callable[..., Path], backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    file = configure("[keyring]\nallow_insecure = true\n", a=NOWHERE)
    file.write_text(file.read_text("utf-8").replace('"none"', '"keyring"'), "utf-8")
    backend = backends(env=plain_keyring)
    missing = await look(backend)
    assert missing["keyring"].ok is True
    assert missing["key of a"].ok is False
    assert "polypilot auth set a" in missing["key of a"].cure
    await backend.credentials.set("a", backend.origin("a"), "a-key-of-the-team")
    stored = (await look(backend))["key of a"]
    assert stored.ok is True
    assert NOWHERE in stored.detail
    assert "a-key-of" not in stored.detail


async def test_the_embedded_model_is_there_is_not_or_can_not_run(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure()
    backend = backends()
    absent = await look(backend, online=True)
    assert absent["embedded model"].ok is False
    assert "pull" in absent["embedded model"].cure
    assert absent["reach embedded"].ok is True
    configure(f'[embedded]\nmodel_file = "{model_file.as_posix()}"\n')
    await backend.reload()
    present = await look(backend)
    assert present["embedded model"].ok is True
    assert str(model_file) in present["embedded model"].detail
    models = await backend.list_models("embedded")
    assert models[0].id == backend.embedded_model.id == backend.target("chat").model
    assert len({each.id for each in models}) == len(models) > 1
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as where the extra is not installed
    assert (await look(backend))["embedded runtime"].ok is False


@pytest.mark.skipif(sys.platform != "linux", reason="a file system without room")
async def test_a_full_disk_matters_to_those_who_use_the_embedded_model(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POLYPILOT_DATA_DIR", "/proc/none")
    configure(a=NOWHERE)
    backend = backends()
    assert (await look(backend))["disk"].ok is None
    configure()
    await backend.reload()
    assert (await look(backend))["disk"].ok is False


async def test_a_look_that_fails_is_told_and_does_not_end_the_others() -> None:
    def broken() -> Check:
        raise PermissionError(13, "not yours")

    check = await doctor._ground("somewhere", broken)  # pyright: ignore[reportPrivateUsage] - there is no public way to see or bring about this
    assert (check.check, check.ok) == ("somewhere", False)
    assert check.detail
