"""Types real files into a real server, and counts what that gives: ``python bench/typing -h``.

    python bench/typing                      # realistic gaps and 90 ms, then the scenes
    python bench/typing --accept             # what a typist is spared who takes what is right
    python bench/typing --embedded --only typing
    python bench/typing --replay 100000      # memory over that many asks at full speed

A real ``polypilot --stdio`` with settings of its own completes pieces of the standard library's
modules, asked at every key. Behind it is a provider on loopback that knows the file and answers
in a set time (``typing_oracle``), or the embedded model. The baseline types the same with the
same gaps, straight at the provider: 75 ms of rest, one request, cancelled by the next key
(``typing_naive``). A key counts as answered in time if, before the next key, it had a text that
is what was typed then. Typist and provider share an event loop, so every figure contains its turns.

The modules are beside this folder, named ``typing_*``: a module ``bench/typing.py`` would hide
the standard library's ``typing`` from every other bench.
"""  # noqa: A005 - a folder without __init__ hides nothing

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from typing_run import main

if __name__ == "__main__":
    main()
