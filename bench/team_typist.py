"""One developer of the team: a whole Polypilot server of theirs, and how they type.

They type as ``bench/typing`` does, with the same gaps, but at the end of a line, behind any of
``( = . , :`` and behind some of the blanks they look up: they wait for the suggestion, for a while.
Only there nothing is given up because of a newer key, so that slow answers are counted as slow and
not left out.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from team_server import KEY
from typing_replay import REST, Editor, gaps, region_of, sources
from typing_server import environment, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from team_tap import Tap
    from typing_editor import Key
    from typing_replay import Region

LOOKING = 10.0
"""Seconds that a typist waits at most when looking up."""
LOOKS = "\n(=.,:"
"""Behind these they look up."""
BLANKS = 0.25
"""And behind this share of the blanks that end a word."""
STAGGER = 0.4
"""Seconds between two typists' first keys."""
REGION = 4000
"""Characters of a file that are there to be typed."""
MODULES = (
    "textwrap", "shlex", "graphlib", "argparse", "configparser", "csv", "difflib", "filecmp",
    "fnmatch", "fractions", "getopt", "heapq", "imaplib", "inspect", "locale", "mailbox",
    "optparse", "pprint", "statistics", "tarfile",
)  # fmt: skip

CONFIG = """
[completion]
provider = "team"
model = "team-coder"
prefetch = "{prefetch}"
[chat]
provider = "team"
[providers.team]
wire = "{wire}"
completion = "prefix"
base_url = "http://127.0.0.1:{port}{base}"
auth = "keyring"
key_env = ["TEAM_API_KEY"]
completion_model = "team-coder"
chat_model = "team-coder"
free = true
prompt_tokens = {prompt}
context_share = 0.0
"""
_BASES = {"llama-cpp": "", "openai-chat": "/v1"}


@dataclass(frozen=True, slots=True)
class Habits:
    """How everybody types, and what their row says."""

    seconds: float = 60.0
    seed: int = 5
    prompt: int = 256
    """Tokens of a completion's prompt at most."""
    prefetch: str = "auto"
    wire: str = "llama-cpp"


@dataclass(frozen=True, slots=True)
class Press:
    """A key as it is pressed."""

    char: str
    pause: float
    """Seconds until the next one."""
    looks: bool
    """Whether the typist looks up behind it."""


def region_for(number: int) -> Region:
    """What a typist types, over and over."""
    ((file, truth),) = sources([], MODULES[number % len(MODULES)])
    return region_of(file, truth, REGION, "middle")


def presses(number: int, seed: int) -> Iterator[Press]:
    """Every key of a typist, without end."""
    text = region_for(number).text
    gap, draw = gaps("real", seed + number), random.Random(seed + number)
    before = " "
    while True:
        for char in text:
            blank = char == " " != before and draw.random() < BLANKS
            yield Press(char, gap(char), blank or char in LOOKS)
            before = char


@dataclass(slots=True)
class Rest:
    """A place at which a typist looked up."""

    key: Key
    pause: float
    """Seconds until their next key had they not waited."""
    until: float = math.inf
    """When they typed on."""


@dataclass(slots=True)
class Typist:
    """What one of them did and got."""

    number: int
    tap: Tap
    editor: Editor
    keys: list[Key] = field(default_factory=list["Key"])
    rests: list[Rest] = field(default_factory=list[Rest])

    async def type(self, habits: Habits) -> None:
        """Type until the time is over."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(STAGGER * self.number)
        end = loop.time() + habits.seconds
        pressed = presses(self.number, habits.seed)
        region = region_for(self.number)
        while loop.time() < end:
            await self.editor.begin(region.before, region.behind)
            await asyncio.sleep(REST)
            for press in itertools.islice(pressed, len(region.text)):
                if loop.time() >= end:
                    break
                await self._press(press)
        await self.editor.settle()

    async def _press(self, press: Press) -> None:
        loop, pause = asyncio.get_running_loop(), press.pause
        key = self.editor.type(press.char)
        self.keys.append(key)
        if not press.looks:
            await asyncio.sleep(pause)
            key.until = loop.time()
            return
        rest = Rest(key, pause)
        self.rests.append(rest)
        assert key.reply is not None
        await asyncio.wait([key.reply], timeout=LOOKING)
        await asyncio.sleep(max(0.0, key.at + pause - loop.time()))
        rest.until = key.until = loop.time()


@asynccontextmanager
async def typist(number: int, tap: Tap, folder: Path, habits: Habits) -> AsyncGenerator[Typist]:
    """Someone with a Polypilot of their own, whose row leads to the tap."""
    work = folder / f"typist_{number}" / "work"
    work.mkdir(parents=True)
    base = _BASES[habits.wire]
    config = CONFIG.format(
        port=tap.port, base=base, prompt=habits.prompt, prefetch=habits.prefetch, wire=habits.wire
    )
    env = environment(work.parent, config) | {"TEAM_API_KEY": KEY}
    async with serving(work, env) as server:
        yield Typist(number, tap, Editor(server, work))
