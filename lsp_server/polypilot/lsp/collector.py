"""The garbage collector, held back while the server starts.

Importing the protocol's types makes some hundred thousand objects that live for ever; the
collector's many passes over them are in vain and cost an eighth of the start. So the program
makes them rare before it imports anything (rare, not none: the garbage of class creation
would be 10 MB). When ``initialize`` has been answered, all that exists is set aside for good:
otherwise a full pass, 50 to 90 ms long, would fall on some keystroke.
"""

from __future__ import annotations

import gc

_RARE = (20_000, 50, 1000)
_usual: list[tuple[int, int, int]] = []


def pause() -> None:
    """To be called before the modules of the language server are imported."""
    if not _usual:
        _usual.append(gc.get_threshold())
        gc.set_threshold(*_RARE)


def resume() -> None:
    """Sets aside what exists and collects as usual from now on. Does nothing unless paused."""
    if _usual:
        gc.collect(0)  # the youngest; older garbage is a few dozen objects, and not worth 60 ms
        gc.freeze()
        gc.set_threshold(*_usual.pop())
