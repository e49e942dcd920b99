"""Requests of ours laid before the suppliers' own SDKs, and the same answers read by both.

The SDKs are imported when a test first asks for one: it takes a second each.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import ConfigDict, TypeAdapter

from polypilot_providers.catalog import example, rows
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import Request, ScriptedServer, key_of, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    FilePart,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    Tool,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Usage,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from polypilot_providers.base import Provider
    from polypilot_providers.catalog import ProviderRow, Wire
    from polypilot_providers.types import Effort, Event

KEY = "sk-test-the-key-of-this-supplier"

# --- what is asked

_TOOLS = (
    Tool(
        "read_file",
        "Reads a file.",
        {
            "type": "object",
            "properties": {"path": {"type": "string"}, "line": {"type": ["integer", "null"]}},
            "required": ["path"],
            "additionalProperties": False,
        },
    ),
    Tool("now", "Tells the time."),
)
_THOUGHTS = (
    ThoughtPart("Let me see.", signature="c2lnbmVk"),
    ThoughtPart(
        "And so on.",
        redacted=json.dumps(
            {
                "id": "rs_1",
                "encrypted_content": "c2VhbGVk",
                "summary": [{"type": "summary_text", "text": "And so on."}],
            }
        ),
    ),
)
_CALLS = (
    ToolCallPart("call_a1", "read_file", '{"path": "a.py"}', signature="c2lnbmVk"),
    ToolCallPart("call_b2", "now", "{}"),
)
_RESULTS = Message(
    "user",
    (ToolResultPart("call_a1", "x = 1"), ToolResultPart("call_b2", "no clock", is_error=True)),
)
_IMAGES = tuple(
    ImagePart(f"image/{kind}", b"\x89PNG\r\n\xff") for kind in ("png", "jpeg", "gif", "webp")
)
_PDF = FilePart("application/pdf", "paper.pdf", b"%PDF-1.7\xff\xfe")
_TEXT = FilePart("text/plain", "notes.txt", "Notizen: öß\n".encode())
_EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _after_tools(*before: TextPart | ThoughtPart, system: str = "") -> ChatRequest:
    called = Message("assistant", (*before, *_CALLS))
    return ChatRequest("", (user("Read it."), called, _RESULTS), system=system, tools=_TOOLS)


def _attached(*parts: ImagePart | FilePart) -> ChatRequest:
    return ChatRequest("", (Message("user", (TextPart("What is this?"), *parts)),))


_HELLO = ChatRequest("", (user("Hello, wörld \U0001f600"),))
CASES: dict[str, ChatRequest] = {
    "text": _HELLO,
    "system": replace(_HELLO, system="Be brief."),
    "talk": replace(_HELLO, messages=(user("1"), assistant("one"), user("2"))),
    "settings": replace(_HELLO, max_tokens=200, stop=("END", "\n\n"), temperature=0.25),
    "many stops": replace(_HELLO, stop=tuple("abcdefghijklmnopqrstuvwxyz")),
    "tools": replace(_HELLO, tools=_TOOLS),
    "tool results": _after_tools(TextPart("I read it.")),
    "calls alone": _after_tools(),
    "thoughts and tools": _after_tools(*_THOUGHTS, TextPart("I read it."), system="Be brief."),
    "thoughts": replace(
        _HELLO,
        messages=(user("1"), Message("assistant", (*_THOUGHTS, TextPart("one"))), user("2")),
    ),
    "images": _attached(*_IMAGES),
    "document": _attached(_PDF),
    "text document": _attached(_TEXT),
    "cache key": replace(_HELLO, system="Be brief.", cache_key="c-0123456789abcdef"),
    "completion": replace(_HELLO, completion=True, max_tokens=64, stop=("\n",)),
    "logprobs": replace(_HELLO, completion=True, effort="none", logprobs=True),
    **{f"effort {effort}": replace(_HELLO, effort=effort) for effort in _EFFORTS},
    "all": replace(
        _after_tools(*_THOUGHTS, TextPart("I read it."), system="Be brief."),
        max_tokens=4000,
        stop=("END",),
        temperature=0.25,
        effort="high",
        cache_key="c-0123456789abcdef",
    ),
}
FILL: dict[str, CompletionRequest] = {
    "between": CompletionRequest(
        "", "a = f(", "\n", max_tokens=64, stop=("\n", "\r"), temperature=0
    ),
    "at the end": CompletionRequest("", "a = f(", ""),
    "raw": CompletionRequest("", "<fim>a = f(", "", raw=True, stop=("</s>",)),
    "logprobs": CompletionRequest("", "a = f(", "\n", logprobs=True),
}


UNLISTED = "some-model"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``row``: each of the catalog's that speaks the wire its test is marked with."""
    marker = metafunc.definition.get_closest_marker("wire")
    if marker is not None:
        wire = cast("Wire", marker.args[0])
        found = [
            _over(row, wire)
            for row in rows({}).values()
            if wire in {row.wire, row.completion_wire, *(model.wire for model in row.models)}
        ]
        assert found
        metafunc.parametrize("row", found, ids=lambda row: row.id)


