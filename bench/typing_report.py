"""What the benches of typing print."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from typing_replay import in_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_oracle import Served
    from typing_replay import Figures, Typed
    from typing_scenes import Scene
    from typing_soak import Soak


class Report:
    """Tables as they come, or everything as one JSON object at the end."""

    def __init__(self, *, as_json: bool, log: Path | None = None) -> None:
        self._as_json = as_json
        self._log = log
        self._found: dict[str, list[Any]] = {}
        self._table = ""

    def note(self, text: str) -> None:
        """A line of its own; with JSON it goes beside it."""
        print(text, file=sys.stderr if self._as_json else sys.stdout, flush=True)

    def typed(self, run: int, row: Figures) -> None:
        """A replay."""
        self._found.setdefault("typing", []).append({"run": run, **asdict(row)})
        self._row(
            "typing",
            {
                "run": str(run),
                "gaps": f"{row.gaps}{', accepts' if row.accept else ''}",
                "with": row.engine,
                "keys": str(row.keys),
                "in time": f"{row.in_time} ({_part(row.in_time, row.keys)})",
                "other text": str(row.other),
                "requests (aborted)": f"{_some(row.requests)} ({_some(row.aborted)})",
                "tokens sent": _some(row.prompt_tokens),
                "generated (characters)": (
                    f"{_some(row.generated_tokens)} ({_some(row.generated_chars)})"
                ),
                "never answered": str(row.never),
                "key to answer p50 / p90 / p99": _times(row.p50, row.p90, row.p99),
                "characters saved": (
                    f"{row.accepted_chars} of {row.chars} ({_part(row.accepted_chars, row.chars)})"
                    if row.accept
                    else "-"
                ),
                "memory": _memory(row.rss, row.pss),
            },
        )

    def log(self, engine: str, typed: Sequence[Typed], served: Sequence[Served]) -> None:
        """A line of JSON for every key and every request, for who asks what went wrong."""
        if self._log is None:
            return
        lines: list[dict[str, Any]] = [
            {"key": key.before[-40:], "file": each.region.name, "at": key.at,
             "answered": key.answered, "text": key.text, "in_time": in_time(key),
             "agrees": each.region.agrees(key)}
            for each in typed for key in each.keys
        ]  # fmt: skip
        lines += [asdict(request) for request in served]
        with self._log.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({"engine": engine, **line}) + "\n" for line in lines)

    def scene(self, scene: Scene) -> None:
        """A scene."""
        row = scene.summary
        self._found.setdefault("scenes", []).append(
            {**row, "request": scene.request, "shown": scene.shown}
        )
        self._row(
            "scenes",
            {
                "scene": scene.scene,
                "with": scene.engine,
                "runs": str(scene.runs),
                "no text": "-" if scene.scene == "burst" else str(scene.empty),
                "never answered": str(scene.never),
                "key to request p50 / p90": _times(row["request_p50"], row["request_p90"]),
                "key to text p50 / p90": _times(row["shown_p50"], row["shown_p90"]),
                "requests: all, most in a run": f"{row['requests']}, {row['most_requests']}",
                "aborted": str(scene.aborted),
                "no request for it": str(scene.unasked) if scene.scene == "next" else "-",
            },
        )

    def soak(self, found: Soak) -> None:
        """A soak."""
        self._found.setdefault("soak", []).append(asdict(found))
        self.note(
            f"{found.asked} asks in {found.seconds:.0f} s: {found.answered} answered with a text, "
            f"{found.requests} requests, {found.failed} failed, {found.never} never answered"
        )
        for part, memory in found.memory.items():
            self.note(f"  memory at {part:.0%}: {memory}")
        half, end = (found.memory.get(part) for part in (0.5, 1.0))
        if half and end:
            self.note(f"  growth in the second half: {end.rss - half.rss:+.1f} MiB")

    def close(self) -> None:
        """Print what is left to print."""
        if self._as_json:
            print(json.dumps(self._found))

    def _row(self, table: str, cells: dict[str, str]) -> None:
        if self._as_json:
            return
        if self._table != table:
            self._table = table
            print(f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}")
        print(f"| {' | '.join(cells.values())} |", flush=True)


def _some(count: int | None) -> str:
    return "-" if count is None else str(count)


def _part(some: int, whole: int) -> str:
    return f"{100 * some / whole:.0f} %" if whole else "-"


def _times(*values: object) -> str:
    """Milliseconds, with a digit behind the point where that says something."""
    known: Sequence[float] = [value for value in values if isinstance(value, float)]
    if len(known) < len(values):
        return "-"
    return " / ".join(f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in known) + " ms"


def _memory(rss: float | None, pss: float | None) -> str:
    if rss is None:
        return "-"
    return f"{rss:.0f} MiB" + ("" if pss is None else f", Pss {pss:.0f}")
