"""What the history of conversations costs: listing, searching, saving, loading, deleting.

Run: ``.venv/bin/python bench/chat_history.py [--sessions 10000] [--messages 20]``. Prints p50 and
p95 in milliseconds, and the CPU time of one call, which does not grow with what else the
machine does, beside two named baselines that hold the same conversations: one JSON lines
file per conversation, as many programs keep them, and a plain SQLite table searched by LIKE.
Times of the history are those of its caller, the way to its thread and back included. Asserts
nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.chat.history import History
from polypilot.chat.history_values import MessageRecord, SessionRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ROOTS = [f"/home/me/project-{number}" for number in range(20)]
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"


@dataclass(frozen=True)
class Words:
    """Made-up words, as often as a language's: the n-th 1/n times as often as the first."""

    words: list[str]
    weights: list[float]

    @classmethod
    def make(cls, chance: random.Random, count: int = 30_000) -> Words:
        """So many of them."""
        found: dict[str, None] = {}
        while len(found) < count:
            pairs = chance.randint(1, 4)
            found[
                "".join(chance.choice(_CONSONANTS) + chance.choice(_VOWELS) for _ in range(pairs))
            ] = None
        return cls(list(found), [1 / (rank + 1) for rank in range(count)])

    def text(self, chance: random.Random, count: int) -> str:
        """``count`` words in a row."""
        return " ".join(chance.choices(self.words, self.weights, k=count))


def conversations(
    words: Words, sessions: int, messages: int
) -> Iterator[tuple[SessionRecord, list[MessageRecord]]]:
    chance = random.Random(7)
    # Drawing words takes longer than writing them; messages are put together of pieces.
    pieces = [words.text(chance, 30) for _ in range(5_000)]
    for number in range(sessions):
        ident = f"s{number}"
        session = SessionRecord(
            ident,
            words.text(chance, 5),
            "anthropic",
            "claude",
            "",
            "ask",
            ROOTS[number % len(ROOTS)],
            float(number),
            float(number) + 0.5,
            f"m{messages - 1}",
        )
        found: list[MessageRecord] = []
        for place in range(messages):
            text = " ".join(chance.choices(pieces, k=2 if place % 2 == 0 else 5))
            body = json.dumps({"parts": [{"text": text}]})
            role = "assistant" if place % 2 else "user"
            name, parent = f"m{place}", f"m{place - 1}" if place else ""
            found.append(
                MessageRecord(
                    name,
                    ident,
                    parent,
                    role,
                    "anthropic",
                    "claude",
                    "end",
                    float(number),
                    body,
                    text,
                )
            )
        yield session, found


Times = list[tuple[float, float]]
"""Seconds that passed, and seconds of this process's CPU."""


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(begun: tuple[float, float]) -> tuple[float, float]:
    passed, cpu = now()
    return passed - begun[0], cpu - begun[1]


def show(name: str, taken: Times, note: str = "") -> None:
    passed, cpu = sorted(each[0] for each in taken), sorted(each[1] for each in taken)
    middle, high = len(taken) // 2, int(len(taken) * 0.95)
    figures = f"p50 {passed[middle] * 1e3:9.2f}   p95 {passed[high] * 1e3:9.2f} ms"
    print(f"{name:<58} {figures}   CPU p50 {cpu[middle] * 1e3:9.2f} ms   {note}", flush=True)


async def timed(run: Callable[[], Awaitable[object]], times: int = 40) -> Times:
    taken: Times = []
    for _ in range(times):
        start = now()
        await run()
        taken.append(since(start))
    return taken


def timed_here(run: Callable[[], object], times: int = 5) -> Times:
    taken: Times = []
    for _ in range(times):
        start = now()
        run()
        taken.append(since(start))
    return taken


async def history(folder: Path, words: Words, sessions: int, messages: int) -> None:
    saves: Times = []
    start = time.perf_counter()
    async with aclosing(History(folder / "chat.db", limit=60)) as opened:
        for session, found in conversations(words, sessions, messages):
            begun = now()
            await opened.save(session, found)
            saves.append(since(begun))
        print(
            f"\n{sessions:,} conversations of {messages} messages written in"
            f" {time.perf_counter() - start:.1f} s; {await opened.size() / 1e6:.0f} MB"
        )
    show(f"history: save a conversation of {messages} messages", saves)
    begun = now()
    async with aclosing(History(folder / "chat.db", limit=60)) as opened:
        await opened.sessions()
        show("history: open, and list 50", [since(begun)])
        await listing(opened, sessions)
        await searching(opened, words)
        await changing(opened, words)


