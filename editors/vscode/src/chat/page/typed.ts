/** What is being typed: the piece before the cursor that a list can complete. */

export interface Piece {
  readonly kind: "mention" | "command";
  readonly start: number;
  readonly typed: string;
}

const MENTION = /(?:^|[\s(])(#(?:[a-z]*(?::(?:"[^"\n]*|[^\s"]*))?))$/u;
const COMMAND = /^(\/[\w-]*)$/u;
const WHOLE = /(?<=^|[\s(])#(?:selection|buffer|open|diagnostics|diff|commits|tree|file|symbol|search)(?::(?:"[^"\n]*"(?::\d+(?:-\d+)?)?|[^\s"`]+))?/gu;

/** The mention or the command that ends at the cursor. An `@` begins a mention as well. */
export function pieceAt(text: string, cursor: number): Piece | undefined {
  const before = text.slice(0, cursor);
  const command = COMMAND.exec(before)?.[1];
  if (command !== undefined) return { kind: "command", start: cursor - command.length, typed: command };
  const at = /(?:^|\s)(@([a-z]*))$/u.exec(before);
  if (at?.[1] !== undefined) return { kind: "mention", start: cursor - at[1].length, typed: `#${at[2] ?? ""}` };
  const mention = MENTION.exec(before)?.[1];
  if (mention !== undefined) return { kind: "mention", start: cursor - mention.length, typed: mention };
  return undefined;
}

export interface Written {
  readonly text: string;
  readonly mention: boolean;
}

/** A message in pieces, mentions apart. */
export function mentionsIn(text: string): Written[] {
  const pieces: Written[] = [];
  let at = 0;
  for (const match of text.matchAll(WHOLE)) {
    const word = match[0].replace(/(?<!")[.,;:!?)]+$/u, "");
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), mention: false });
    pieces.push({ text: word, mention: true });
    at = match.index + word.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), mention: false });
  return pieces;
}

/** The text without one of its mentions. */
export function without(text: string, mention: string): string {
  const at = text.indexOf(mention);
  if (at < 0) return text;
  const rest = text.slice(at + mention.length);
  return text.slice(0, at) + (at === 0 || /\s$/u.test(text.slice(0, at)) ? rest.replace(/^ /u, "") : rest);
}
