/** Names of documents and selections, as chips show them. */
import type { Range } from "./protocol";

export function selectionName(name: string, range: Range): string {
  const first = range.start.line + 1;
  // A selection that ends before a line's first character leaves that line out.
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line : range.end.line + 1;
  return first === last ? `${name}:${String(first)}` : `${name}:${String(first)}-${String(last)}`;
}
