"""Token commands: real programs, started as a user's config.toml names them."""

from __future__ import annotations

import asyncio
import json
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

    Mint = Callable[[dict[str, object]], list[str]]

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


class Clocks:
    """A monotonic clock and one on the wall, which are set apart."""

    def __init__(self) -> None:
        self.passed, self.wall = 0.0, 1_795_000_000.0

    def sleep(self, seconds: float, *, asleep: bool = False) -> None:
        """Time goes by; while the machine is asleep the monotonic clock may stand."""
        self.passed += 0 if asleep else seconds
        self.wall += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def minting(clocks: Clocks) -> TokenCommands:
    return TokenCommands(lambda: clocks.passed, lambda: clocks.wall)


@pytest.fixture
def mint(script: Callable[..., Path], tmp_path: Path) -> Mint:
    """A command that counts its tokens and prints them as JSON with these fields."""

    def write(fields: dict[str, object]) -> list[str]:
        count, more = tmp_path / "count", json.dumps(fields)[1:-1]
        body = f"""
            echo x >> "{count}"
            printf '{{"access_token": "token-%s", %s}}' "$(wc -l < "{count}")" '{more}'
        """
        return [str(script(body))]

    return write


async def test_a_token_is_renewed_a_minute_before_it_ends(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    command = mint({"expires_in": 1000})
    assert (await minting.token("p", command)).reveal() == "token-1"
    clocks.sleep(939)
    assert (await minting.token("p", command)).reveal() == "token-1"
    clocks.sleep(1)
    assert (await minting.token("p", command)).reveal() == "token-2"


@pytest.mark.parametrize("asleep", [False, True])
async def test_a_machine_that_slept_does_not_use_what_has_ended(
    minting: TokenCommands, clocks: Clocks, mint: Mint, *, asleep: bool
) -> None:
    says: list[dict[str, object]] = [{"expires_in": 1000}, {"says": "nothing of its end"}]
    for number, fields in zip((1, 3), says, strict=True):
        command = mint(fields)
        assert (await minting.token("p", command)).reveal() == f"token-{number}"
        clocks.sleep(8 * 3600, asleep=asleep)
        assert (await minting.token("p", command)).reveal() == f"token-{number + 1}"
        minting.forget()


async def test_a_clock_that_is_set_back_does_not_prolong_a_token(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    command = mint({"expires_on": clocks.wall + 1000})
    await minting.token("p", command)
    clocks.wall -= 86_400
    clocks.sleep(940)
    assert (await minting.token("p", command)).reveal() == "token-2"


async def test_with_a_clock_that_is_late_a_token_is_kept_for_an_hour_at_most(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    command = mint({"expires_on": clocks.wall + 86_400})
    await minting.token("p", command)
    clocks.sleep(tokens.LONGEST_S - 1)
    assert (await minting.token("p", command)).reveal() == "token-1"
    clocks.sleep(1)
    assert (await minting.token("p", command)).reveal() == "token-2"


async def test_a_clock_that_is_early_does_not_keep_a_token_from_being_used(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    """Whether it has ended is the supplier's to say. It is not kept."""
    command = mint({"expires_on": clocks.wall - 10})
    assert (await minting.token("p", command)).reveal() == "token-1"
    assert (await minting.token("p", command)).reveal() == "token-2"


async def test_of_a_token_that_ends_soon_half_the_rest_is_used(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    command = mint({"expires_in": 40})
    await minting.token("p", command)
    clocks.sleep(19)
    assert (await minting.token("p", command)).reveal() == "token-1"
    clocks.sleep(1)
    assert (await minting.token("p", command)).reveal() == "token-2"


async def test_a_refused_token_is_asked_for_again_once(
    minting: TokenCommands, clocks: Clocks, mint: Mint
) -> None:
    command = mint({"expires_in": 3600})
    minting.refused(command)  # nothing to forget
    assert (await minting.token("p", command)).reveal() == "token-1"
    for _ in range(2):  # two requests with the same token
        minting.refused(command)
    assert (await minting.token("p", command)).reveal() == "token-2"
    minting.refused(command)
    assert (await minting.token("p", command)).reveal() == "token-2"
    clocks.sleep(tokens.AGAIN_S)
    minting.refused(command)
    assert (await minting.token("p", command)).reveal() == "token-3"
    minting.forget()  # the user has done something
    assert (await minting.token("p", command)).reveal() == "token-4"
    minting.refused(command)
    assert (await minting.token("p", command)).reveal() == "token-5"


async def test_neither_the_token_nor_what_is_around_it_reaches_a_log(
    minting: TokenCommands, mint: Mint
) -> None:
    command = mint({"refresh_token": "another-secret-thing"})
    token = (await minting.token("p", command)).reveal()
    assert token not in redact(f"got {token}")


@pytest.mark.parametrize(
    ("name", "wants"),
    [
        ("op", "1Password"),
        ("az", "az login"),
        ("gcloud", "gcloud auth login"),
        ("AWS", "sso login"),
    ],
)
@pytest.mark.parametrize("body", ["exit 1", "sleep 600"])
async def test_what_a_known_program_wants_is_told(
    script: Callable[..., Path], name: str, wants: str, body: str
) -> None:
    limit = 10 if body == "exit 1" else 0.1
    async with asyncio.timeout(30):
        with pytest.raises(AuthError) as caught:
            await TokenCommands(within=limit).token("p", [str(script(body, name=name)), "read"])
    assert wants in caught.value.cure


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
    # Never where the process is, which may be a repository.
    assert (await TokenCommands().token("p", [str(path)])).reveal() == "/"
