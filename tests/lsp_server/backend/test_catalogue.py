"""Lists of models: asked for rarely, kept with their age, merged, and their changes told."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from polypilot import paths
from polypilot.backend.catalogue import Catalogue
from polypilot.backend.model_lists import DAY_S, Account, keep, load, updated
from polypilot.errors import register_secret
from polypilot.tasks import Tasks
from polypilot.workspace.documents import Position
from polypilot_providers.errors import AuthError, NetworkError, ProviderError
from polypilot_providers.testing import ScriptedServer, reply, stream
from polypilot_providers.types import ModelInfo

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.backend import Backend, Status
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

BEGIN = 1_790_000_000.0
"""2026-09-21."""
ENV = {"TEAM_KEY": "tk-0123456789abcdef"}


def listing(*ids: str, **more: object) -> list[Step]:
    """An answer with these models, in this order; ``more`` is told of the first."""
    data: list[dict[str, object]] = [{"id": each, "object": "model"} for each in ids]
    data[0] |= more
    return reply(200, json.dumps({"object": "list", "data": data}).encode())


def completing(text: str) -> list[Step]:
    """A completion of an OpenAI-compatible server."""
    events = [{"text": text}, {"text": "", "finish_reason": "stop"}]
    lines = [f"data: {json.dumps({'id': 'c', 'choices': [each]})}\n\n" for each in events]
    return stream(*(line.encode() for line in lines), b"data: [DONE]\n\n")


class World:
    """A supplier with a key, the user's settings, and a clock that the test sets."""

    def __init__(self, server: ScriptedServer, backends: Callable[..., Backend]) -> None:
        self.server = server
        self.now = BEGIN
        self.notices: list[str] = []
        self._open = backends
        self.settle()

    def settle(self, more: str = "", *, selected: str = "team", auth: str = "keyring") -> None:
        """Write the settings and open a backend with them."""
        jobs = "".join(
            f'[{job}]\nprovider = "{selected}"\nmodel = "coder"\n' for job in ("chat", "completion")
        )
        jobs += 'prefetch = "off"\n'
        row = (
            f'[providers.team]\nwire = "openai-chat"\ncompletion = "openai-completions"\n'
            f'base_url = "{self.server.url}/v1"\nauth = "{auth}"\nkey_env = ["TEAM_KEY"]\n'
        )
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(jobs + row + more, "utf-8")
        self.backend = self._open(env=ENV)
        self.backend.board.listen(self._hear)
        self.tasks = Tasks()
        self.catalogue = Catalogue(self.backend, self.tasks, lambda: self.now)

    def _hear(self, status: Status) -> None:
        self.notices += status.notices

    async def ids(self, **options: Any) -> list[str]:
        """The models shown, with what is marked of them."""
        found = await self.catalogue.listing("team", **options)
        return [f"{each.id} {each.state}".strip() for each in found.models]

    async def quiet(self) -> None:
        """Wait for what goes on in the background."""
        while running := [each for each in asyncio.all_tasks() if each.get_name() == "models"]:
            await asyncio.wait(running)

    @property
    def asked(self) -> int:
        """How often the supplier was asked for its list."""
        return sum(each.method == "GET" for each in self.server.requests)


@pytest.fixture
async def world(backends: Callable[..., Backend]) -> AsyncGenerator[World]:
    async with ScriptedServer(listing("coder", "talker")) as server:
        made = World(server, backends)
        yield made
        await made.tasks.aclose()


# --- what comes


async def test_a_list_that_repeats_the_key_leaves_no_trace_of_it(world: World) -> None:
    key = "canary-list-0123456789abcdef"
    register_secret(key)
    entries = [{"id": f"m-{key}"}, {"id": "c", "name": f"C {key}"}]
    world.server.play(reply(200, json.dumps({"data": entries}).encode()))
    assert key not in repr(await world.catalogue.listing("team"))
    world.settle()
    assert await world.ids() == ["c"]
    kept = [path for path in paths.cache_dir().rglob("*") if path.is_file()]
    assert kept
    assert not any(key in path.read_text("utf-8", "replace") for path in kept)


async def test_what_no_name_can_be_costs_that_alone(world: World) -> None:
    entries = [{"id": "a\ud800"}, {"id": "b\nrow"}, {"id": "c", "name": "C\udfff\x1b[2J"}]
    world.server.play(reply(200, json.dumps({"data": entries}).encode()))
    (only,) = (await world.catalogue.listing("team")).models
    assert only.id == "c"
    assert only.name is not None
    assert only.name.isprintable()
    world.settle()
    assert (await world.ids(), world.asked) == (["c"], 1), "it is kept"


# --- kept, with its age


async def test_a_list_is_asked_for_once_a_day(world: World) -> None:
    first = await world.catalogue.listing("team")
    assert ([each.id for each in first.models], first.read) == (["coder", "talker"], BEGIN)
    world.now += DAY_S - 1
    world.settle()  # another process finds it on the disk
    again = await world.catalogue.listing("team")
    assert (again.models, again.age, world.asked) == (first.models, DAY_S - 1, 1)
    world.now += 2
    assert (await world.catalogue.listing("team")).age == 0
    assert world.asked == 2
    await world.catalogue.listing("team", refresh=True)
    assert world.asked == 3