def pytest_configure(config: pytest.Config) -> None:
    """Our mark."""
    config.addinivalue_line("markers", "wire(name): runs for every row of the catalog with it")


def _models(row: ProviderRow, usual: str) -> list[str]:
    """The usual model, one of each kind that the row knows, and one that it does not."""
    kinds: dict[str, str] = {}
    for model in row.models:
        facts = model.model_dump(exclude={"id", "name", "notes", "shutdown_date"})
        kinds.setdefault(repr(facts), model.id)
    return [*dict.fromkeys([usual or UNLISTED, *kinds.values(), UNLISTED])]


def _over(row: ProviderRow, wire: Wire) -> ProviderRow:
    """What of the row goes over ``wire``: all of it, or some of its models."""
    usual = wire in {row.wire, row.completion_wire}
    models = tuple(
        model.model_copy(update={"wire": None})
        for model in row.models
        if (usual if model.wire is None else model.wire == wire)
    )
    default = {} if usual else {"chat_model": models[0].id, "completion_model": models[0].id}
    other = {"wire": wire, "completion_wire": None, "models": models}
    return row.model_copy(update={**other, **default})


# --- who is asked


@dataclass
class Loopback:
    """A server in a supplier's place, and one of our providers in front of it."""

    server: ScriptedServer
    http: HttpClient
    rows: dict[str, ProviderRow] = field(default_factory=lambda: rows({}))

    def play(self, answer: bytes) -> None:
        """Answer all coming requests with this stream."""
        self.server.play(stream(answer))

    def url(self, row: ProviderRow) -> str:
        """The row's base address, moved here."""
        _, _, path = example(row.base_url).partition("://")
        return f"{self.server.url}/{path.partition('/')[2]}".rstrip("/")

    def provider(self, row: ProviderRow) -> Provider:
        """The provider of a row, moved here."""
        return build(row, key_of(KEY), self.http, base_url=self.url(row))

    async def sent(
        self, row: ProviderRow, request: ChatRequest | CompletionRequest
    ) -> Request | None:
        """What our provider sends; None for what it says it can't."""
        before = len(self.server.requests)
        if request.logprobs and row.completion != "mistral-fim":  # Mistral's SDK has no such field
            row = row.model_copy(update={"logprobs": True})
        try:
            await self.events(row, request)
        except ConfigurationError:
            assert len(self.server.requests) == before
            return None
        return self.server.requests[-1]

    async def each_chat(
        self, row: ProviderRow
    ) -> AsyncIterator[tuple[str, ChatRequest, Request, bool]]:
        """Every case, sent to every kind of model; True for the usual one."""
        models = _models(row, row.chat_model)
        for model in models:
            for name, case in CASES.items():
                request = replace(case, model=model)
                if (sent := await self.sent(row, request)) is not None:
                    yield f"{name}, {model}", request, sent, model == models[0]

    async def each_gap(self, row: ProviderRow) -> AsyncIterator[tuple[str, Request, bool]]:
        """The same of completions."""
        models = _models(row, row.completion_model)
        for model in models:
            for name, case in FILL.items():
                if (sent := await self.sent(row, replace(case, model=model))) is not None:
                    yield f"{name}, {model}", sent, model == models[0]

    async def events(
        self, row: ProviderRow, request: ChatRequest | CompletionRequest
    ) -> list[Event]:
        """What our provider makes of the answer."""
        provider = self.provider(row)
        chat = isinstance(request, ChatRequest)
        answer = provider.chat(request) if chat else provider.complete(request)
        async with aclosing(answer) as events:
            return [event async for event in events]

    async def same(
        self, ours: Request, theirs: Awaitable[object], *, key_elsewhere: bool = False
    ) -> Request:
        """Have an SDK ask, and see that it asks at the same place with the same headers.

        ``key_elsewhere``: its key is in another header, since there is a choice.
        Returns its request.
        """
        await theirs
        request = self.server.requests[-1]
        assert request is not ours
        assert (request.method, request.path) == (ours.method, ours.path)
        ours_key, theirs_key = _proof(ours), _proof(request)
        assert ours_key == theirs_key or key_elsewhere
        # An SDK may escape where we don't: the length differs.
        ordinary = {"host", "accept", "accept-encoding", "connection", "user-agent"}
        ordinary |= {"content-length", ours_key[0]}
        own = {name: ours.headers[name] for name in ours.headers.keys() - ordinary}
        assert own == {name: request.headers.get(name) for name in own}
        return request


