"""Writes conversations without end, and says of each message when it is kept; to be killed.

``python history_writer.py FILE SEED``. Prints a line for each that is acknowledged:
``SESSION MESSAGE LENGTH`` or, deleted, ``SESSION - 0``.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from history_support import message, session

from polypilot.chat.history import History


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # whole at once, so that a kill leaves whole lines


async def main() -> None:
    history = History(Path(sys.argv[1]))
    seed = sys.argv[2]
    chance = random.Random(seed)  # noqa: S311  (no secret)
    count = 0
    while True:
        count += 1
        ident = f"s{seed}-{count}"
        for number in range(chance.randint(1, 6)):
            length = chance.choice((10, 200, 5_000, 60_000))
            text = " ".join(chance.choices(("heron", "stork", "proxy", "socket"), k=length // 6))
            name = f"m{number}"
            await history.save(session(ident), [message(name, ident, text=text, body=text)])
            say(f"{ident} {name} {len(text)}")
        if chance.random() < 0.5:
            await history.delete(ident)
            say(f"{ident} - 0")


asyncio.run(main())
