"""How fast a chat answer's Markdown is made harmless, beside taking out controls alone.

    .venv/bin/python bench/neutral.py

Prints deltas per second for an ordinary answer, and seconds for a megabyte of hostile text, with
the memory it takes at most. The goal is 20,000 deltas a second on one core.
"""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

from polypilot_prompts.neutral import Neutral
from polypilot_prompts.sanitize import Sanitizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ANSWER = """\
## Why the cache misses

The key is built from `request.path` **and** the raw headers, so two requests that differ only
in `User-Agent` never share an entry. See [the documentation](https://docs.example.org/cache/keys)
for what belongs into it; a `dict[str, int]` is enough here, since a < b holds for all of them.

1. Normalise the headers first:
   ```python
   def key(request: Request) -> str:
       wanted = {name: value for name, value in request.headers.items() if name in VARY}
       return f"{request.path}?{sorted(wanted.items())}"
   ```
2. Then drop what is older than an hour.

| what      | before | after |
|-----------|-------:|------:|
| hit rate  |   12 % |  91 % |
| p50 (ms)  |   40.1 |   3.2 |

```rust
fn main() -> Result<Vec<String>, Box<dyn Error>> {
    let found: Vec<_> = std::env::args().filter(|each| each != "-v").collect();
    Ok(found)
}
```

- It is safe to call it twice 👩‍💻, since nothing is written before the *lock* is held.
"""
_MEGABYTE = 1_000_000


def deltas(text: str, size: int = 4) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def rate(make: Callable[[], Neutral | Sanitizer], chunks: Sequence[str]) -> float:
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            stream = make()
            for chunk in chunks:
                stream.feed(chunk)
            stream.finish()
        best = max(best, 20 * len(chunks) / (time.perf_counter() - start))
    return best


def hostile(chunks: Sequence[str]) -> tuple[float, int]:
    stream = Neutral()
    tracemalloc.start()
    for chunk in chunks:  # what comes out is not kept
        stream.feed(chunk)
    stream.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    start = time.perf_counter()
    stream = Neutral()
    for chunk in chunks:
        stream.feed(chunk)
    stream.finish()
    return time.perf_counter() - start, peak


def main() -> None:
    chunks = deltas(ANSWER)
    print(f"controls taken out  {rate(lambda: Sanitizer(unix=True), chunks):>12,.0f} deltas/s")
    print(f"neutral, mixed      {rate(Neutral, chunks):>12,.0f} deltas/s")
    code = "```python\n" + 40 * "    total += price * (1 + rate)  # with tax\n" + "```\n"
    print(f"neutral, code       {rate(Neutral, deltas(code)):>12,.0f} deltas/s")
    prose = 40 * "The cache misses since two requests never share an entry, as was said. "
    print(f"neutral, prose      {rate(Neutral, deltas(prose)):>12,.0f} deltas/s")
    print("one megabyte, as 8-character deltas: seconds, peak bytes")
    for unit in ("[", "<", "`", "![", "[a](https://", "` `` ", "> ", "- ", "\\", "$", "a ", "://"):
        text = (unit * (_MEGABYTE // len(unit)))[:_MEGABYTE]
        seconds, peak = hostile(deltas(text, 8))
        print(f"  {unit!r:<16} {seconds:6.2f} s {peak:>10,}")


if __name__ == "__main__":
    main()