def _proof(request: Request) -> tuple[str, str]:
    """The only header with the key."""
    (found,) = ((name, text) for name, text in request.headers.items() if KEY in text)
    assert found[1].removeprefix("Bearer ") == KEY
    return found


@pytest.fixture
async def loopback() -> AsyncIterator[Loopback]:
    """A server, and a client that the environment has no say in."""
    http = HttpClient(Network(env={}))
    async with ScriptedServer([]) as server:
        yield Loopback(server, http)
    await http.aclose()


@pytest.fixture
def key() -> str:
    """The key that our providers use."""
    return KEY


# --- what is compared

JSON = Any


def _lists(value: object) -> object:
    """``value`` with every lazily checked sequence gone through."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {name: _lists(each) for name, each in entries.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_lists(each) for each in cast("Iterable[object]", value)]
    return value


def _checker(kind: object) -> Callable[[object], None]:
    # A list, since a configuration is inherited by typed dictionaries but not given to one.
    kinds: Any = GenericAlias(list, kind)
    adapter: TypeAdapter[list[Any]] = TypeAdapter(
        kinds, config=ConfigDict(extra="forbid", strict=True)
    )

    def check(body: object) -> None:
        seen = cast("list[object]", _lists(adapter.validate_python([body])))
        assert seen == [body]

    return check


@pytest.fixture(scope="session")
def checker() -> Callable[[object], Callable[[object], None]]:
    """Makes, of a typed dictionary, a check that a body has its fields and no others."""
    return _checker


@dataclass(eq=False)
class Read:  # noqa: PLW1641 - never a key
    """An answer, as far as an SDK has words for it."""

    text: str = ""
    thought: str = ""
    calls: list[tuple[str, str, JSON]] = field(default_factory=list[tuple[str, str, JSON]])
    """Id, name and arguments."""
    input_tokens: int | None = None
    output_tokens: int | None = None

    def __eq__(self, other: object) -> bool:
        # Where one stretch of reasoning ends, a blank line is ours to add.
        return isinstance(other, Read) and self._words() == other._words()

    def _words(self) -> tuple[object, ...]:
        thought = "".join(self.thought.split())
        return self.text, thought, self.calls, self.input_tokens, self.output_tokens

    @classmethod
    def ours(cls, events: list[Event]) -> Read:
        """What our events say."""
        read = cls()
        for event in events:
            match event:
                case TextDelta():
                    read.text += event.text
                case ThoughtDelta():
                    read.thought += event.text
                case ToolCall():
                    read.calls.append((event.id, event.name, json.loads(event.arguments)))
                case Usage():
                    read.input_tokens, read.output_tokens = event.input_tokens, event.output_tokens
                case _:
                    pass
        return read


@pytest.fixture(scope="session")
def reading() -> type[Read]:
    """The class."""
    return Read


@dataclass(frozen=True)
class Recording:
    """A real supplier's answer, where a folder of them is at hand (as in tests/providers)."""

    name: str
    supplier: str
    endpoint: str
    data: bytes


@pytest.fixture(scope="session")
def recordings() -> list[Recording]:
    """Streams of server-sent events that were answered with success; maybe none."""
    beside = Path(__file__).parents[2] / ".." / "shared" / "recordings"
    folder = Path(os.environ.get("POLYPILOT_RECORDINGS") or beside)
    found: list[Recording] = []
    for path in sorted(folder.glob("*/*.sse")):
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        endpoint = str(facts["endpoint"]).partition("?")[0]
        if facts["status"] == 200:
            name = f"{path.parent.name} {path.stem}"
            found.append(Recording(name, path.parent.name, endpoint, path.read_bytes()))
    return found


@pytest.fixture(scope="session")
def suite() -> Callable[[str, str], Any]:
    """A provider's conformance suite, by the name of its module and class: has its answer."""
    folder = Path(__file__).parents[1] / "providers"

    def load(module: str, name: str) -> Any:
        spec = importlib.util.spec_from_file_location(f"suites.{module}", folder / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return getattr(loaded, name)

    return load


# --- the SDKs


@pytest.fixture(scope="session")
def openai() -> Any:
    """OpenAI's."""
    return importlib.import_module("openai")


@pytest.fixture(scope="session")
def anthropic() -> Any:
    """Anthropic's."""
    return importlib.import_module("anthropic")


@pytest.fixture(scope="session")
def genai() -> Any:
    """Google's."""
    return importlib.import_module("google.genai")


@pytest.fixture(scope="session")
def mistral() -> Any:
    """Mistral's."""
    return importlib.import_module("mistralai.client")