async def test_a_clock_that_was_set_back_makes_no_list_young(world: World) -> None:
    await world.ids()
    world.now -= 3600
    assert (await world.catalogue.listing("team")).read == world.now
    assert world.asked == 2


async def test_the_file_is_the_users_alone_and_holds_no_key(world: World) -> None:
    await world.ids()
    (file,) = (paths.cache_dir() / "models").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert ENV["TEAM_KEY"] not in file.read_text("utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b'{"version": 2}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (17 * 2**20),
    ],
)
async def test_a_damaged_file_is_no_list_and_is_replaced(world: World, damage: bytes) -> None:
    await world.ids()
    (file,) = (paths.cache_dir() / "models").iterdir()
    file.write_bytes(damage)
    assert await world.ids() == ["coder", "talker"]
    assert world.asked == 2
    assert json.loads(file.read_bytes())["read"] == BEGIN


async def test_a_list_of_another_account_in_its_place_is_no_list(world: World) -> None:
    await world.ids()
    (file,) = (paths.cache_dir() / "models").iterdir()
    tree = json.loads(file.read_bytes())
    file.write_text(json.dumps({**tree, "account": "work"}), "utf-8")
    await world.ids()
    assert world.asked == 2


async def test_a_disk_that_takes_nothing_costs_no_list(world: World) -> None:
    paths.cache_dir().parent.mkdir(parents=True, exist_ok=True)
    paths.cache_dir().write_text("a file where the folder belongs", "utf-8")
    assert await world.ids() == ["coder", "talker"]


async def test_each_account_has_a_list_of_its_own(world: World) -> None:
    await world.ids()
    world.settle('account = "work"\n')
    world.server.play(listing("another"))
    with pytest.raises(ProviderError):
        await world.ids()  # the key in the environment has no name
    whose = Account("team", world.server.url, "work")
    keep(updated(None, whose, [ModelInfo("another")], world.now))
    assert await world.ids() == ["another"]
    other = load(Account("team", world.server.url, ""))
    assert other is not None
    assert [each.info.id for each in other.models] == ["coder", "talker"]


async def test_a_server_without_a_key_is_always_asked(world: World) -> None:
    world.settle(auth="none")
    await world.ids()
    world.server.play(listing("fetched", "coder", "talker"))
    assert await world.ids() == ["fetched", "coder", "talker"]
    assert world.asked == 2


# --- the supplier can't be reached


async def test_the_old_list_stands_in_and_says_why(world: World) -> None:
    await world.ids()
    world.now += 2 * DAY_S
    world.server.play(reply(503, {"error": {"message": "out"}}))
    found = await world.catalogue.listing("team", refresh=True)
    assert [each.id for each in found.models] == ["coder", "talker"]
    assert found.age == 2 * DAY_S
    assert found.problem
    world.now += DAY_S
    world.server.play(listing("coder"))
    assert not (await world.catalogue.listing("team")).problem


async def test_a_refused_key_is_told_whatever_list_there_is(world: World) -> None:
    await world.ids()
    world.server.play(reply(401, {"error": {"message": "no"}}))
    with pytest.raises(AuthError):
        await world.ids(refresh=True)


async def test_without_any_list_the_failure_is_told(world: World) -> None:
    await world.server.__aexit__(None, None, None)
    with pytest.raises(NetworkError):
        await world.ids()


async def test_a_supplier_without_a_list_has_what_the_catalog_knows(world: World) -> None:
    world.settle('[[providers.team.models]]\nid = "known"\n')
    world.server.play(reply(404, {"error": {"message": "no such path"}}))
    found = await world.catalogue.listing("team")
    assert ([each.id for each in found.models], found.read) == (["known"], None)
    assert "gives no list" in found.problem
    world.settle()
    with pytest.raises(ProviderError):
        await world.ids()


# --- what comes and goes


async def test_models_that_came_or_went_are_marked_for_a_week(world: World) -> None:
    assert await world.ids() == ["coder", "talker"]
    world.now += DAY_S
    world.server.play(listing("coder-2", "coder"))
    assert await world.ids() == ["coder-2 new", "coder", "talker gone"]
    assert await world.ids(refresh=True) == ["coder-2 new", "coder", "talker gone"]
    world.now += 7 * DAY_S
    assert await world.ids() == ["coder-2", "coder"]
    world.server.play(listing("coder", "talker"))
    world.now += DAY_S
    assert await world.ids() == ["coder", "talker new", "coder-2 gone"]


# --- merged


