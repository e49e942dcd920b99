"""What completions are worth: held-out code, asked for in different ways and filtered.

    python bench/quality.py --cache FOLDER [--model ID] [--models FOLDER] [--regions N] ...

Cuts lines, rests of lines and bodies out of real files (this project's own, which no model has
seen, and new modules of the standard library; ``--files`` for others), asks the embedded model
for them through the product's prompts and wire, and scores what the product's filter makes of
the answers:

- each way of asking beside the bare model (the text before the cursor, nothing else);
- each rule of the filter, by leaving it out;
- each source of context, alone and together;
- from which confidence on to show a suggestion, found on one half and checked on the other;
- copying from open documents, alone and beside the model (``--copies``).

Answers are kept in the cache's folder; a run that was stopped goes on where it was. With
``--offline`` nothing is asked. The intervals are 95 %, by resampling whole regions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import quality_confidence
import quality_copy
from polypilot.embedded.catalog import DEFAULT_MODEL
from polypilot_providers.rows_local import EMBEDDED
from quality_context import GATHERERS
from quality_holes import Hole, holes, sources
from quality_judge import filtered, unfiltered
from quality_model import Asker, Cache, MissingAnswerError, running
from quality_report import Answered, describe, filter_rows, length_rows, table, versus
from quality_ways import Way, ways_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality_report import Row

ROOT = Path(__file__).parent.parent
LINES, BLOCKS = "lines", "blocks"


async def collect(
    asker: Asker, ways: Sequence[Way], held: Sequence[Hole], *, blocks: bool
) -> dict[str, list[Answered]]:
    """Ask region by region and way by way: then most of a prompt has just been read."""
    found: dict[str, list[Answered]] = {}
    wanted = [hole for hole in held if (hole.kind == "block") == blocks]
    for region in sorted({hole.region for hole in wanted}):
        here = [hole for hole in wanted if hole.region == region]
        for way in ways:
            for hole in here:
                request, spec = way.question(hole)
                try:
                    reply = await asker.ask(request)
                except MissingAnswerError:
                    continue
                found.setdefault(way.name, []).append(Answered(hole, reply, spec))
        sys.stderr.write(f"\rregion {region}: {sum(map(len, found.values()))} answers ")
    sys.stderr.write("\n")
    return found


def report(found: dict[str, list[Answered]], what: str, model: str) -> dict[str, list[Row]]:
    """The tables of one kind of holes."""
    tables: dict[str, list[Row]] = {}
    product = found.get("product", [])
    raw = {name: [each.scored(unfiltered) for each in all_] for name, all_ in found.items()}
    judged = {name: [each.scored(filtered) for each in all_] for name, all_ in found.items()}
    rows = [describe("the bare model, unfiltered", raw["bare"])] if "bare" in raw else []
    rows += [describe(name, scores) for name, scores in judged.items()]
    for group in sorted({each.hole.source.group for each in product}):
        scores = [each for each in judged["product"] if each.hole.source.group == group]
        rows.append(describe(f"product, {group} alone", scores))
    tables[f"{model}, {what}: ways of asking"] = rows
    apart: list[Row] = []
    for name, answered in found.items():
        if name != "bare":
            bare = found.get("bare", [])
            apart += versus(f"{name}, beside the bare model", answered, bare, unfiltered)
        if name != "product":
            apart += versus(f"{name}, beside the product", answered, product)
    tables[f"{model}, {what}: differences"] = apart
    if product:
        tables[f"{model}, {what}: rules of the filter"] = filter_rows(product)
        for measure in (quality_confidence.LINE, quality_confidence.MEAN):
            tables[f"{model}, {what}: shown from a {measure.name} on"] = (
                quality_confidence.threshold_rows(judged["product"], measure)
            )
        tables[f"{model}, {what}: best confidence of one half on the other"] = (
            quality_confidence.crossed_rows(judged["product"])
        )
        if what == BLOCKS:
            tables[f"{model}, {what}: how much to show"] = length_rows(product)
    return tables


def copy_report(answered: Sequence[Answered], many: Sequence[Hole]) -> dict[str, list[Row]]:
    """The tables of the copy completer."""
    tables = {
        f"copying alone, {group}": quality_copy.alone_rows(
            [hole for hole in many if hole.source.group == group and hole.kind != "block"]
        )
        for group in sorted({hole.source.group for hole in many})
    }
    if answered:
        tables["copying beside the model"] = quality_copy.together_rows(
            answered, (0.0, 0.05, 0.1, 0.2)
        )
        tables["copying: the best of one half on the other"] = quality_copy.crossed_rows(
            answered, 0.1
        )
        tables["copying and the model"] = quality_copy.agreement_rows(answered)
    return tables


async def run(options: argparse.Namespace) -> dict[str, list[Row]]:
    """Ask and report."""
    found = sources(options.project, options.files)
    held = holes(
        found,
        seed=options.seed,
        regions=options.regions,
        lines=options.lines,
        blocks=options.blocks,
    )
    ways = [
        way
        for way in ways_of(options.model, options.tokens, held, GATHERERS)
        if not options.ways or way.name in options.ways
    ]
    cache = Cache(options.cache, options.model)
    if options.offline:
        return await _tables(Asker(cache, None), ways, held, options)
    async with running(options.model, options.models, options.threads) as provider:
        return await _tables(Asker(cache, provider), ways, held, options)


async def _tables(
    asker: Asker, ways: Sequence[Way], held: Sequence[Hole], options: argparse.Namespace
) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    lines = await collect(asker, ways, held, blocks=False)
    tables |= report(lines, LINES, options.model)
    if options.blocks:
        blocks = await collect(asker, ways, held, blocks=True)
        tables |= report(blocks, BLOCKS, options.model)
    if options.copies:
        many = holes(
            sources(options.project, options.files),
            seed=options.seed,
            regions=options.copies,
            lines=options.lines,
            blocks=0,
        )
        tables |= copy_report(lines.get("product", []), many)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--models", type=Path, help="folder of the model files")
    parser.add_argument("--tokens", type=int, default=EMBEDDED.prompt_tokens, help="budget")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--project", type=Path, default=ROOT, help="a copy of this project")
    parser.add_argument("--files", nargs="*", default=[], help="globs, in place of the default")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--regions", type=int, default=24)
    parser.add_argument("--lines", type=int, default=7, help="for each region")
    parser.add_argument("--blocks", type=int, default=2, help="for each region, at most")
    parser.add_argument("--ways", nargs="*", default=[], help="only these")
    parser.add_argument("--copies", type=int, default=0, help="regions to copy in, without model")
    parser.add_argument("--offline", action="store_true", help="ask nothing, report the cache")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tables = asyncio.run(run(options))
    if options.json:
        print(json.dumps({name: [asdict(row) for row in rows] for name, rows in tables.items()}))
        return
    for name, rows in tables.items():
        if rows:
            print(table(name, rows))


if __name__ == "__main__":
    main()