async def listing(opened: History, sessions: int) -> None:
    show("history: list 50", await timed(opened.sessions, 200))
    show("history: list 50 of one root", await timed(lambda: opened.sessions(ROOTS[3]), 200))
    middle = float(sessions // 2)
    show(
        "history: list 50 from the middle", await timed(lambda: opened.sessions(before=middle), 200)
    )
    show(f"history: list all {sessions:,}", await timed(lambda: opened.sessions(limit=sessions)))
    show("history: load one", await timed(lambda: opened.load("s77"), 200))


def questions(words: Words) -> dict[str, str]:
    common, middle, rare = words.words[0], words.words[300], words.words[2_500]
    weight: dict[str, float] = {}
    for word, each in zip(words.words, words.weights, strict=True):
        weight[word[:3]] = weight.get(word[:3], 0) + each
    return {
        "the commonest word": common,
        "a middling word": middle,
        "a rare word": rare,
        "three common words": " ".join(words.words[:3]),
        "a common and a rare word": f"{common} {rare}",
        "two rare words, in different messages": f"{rare} {words.words[2_900]}",
        "the commonest beginning of three letters": max(weight, key=lambda each: weight[each]),
        "a word that is nowhere": "xyzzy",
    }


async def searching(opened: History, words: Words) -> None:
    for name, question in questions(words).items():
        count = len(await opened.search(question))
        taken = await timed(lambda question=question: opened.search(question))
        show(f"history: search {name}", taken, f"{count} found")
    question = words.words[0]
    taken = await timed(lambda: opened.search(question, ROOTS[3]))
    show("history: search the commonest word in one root", taken)


async def changing(opened: History, words: Words) -> None:
    chance = random.Random(9)
    number = 0

    async def save() -> None:
        nonlocal number
        number += 1
        session = SessionRecord("s5", "title", "a", "m", "", "ask", ROOTS[5], 5.0, 2e9, "x")
        text = words.text(chance, 150)
        message = MessageRecord(
            f"n{number}", "s5", "", "user", "a", "m", "", 1.0, f'"{text}"', text
        )
        await opened.save(session, [message])

    show("history: save one message more", await timed(save, 200))
    deletions = iter(range(100, 140))
    show("history: delete one", await timed(lambda: opened.delete(f"s{next(deletions)}"), 40))
    begun = now()
    await opened.aclose()
    show("history: what it overwrites afterwards, at most", [since(begun)])


def jsonl(folder: Path, words: Words, sessions: int, messages: int) -> None:
    folder.mkdir()
    for session, found in conversations(words, sessions, messages):
        lines = [json.dumps({"title": session.title, "updated": session.updated})]
        lines += [json.dumps({"role": each.role, "text": each.text}) for each in found]
        (folder / f"{session.id}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    print("baseline JSON lines: one file per conversation, the first line says what it is")

    def newest() -> list[tuple[float, str, str]]:
        read: list[tuple[float, str, str]] = []
        for path in folder.iterdir():
            with path.open(encoding="utf-8") as file:
                head = json.loads(file.readline())
            read.append((head["updated"], path.stem, head["title"]))
        return sorted(read, reverse=True)[:50]

    def search(word: str) -> list[str]:
        return [
            path.stem
            for path in folder.iterdir()
            if any(word in json.loads(line).get("text", "") for line in path.open(encoding="utf-8"))
        ][:50]

    show("baseline JSON lines: list 50", timed_here(newest))
    show(
        "baseline JSON lines: search a rare word", timed_here(lambda: search(words.words[2_500]), 2)
    )


def like(folder: Path, words: Words, sessions: int, messages: int) -> None:
    connection = sqlite3.connect(folder / "like.db", isolation_level=None)
    connection.execute("CREATE TABLE messages (session TEXT, updated REAL, title TEXT, text TEXT)")
    connection.execute("BEGIN")
    for session, found in conversations(words, sessions, messages):
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?)",
            ((session.id, session.updated, session.title, each.text) for each in found),
        )
    connection.execute("COMMIT")
    print("baseline LIKE: one table of messages without an index, scanned")
    newest = (
        "SELECT session, max(updated), title, count(*) FROM messages"
        " GROUP BY session ORDER BY 2 DESC LIMIT 50"
    )
    search = (
        "SELECT DISTINCT session FROM messages WHERE text LIKE ? ORDER BY updated DESC LIMIT 50"
    )
    show("baseline LIKE: list 50", timed_here(lambda: connection.execute(newest).fetchall()))
    for name, word in (("a rare word", words.words[2_500]), ("the commonest word", words.words[0])):
        run = timed_here(lambda word=word: connection.execute(search, (f"%{word}%",)).fetchall())
        show(f"baseline LIKE: search {name}", run)
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=20)
    given = parser.parse_args()
    words = Words.make(random.Random(3))
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(history(folder, words, given.sessions, given.messages))
        jsonl(folder / "jsonl", words, given.sessions, given.messages)
        like(folder, words, given.sessions, given.messages)


if __name__ == "__main__":
    main()
