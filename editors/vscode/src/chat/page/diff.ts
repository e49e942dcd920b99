/** A unified diff as lines, for a card in the chat. */

export interface DiffLine {
  readonly sign: "+" | "-" | " " | "@";
  readonly text: string;
}

export interface ShownHunk {
  readonly header: string;
  readonly lines: readonly DiffLine[];
}

export interface Counted {
  readonly added: number;
  readonly removed: number;
}

/** The hunks of a diff, without the names before them. */
export function hunksOf(diff: string): ShownHunk[] {
  const hunks: { header: string; lines: DiffLine[] }[] = [];
  for (const line of diff.split("\n")) {
    if (line.startsWith("@@")) {
      hunks.push({ header: line, lines: [] });
      continue;
    }
    const sign = line.charAt(0);
    if (sign === "+" || sign === "-" || sign === " ") hunks.at(-1)?.lines.push({ sign, text: line.slice(1) });
  }
  return hunks;
}

export function counted(hunks: readonly ShownHunk[]): Counted {
  const count = (sign: string): number =>
    hunks.reduce((sum, hunk) => sum + hunk.lines.filter((line) => line.sign === sign).length, 0);
  return { added: count("+"), removed: count("-") };
}

const MOST = 2000;

/** The lines of a text before and after, where only these are known: what is equal at both ends is left out. */
export function between(oldText: string | undefined, newText: string): ShownHunk {
  const before = oldText === undefined || oldText === "" ? [] : oldText.split("\n");
  const after = newText.split("\n");
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const context = 2;
  const first = Math.max(0, start - context);
  const last = Math.max(0, end - context);
  const line = (sign: DiffLine["sign"]) => (text: string): DiffLine => ({ sign, text });
  const lines = [
    ...before.slice(first, start).map(line(" ")),
    ...before.slice(start, before.length - end).map(line("-")),
    ...after.slice(start, after.length - end).map(line("+")),
    ...after.slice(after.length - end, after.length - last).map(line(" ")),
  ];
  return { header: `@@ -${String(first + 1)} +${String(first + 1)} @@`, lines: lines.slice(0, MOST) };
}

/** Where a hunk is, in words. */
export function placeOf(header: string): string {
  const found = /\+(\d+)(?:,(\d+))?/u.exec(header);
  if (!found) return header;
  const first = Number(found[1]);
  const last = first + Math.max(1, Number(found[2] ?? 1)) - 1;
  return first === last ? `Line ${String(first)}` : `Lines ${String(first)}\u2013${String(last)}`;
}
