"""Several keys of one supplier, from the settings to the wire."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import pytest

from polypilot.backend.checked import Checked
from polypilot.backend.status import Choice
from polypilot.settings import PrivacySettings
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots
from polypilot_providers.base import Secret
from polypilot_providers.errors import AuthError, PermissionDenied, QuotaExhausted
from polypilot_providers.http import HttpClient
from polypilot_providers.testing import ScriptedServer, reply, stream
from polypilot_providers.types import CompletionRequest, ModelInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot_providers.base import Provider

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
MODELS = reply(200, {"data": [{"id": "m"}]})
INSECURE = "[keyring]\nallow_insecure = true\n"


@pytest.fixture
def keyed(configure: Callable[..., Path]) -> Callable[..., Path]:
    """Settings with a row ``a`` that takes a key of the keyring, and ``more``."""

    def write(url: str, more: str = "") -> Path:
        file = configure(INSECURE + more, a=url)
        file.write_text(file.read_text("utf-8").replace('"none"', '"keyring"'), "utf-8")
        return file

    return write


def shown(server: ScriptedServer) -> list[str]:
    return [each.headers["authorization"].removeprefix("Bearer ") for each in server.requests]


async def store(backend: Backend, **keys: str) -> None:
    for account, key in keys.items():
        name = "" if account == "unnamed" else account
        await backend.credentials.set("a", backend.origin("a"), Secret(key), name)


async def test_another_account_is_asked_with_the_next_request(
    keyed: Callable[..., Path],
    backends: Callable[..., Backend],
    plain_keyring: dict[str, str],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    async with ScriptedServer(MODELS) as a:
        keyed(a.url)
        backend = backends(env=plain_keyring, roots=[folder])
        await store(backend, unnamed="key-unnamed", work="key-of-work", play="key-of-play")
        await backend.list_models("a")
        await backend.keys.use("a", "work")
        await backend.list_models("a")
        await backend.keys.use("a", "play", folder)
        await backend.list_models("a")
        assert backend.status.chat == Choice("a", "coder", "play")
        await backend.configure(roots=[tmp_path])
        await backend.list_models("a")
        await backend.keys.use("a", None)
        await backend.list_models("a")
        names = ["key-unnamed", "key-of-work", "key-of-play", "key-of-work", "key-unnamed"]
        assert shown(a) == names


async def test_a_named_key_that_is_not_stored_is_replaced_by_no_other(
    keyed: Callable[..., Path], backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    async with ScriptedServer(MODELS) as a:
        file = keyed(a.url, '[providers.a]\naccount = "work"\nkey_env = ["TEAM_API_KEY"]\n')
        text = file.read_text("utf-8").replace("[providers.a]\naccount", "account")
        file.write_text(text.replace(INSECURE, "") + INSECURE, "utf-8")
        backend = backends(env={**plain_keyring, "TEAM_API_KEY": "key-of-the-environment"})
        assert not backend.loaded.problems
        await store(backend, unnamed="key-unnamed", play="key-of-play")
        with pytest.raises(AuthError, match="no key named 'work'") as caught:
            await backend.list_models("a")
        assert "polypilot auth set a --account work" in caught.value.cure
        checks = {each.check: each for each in await backend.doctor()}
        assert checks["key of a"].ok is False
        assert "--account work" in checks["key of a"].cure
        (state,) = [each for each in await backend.provider_states() if each.id == "a"]
        assert (state.account, state.key_stored) == ("work", False)
        assert a.requests == []
        await store(backend, work="key-of-work")
        await backend.list_models("a")
        (state,) = [each for each in await backend.provider_states() if each.id == "a"]
        assert state.key_stored is True
        checks = {each.check: each for each in await backend.doctor()}
        assert checks["key of a"].ok is True
        assert "'work'" in checks["key of a"].detail
        assert shown(a) == ["key-of-work"]


async def test_a_locked_keyring_names_the_key_that_was_wanted(
    keyed: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = keyed("http://127.0.0.1:9")
    backend = backends(env={"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"})
    await backend.keys.use("a", "work")
    assert file.exists()
    with pytest.raises(AuthError, match="the key 'work' of a can't be read"):
        await backend.list_models("a")


async def test_a_key_is_checked_that_is_not_the_one_in_use(
    keyed: Callable[..., Path], backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    async with ScriptedServer(MODELS) as a:
        keyed(a.url)
        backend = backends(env=plain_keyring)
        await store(backend, unnamed="key-unnamed", work="key-of-work")
        assert await backend.keys.check("a", "work") == "1 model"
        assert await backend.keys.check("a") == "1 model"
        assert await backend.keys.check("a", "") == "1 model"
        assert shown(a) == ["key-of-work", "key-unnamed", "key-unnamed"]
        with pytest.raises(AuthError, match="'play'"):
            await backend.keys.check("a", "play")


async def test_a_variable_does_not_pass_for_a_named_key_that_is_checked(
    keyed: Callable[..., Path], backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    async with ScriptedServer(MODELS) as a:
        file = keyed(a.url)
        row = 'auth = "keyring"\nkey_env = ["TEAM_API_KEY"]'
        file.write_text(file.read_text("utf-8").replace('auth = "keyring"', row), "utf-8")
        backend = backends(env={**plain_keyring, "TEAM_API_KEY": "key-of-the-environment"})
        with pytest.raises(AuthError, match="'work'"):
            await backend.keys.check("a", "work")
        assert a.requests == []
        await backend.keys.check("a")
        assert shown(a) == ["key-of-the-environment"]


async def test_where_a_token_proves_the_key_the_selected_model_is_asked(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    async with ScriptedServer(stream(*say("x"))) as a:
        file = configure(a=a.url)
        text = file.read_text("utf-8")
        for by, path in (("chat", "/v1/chat/completions"), ("completion", "/v1/completions")):
            file.write_text(f'{text}check = "{by}"\n', "utf-8")
            backend = backends()
            if by == "completion":
                piece = b'data: {"choices":[{"index":0,"text":"x","finish_reason":"stop"}]}\n\n'
                a.play(stream(piece, b"data: [DONE]\n\n"))
            assert await backend.keys.check("a") == "coder answers"
            assert (a.requests[-1].path, a.requests[-1].json["model"]) == (path, "coder")


# --- tokens by command


@pytest.fixture
def commanded(configure: Callable[..., Path], tmp_path: Path) -> Callable[[str], Path]:
    """Settings with a row ``a`` whose command counts its tokens; the file it counts in."""

    def write(url: str) -> Path:
        count = tmp_path / "count"
        program = f'echo x >> "{count}"; echo "token-$(wc -l < "{count}")"'
        command = f'"command"\ncommand = {json.dumps(["sh", "-c", program])}'
        file = configure(a=url)
        file.write_text(file.read_text("utf-8").replace('"none"', command), "utf-8")
        return count

    return write


async def test_a_refused_token_is_forgotten_by_whatever_was_asked(
    commanded: Callable[[str], Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(MODELS) as a:
        commanded(a.url)
        backend = backends()

        async def complete() -> None:
            provider = await backend.provider("a")
            async with aclosing(provider.complete(CompletionRequest("m", "x"))) as events:
                async for _ in events:
                    pass

        for ask in (complete, lambda: backend.list_models("a"), lambda: backend.keys.check("a")):
            await backend.reload()
            a.play(MODELS)
            await backend.list_models("a")
            a.play(reply(401), MODELS)
            with pytest.raises(AuthError):
                await ask()
            await backend.list_models("a")
            before, refused, after = shown(a)[-3:]
            assert before == refused != after


@pytest.mark.parametrize(("status", "kind"), [(403, PermissionDenied), (402, QuotaExhausted)])
async def test_what_is_no_fault_of_the_token_does_not_forget_it(
    commanded: Callable[[str], Path],
    backends: Callable[..., Backend],
    status: int,
    kind: type[Exception],
) -> None:
    async with ScriptedServer(reply(status), MODELS) as a:
        commanded(a.url)
        backend = backends()
        with pytest.raises(kind):
            await backend.list_models("a")
        await backend.list_models("a")
        assert len(set(shown(a))) == 1


async def test_a_supplier_that_refuses_every_token_is_not_asked_by_a_storm_of_commands(
    commanded: Callable[[str], Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(401)) as a:
        count = commanded(a.url)
        backend = backends()
        for _ in range(10):
            with pytest.raises(AuthError):
                await backend.list_models("a")
        assert len(count.read_text("utf-8").splitlines()) == 2
        assert len(a.requests) == 10


class Plugged:
    """A provider from another package, as the protocol has it: without a check."""

    id = "plug"
    local = True

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("x"), ModelInfo("y")]

    async def aclose(self) -> None:
        """Nothing."""


async def test_a_plugin_without_a_check_is_asked_for_its_models() -> None:
    gate = Gate(Roots(()), PrivacySettings(), DocumentStore())
    checked = Checked(cast("Provider", Plugged()), HttpClient(), gate)
    assert await checked.check() == "2 models"
    await checked.aclose()
