/** Hunks of a proposed edit by their lines. */
import type { Hunk } from "./protocol";

const HEADER = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/u;

/** The open hunk that has a line, from 1, of the old or the new text; else the nearest open one. */
export function hunkAt(hunks: readonly Hunk[], line: number, isNew: boolean): number | undefined {
  const open = hunks.filter((hunk) => !hunk.applied).map(({ index, header }) => ({ index, far: farFrom(header, line, isNew) }));
  return open.sort((a, b) => a.far - b.far)[0]?.index;
}

function farFrom(hunk: string, line: number, isNew: boolean): number {
  const header = HEADER.exec(hunk) ?? [];
  const first = Number((isNew ? header[3] : header[1]) ?? 0);
  const count = Number((isNew ? header[4] : header[2]) ?? 1);
  return line < first ? first - line : Math.max(0, line - (first + Math.max(count, 1) - 1));
}