async def test_live_facts_win_over_the_catalogs(world: World) -> None:
    world.settle(
        'prices = "openai"\n'
        '[[providers.team.models]]\nid = "gpt-5.6-luna"\nname = "Luna"\ncontext_tokens = 8000\n'
        'max_output_tokens = 500\nefforts = ["none", "low"]\nthinking = "optional"\nimages = true\n'
    )
    live = {"context_length": 9000, "shutdown_date": "2027-01-14"}
    world.server.play(listing("gpt-5.6-luna", "made-up", **live))
    known, unknown = (await world.catalogue.listing("team")).models
    assert (known.name, known.context_tokens, known.output_tokens) == ("Luna", 9000, 500)
    assert (known.shutdown_date, known.efforts) == ("2027-01-14", ("none", "low"))
    assert (known.images, known.tools, known.thinking, known.fim) == (True, True, True, True)
    assert f"{known.input_price} {known.output_price} {known.cache_read_price}" == "0.2 1.2 0.02"
    assert (unknown.tools, unknown.thinking, unknown.fim) == (None, None, None)
    assert unknown.input_price is None


async def test_the_embedded_models_are_our_own_list(world: World) -> None:
    found = await world.catalogue.listing("embedded")
    assert found.read is None
    assert found.models
    assert world.asked == 0


async def test_a_model_that_no_list_has_is_tried(world: World) -> None:
    await world.ids()
    world.server.play(completing("x = 1"))
    file = paths.config_file()
    file.write_text(file.read_text("utf-8").replace('"coder"', '"of-my-own"'), "utf-8")
    await world.backend.reload()
    world.backend.documents.open("untitled:1", "python", 1, "# one\n")
    assert await world.backend.complete("untitled:1", Position(1, 0))
    assert world.server.requests[-1].json["model"] == "of-my-own"


# --- in the background


async def test_an_old_list_is_given_at_once_and_renewed_behind_it(world: World) -> None:
    await world.ids()
    await world.catalogue.watch()
    world.now += DAY_S
    world.server.play(listing("coder", "coder-2"))
    assert await world.ids(wait=False) == ["coder", "talker"]
    await world.quiet()
    assert world.asked == 2
    assert await world.ids(wait=False) == ["coder", "coder-2 new", "talker gone"]
    # The selected model is still there: the change is all there is to tell.
    assert world.notices == ["models of team: new: coder-2; gone: talker"]


async def test_an_answer_renews_a_list_at_most_once_a_day(world: World) -> None:
    world.catalogue.answered("team")
    await world.quiet()
    assert world.asked == 0, "not before it is told to watch"
    await world.catalogue.watch()
    for _ in range(3):
        world.catalogue.answered("team")
        await world.quiet()
    assert world.asked == 1
    world.now += DAY_S
    world.server.play(reply(503, b""))
    for _ in range(3):
        world.catalogue.answered("team")
        await world.quiet()
    assert world.asked == 2, "a failure counts"
    assert world.notices == []


async def test_a_list_that_another_window_renewed_is_not_asked_for(world: World) -> None:
    await world.ids()
    await world.catalogue.watch()
    world.now += 3600
    world.catalogue.answered("team")
    await world.quiet()
    assert world.asked == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"selected": "embedded"},
        {"auth": "none"},
        {"more": "forwards = true\n[privacy]\nlocal_only = true\n"},
    ],
    ids=["not selected", "no key", "leaves the machine, which is not allowed"],
)
async def test_nobody_is_asked_unbidden(world: World, settings: dict[str, Any]) -> None:
    world.settle(**settings)
    await world.catalogue.watch()
    world.catalogue.answered("team")
    world.catalogue.answered("nobody")
    await world.quiet()
    assert world.asked == 0


async def test_a_real_answer_renews_the_list(world: World) -> None:
    await world.backend.warm()  # as a server does, and no command
    world.server.play(completing("x = 1"), listing("coder"))
    world.backend.documents.open("untitled:1", "python", 1, "# one\n")
    assert await world.backend.complete("untitled:1", Position(1, 0))
    await world.server.wait_for_requests(2)
    assert [each.method for each in world.server.requests] == ["POST", "GET"]


# --- the end of the model in use


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("2026-11-20", ["coder ends on 2026-11-20: choose another with `polypilot use`"]),
        ("2026-11-21", []),
        ("2026-09-21", ["coder ends on 2026-09-21: choose another with `polypilot use`"]),
        (
            "2026-09-20",
            ["coder is not served any more since 2026-09-20: choose another with `polypilot use`"],
        ),
    ],
)
async def test_the_end_of_the_model_in_use_is_told_once(
    world: World, end: str, told: list[str]
) -> None:
    world.server.play(listing("coder", shutdown_date=end))
    await world.ids()
    await world.catalogue.watch()
    await world.catalogue.look()
    assert world.notices == told
    assert world.asked == 1


async def test_a_model_in_use_that_is_gone_is_told(world: World) -> None:
    await world.ids()
    await world.catalogue.watch()
    world.now += DAY_S
    world.server.play(listing("talker"))
    world.catalogue.answered("team")
    await world.quiet()
    assert world.notices == [
        "models of team: gone: coder",
        "coder is not served any more: choose another with `polypilot use`",
    ]


async def test_what_the_catalog_knows_of_ends_needs_no_list(world: World) -> None:
    world.settle('[[providers.team.retired]]\nid = "coder"\ndate = "2026-08-01"\n')
    await world.catalogue.watch()
    assert world.notices == [
        "coder is not served any more since 2026-08-01: choose another with `polypilot use`"
    ]
    assert world.asked == 0
