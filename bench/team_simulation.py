"""SIMULATION: how many typists a server carries, from measured or assumed rates.

``team.py --json FILE`` measures; this takes its rates, simulates the same replays, says how far it
is from what was measured, and goes on to more users and to servers that were not there. What is
printed here is computed, not measured, unless it says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from team_assumed import GPUS
from team_model import Speed
from team_plot import Line, Point, draw
from team_typing_model import Demand, Outcome, most_users, simulate

CORES = 2
"""Of the machine of the measurement."""
USERS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LIMITS = (0.3, 0.5, 1.0)
SECONDS, WARM = 60.0, 20.0
_HALVINGS = 8
GPU_PROMPT = 2000
"""Tokens of a prompt that is read anew, where there is a GPU to read it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What ``team.py`` wrote."""

    rates: dict[str, Any]
    runs: list[dict[str, Any]]
    cold: int

    @classmethod
    def read(cls, files: list[Path]) -> Measured:
        """Of several runs the rates of the first."""
        found = [json.loads(path.read_text("utf-8")) for path in files]
        first = found[0]["rates"]
        runs = [run | {"rates": each.get("rates", first)} for each in found for run in each["runs"]]
        return cls(first, runs, found[0]["prompt"])

    def speed(self, slots: int, cores: float = CORES, rates: dict[str, Any] | None = None) -> Speed:
        """Of the server, when so many cores are left for it."""
        part, rates = cores / CORES, rates or self.rates
        written = {int(many): pace * part for many, pace in rates["written"].items()}
        return Speed(slots, rates["read"] * part, written, source="measured, bench/team.py")

    def demand(self) -> Demand:
        """Of one typist, by the runs that have one."""
        ones = [run for run in self.runs if run["users"] == 1 and run.get("texts")]
        texts = [each for run in ones for each in run["texts"]]
        anew = 0.5 * self.cold / self.rates["read"]
        warm = [each for each in texts if each < anew]
        total = {name: sum(run[name] for run in ones) for name in ("sent", "keys", "looks", "rode")}
        own = total["looks"] - total["rode"]
        demand = Demand(
            asks=max(0.0, (total["sent"] - own) / (total["keys"] - total["looks"])),
            cold=self.cold,
            read=max(1.0, statistics.median(warm) * self.rates["read"]),
            written=1.0,
            again=1 - len(warm) / len(texts),
            rides=total["rode"] / total["looks"],
        )
        pieces = statistics.mean(each for run in ones for each in run["pieces"])
        return self._as_long(demand, pieces)

    def _as_long(self, demand: Demand, pieces: float) -> Demand:
        """Answers of such a length that so many tokens come on average before one hangs up."""
        low, high = 1.0, 200.0
        for _ in range(_HALVINGS):
            middle = replace(demand, written=(low + high) / 2)
            one = simulate(self.speed(4), 1, middle, seconds=10 * SECONDS, warm=WARM)
            if one.pieces / max(1, one.sent) < pieces:
                low = middle.written
            else:
                high = middle.written
        return replace(demand, written=(low + high) / 2)


def outcome_row(name: str, found: Outcome) -> str:
    """A line of the table."""
    cells = (
        name, found.users, f"{found.p50:.2f} / {found.p95:.2f} s", f"{found.part:.0%}",
        found.unanswered, f"{found.sent} ({found.left})",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def validate(measured: Measured, demand: Demand) -> list[dict[str, Any]]:
    """Each measured run beside its simulation."""
    print("\nmeasured beside simulated, same keys, same rates:")
    print("| users | slots | p50 measured / simulated | p95 measured / simulated | in time |")
    print("|---|---|---|---|---|")
    found: list[dict[str, Any]] = []
    for run in measured.runs:
        cores = max(0.5, CORES - run["editors_cpu"])
        speed = measured.speed(run["slots"], cores, run["rates"])
        mine = simulate(speed, run["users"], demand, seconds=SECONDS, warm=WARM)
        found.append(
            {"users": run["users"], "slots": run["slots"], "measured": [run["p50"], run["p95"]],
             "simulated": [mine.p50, mine.p95]}
        )  # fmt: skip
        print(
            f"| {run['users']} | {run['slots']} | {_beside(run['p50'], mine.p50)} "
            f"| {_beside(run['p95'], mine.p95)} | {run['part']:.0%} / {mine.part:.0%} |"
        )
    return found


def _beside(real: float, computed: float) -> str:
    off = f" ({computed / real - 1:+.0%})" if real else ""
    return f"{real:.2f} / {computed:.2f} s{off}"


def servers(measured: Measured, demand: Demand, slots: int) -> dict[str, tuple[Speed, Demand]]:
    """What is simulated: the measured server, and the assumed ones."""
    here = f"llama.cpp, 2 cores, 135M, {slots} slots (measured rates)"
    there = replace(demand, cold=GPU_PROMPT)
    assumed = {f"vLLM, 1 x {gpu.name}, 7B (assumed rates)": (gpu.speed(), there) for gpu in GPUS}
    return {here: (measured.speed(slots), demand), **assumed}


def curves(
    found: dict[str, tuple[Speed, Demand]], users: list[int], seed: int
) -> dict[str, list[Outcome]]:
    """Every server with ever more users, until nobody is answered in time any more."""
    print("\nSIMULATION, not measured:")
    print(
        "| server | users | first text p50 / p95 | in time | none in 10 s | requests (given up) |"
    )
    print("|---|---|---|---|---|---|")
    lines: dict[str, list[Outcome]] = {}
    for name, (speed, demand) in found.items():
        for many in users:
            one = simulate(speed, many, demand, seconds=SECONDS, warm=WARM, seed=seed)
            lines.setdefault(name, []).append(one)
            print(outcome_row(name, one), flush=True)
            if one.p50 > LIMITS[-1] * 5:
                break
    return lines


def capacities(found: dict[str, tuple[Speed, Demand]]) -> dict[str, dict[float, int]]:
    """How many users each carries."""
    print("\nSIMULATION: users with whom first text p95 stays within")
    print(f"| server | {' | '.join(f'{limit:g} s' for limit in LIMITS)} |")
    print(f"|---|{'---|' * len(LIMITS)}")
    most: dict[str, dict[float, int]] = {}
    for name, (speed, demand) in found.items():
        most[name] = {
            limit: most_users(speed, demand, limit, seconds=SECONDS, warm=WARM) for limit in LIMITS
        }
        print(f"| {name} | {' | '.join(map(str, most[name].values()))} |", flush=True)
    return most


def plot(measured: Measured, lines: dict[str, list[Outcome]], slots: int) -> str:
    """The picture: measured points, simulated lines."""
    drawn = [
        Line(name, [(one.users, one.p95) for one in found if one.first])
        for name, found in lines.items()
    ]
    points = [Point(run["users"], run["p95"]) for run in measured.runs if run["slots"] == slots]
    return draw(drawn, points, f"measured: llama.cpp, 2 cores, 135M, {slots} slots")


def numbers(text: str) -> list[int]:
    """Numbers between commas."""
    return [int(each) for each in text.split(",")]


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="team_simulation.py", description=__doc__)
    add = parser.add_argument
    add("measured", type=Path, nargs="+", help="what team.py --json wrote; the first has the rates")
    add("--users", type=numbers, default=list(USERS))
    add("--slots", type=int, default=4, help="of the measured server, for lines and points")
    add("--no-capacity", action="store_true", help="do not search for the most users")
    add("--seed", type=int, default=5)
    add("--svg", type=Path, help="draw first text p95 by users into this file")
    add("--json", type=Path, help="write everything into this file")
    return parser.parse_args(arguments)


def main() -> None:
    """See ``options_of``."""
    options = options_of()
    measured = Measured.read(options.measured)
    demand = measured.demand()
    print(f"one typist, measured: {demand}")
    beside = validate(measured, demand)
    found = servers(measured, demand, options.slots)
    for name, (speed, _) in found.items():
        rates = ", ".join(f"{many}: {pace:.0f}" for many, pace in speed.written.items())
        print(f"{name}: reads {speed.read:.0f} tokens/s, writes {rates}; {speed.source}")
    lines = curves(found, options.users, options.seed)
    most = {} if options.no_capacity else capacities(found)
    if options.svg:
        options.svg.write_text(plot(measured, lines, options.slots), encoding="utf-8")
    if options.json:
        simulated = {
            name: [[one.users, one.p50, one.p95, one.part] for one in each]
            for name, each in lines.items()
        }
        whole = {"simulation": simulated, "beside": beside, "most_users": most}
        options.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
