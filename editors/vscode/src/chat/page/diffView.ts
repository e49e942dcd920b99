/** A diff in the chat. */
import { h } from "./dom";
import type { DiffLine, ShownHunk } from "./diff";

const NAMES: Readonly<Record<DiffLine["sign"], string>> = { "+": "added", "-": "removed", " ": "same", "@": "place" };

export function diffLines(hunk: ShownHunk): HTMLElement {
  const rows = hunk.lines.map((line) =>
    h("span", { class: `diff-line ${NAMES[line.sign]}` }, `${line.sign}${line.text}\n`),
  );
  return h("pre", { class: "diff", tabIndex: 0, role: "region", aria: { label: `Change at ${hunk.header}` } }, h("code", {}, ...rows));
}

export function countBadge(added: number, removed: number): HTMLElement {
  return h(
    "span",
    { class: "counts", aria: { label: `${String(added)} lines added, ${String(removed)} removed` } },
    h("span", { class: "added" }, `+${String(added)}`),
    h("span", { class: "removed" }, `\u2212${String(removed)}`),
  );
}
