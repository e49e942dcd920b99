"""Token commands: real programs, started as a user's config.toml names them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from polypilot.backend import tokens
from polypilot.backend.tokens import TokenCommands
from polypilot.errors import redact
from polypilot_providers.errors import AuthError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are shell scripts")


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Writes an executable shell script."""

    def write(body: str, name: str = "mint", folder: Path | None = None) -> Path:
        path = (folder or tmp_path) / name
        path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
        path.chmod(0o755)
        return path

    return write


async def test_a_token_is_reused_until_it_may_be_old(
    script: Callable[..., Path], tmp_path: Path
) -> None:
    now = [0.0]
    minting = TokenCommands(lambda: now[0])
    count = tmp_path / "count"
    command = [str(script(f'echo x >> "{count}"; echo "token-$1-$(wc -l < "{count}")"')), "az"]
    first = await minting.token("p", command)
    assert first.reveal() == "token-az-1"
    assert "token-az-1" not in redact("got token-az-1")
    both = await asyncio.gather(minting.token("p", command), minting.token("p", command))
    assert [each.reveal() for each in both] == ["token-az-1", "token-az-1"]
    now[0] = tokens.LIFETIME_S
    assert (await minting.token("p", command)).reveal() == "token-az-2"
    minting.forget()
    assert (await minting.token("p", command)).reveal() == "token-az-3"


async def test_what_a_command_prints_that_was_forgotten_meanwhile_is_not_kept(
    script: Callable[..., Path], tmp_path: Path
) -> None:
    held, count = tmp_path / "held", tmp_path / "count"
    os.mkfifo(held)
    command = [
        str(
            script(
                f'echo x >> "{count}"; [ -p "{held}" ] && cat "{held}"\n'
                f'echo "token-$(wc -l < "{count}")"'
            )
        )
    ]
    minting = TokenCommands()
    asking = asyncio.ensure_future(minting.token("p", command))
    # Opens when the command reads.
    end = await asyncio.get_running_loop().run_in_executor(None, lambda: os.open(held, os.O_WRONLY))
    minting.forget()
    held.unlink()
    os.close(end)
    assert (await asking).reveal() == "token-1"  # for who asked before
    assert (await minting.token("p", command)).reveal() == "token-2"
    assert (await minting.token("p", command)).reveal() == "token-2"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("echo a-secret-thing; exit 3", "exit status 3"),
        ("true", "printed no token"),
        ("echo one-line; echo another-line", "printed no token"),
        (r"printf 'esc\033[31mape'", "printed no token"),
        ("echo 'two words' | tr ' ' '\\240'", "printed no token"),
        ("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", "printed no token"),
    ],
    ids=["fails", "silent", "two-lines", "control-characters", "not-ascii", "endless"],
)
async def test_what_is_no_token_is_refused_without_quoting_it(
    script: Callable[..., Path], body: str, told: str
) -> None:
    with pytest.raises(AuthError, match="mint") as caught:
        await TokenCommands().token("p", [str(script(body))])
    assert told in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.cure


async def test_a_command_that_waits_is_ended_with_its_children(
    script: Callable[..., Path], tmp_path: Path
) -> None:
    """Cancelled, as when the user gives up; the limit takes the same way."""
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    path = script(f'sleep 600 &\necho "$!" > "{ready}"\nwait')
    asking = asyncio.ensure_future(TokenCommands().token("p", [str(path)]))
    reader = asyncio.get_running_loop().run_in_executor(None, ready.read_text, "utf-8")
    child = psutil.Process(int(await reader))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gone, _ = await asyncio.get_running_loop().run_in_executor(
        None, lambda: psutil.wait_procs([child], timeout=10)
    )
    assert gone or child.status() == psutil.STATUS_ZOMBIE


async def test_a_command_that_takes_too_long_is_told_and_ended(
    script: Callable[..., Path],
) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(AuthError, match="took longer") as caught:
            await TokenCommands(within=0.1).token("p", [str(script("sleep 600"))])
    assert "sign in" in caught.value.cure


async def test_no_command_and_an_unknown_one_are_told_with_a_cure() -> None:
    for command in ([], ["polypilot-no-such-command"], ["/no/such/command"]):
        with pytest.raises(AuthError) as caught:
            await TokenCommands().token("p", command)
        assert "config.toml" in caught.value.cure


async def test_what_can_not_be_started_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mint"
    path.write_bytes(b"\x7fELF is not what follows")
    path.chmod(0o755)
    with pytest.raises(AuthError, match="could not be started"):
        await TokenCommands().token("p", [str(path)])


async def test_a_program_of_the_current_folder_is_not_run(
    script: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository, programs = tmp_path / "repository", tmp_path / "programs"
    for folder in (repository, programs):
        folder.mkdir()
    script("echo from-the-repository", folder=repository)
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", os.pathsep.join(("", ".", str(programs), "/usr/bin", "/bin")))
    for command in ("mint", "./mint"):
        with pytest.raises(AuthError, match="not found"):
            await TokenCommands().token("p", [command])
    script("echo from-the-path; echo $PWD >&2", folder=programs)
    assert (await TokenCommands().token("p", ["mint"])).reveal() == "from-the-path"


async def test_it_runs_in_the_home_folder(
    script: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script("pwd -P")
    home = Path(os.environ["HOME"]).resolve()  # noqa: ASYNC240 - the test may
    assert (await TokenCommands().token("p", [str(path)])).reveal() == str(home)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    here = os.getcwd()  # noqa: PTH109 - asked of the system, as `pwd -P` does
    assert (await TokenCommands().token("p", [str(path)])).reveal() == str(here)
