/** Edits as the protocol has them, on plain text. Pure. */

export interface Edit {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly newText: string;
}

interface Position {
  readonly line: number;
  readonly character: number;
}

/** The text with the edits made; positions count UTF-16 code units, none overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  const starts = lineStarts(text);
  const offset = ({ line, character }: Position): number => {
    const start = starts[line];
    if (start === undefined) {
      return text.length;
    }
    const end = starts[line + 1] ?? text.length;
    const broken = /\r\n$|\r$|\n$/.exec(text.slice(start, end))?.[0].length ?? 0;
    return Math.min(start + character, end - broken);
  };
  const spans = edits
    .map((each, at) => ({ at, start: offset(each.range.start), end: offset(each.range.end), text: each.newText }))
    .sort((one, other) => one.start - other.start || one.at - other.at);
  let made = "";
  let done = 0;
  for (const span of spans) {
    made += text.slice(done, span.start) + span.text;
    done = Math.max(done, span.end);
  }
  return made + text.slice(done);
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((found) => found.index + found[0].length)];
}
