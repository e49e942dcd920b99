/** What a user attaches in VS Code's chat, as mentions and attachments of ours. */
import type { Attachment, Range } from "./protocol";

export interface Reference {
  /** Where it stands in the prompt; without one it is attached beside it. */
  readonly range?: readonly [start: number, end: number];
  readonly uri?: string;
  readonly selection?: Range;
  /** Below the workspace folder; undefined outside of it. */
  readonly relative?: string;
  /** A text instead of a document. */
  readonly text?: string;
}

function mention({ relative, selection }: Reference): string | undefined {
  // A name with a quotation mark can't be written as a mention.
  if (relative === undefined || relative.includes('"')) return undefined;
  const name = /^[\w./+@-]+$/u.test(relative) ? relative : `"${relative}"`;
  if (!selection) return `#file:${name}`;
  const last = selection.end.character === 0 && selection.end.line > selection.start.line ? selection.end.line : selection.end.line + 1;
  return `#file:${name}:${String(selection.start.line + 1)}-${String(last)}`;
}

/** The message to send. What stands in the prompt becomes a mention there, everything else an attachment. */
export function messageWith(prompt: string, command: string | undefined, references: readonly Reference[]): { text: string; context: Attachment[] } {
  let text = prompt;
  const context: Attachment[] = [];
  const behind: string[] = [];
  // From the last one on, so that the places of those before it stay.
  const placed = [...references].sort((a, b) => (b.range?.[0] ?? -1) - (a.range?.[0] ?? -1));
  for (const reference of placed) {
    const { range, uri, selection } = reference;
    const as = mention(reference);
    if (range && as !== undefined) text = text.slice(0, range[0]) + as + text.slice(range[1]);
    else if (uri !== undefined) context.push(selection ? { kind: "selection", uri, range: selection } : { kind: "document", uri });
    else if (reference.text) behind.push(fenced(reference.text));
  }
  const whole = [command === undefined ? text : `/${command} ${text}`.trimEnd(), ...behind].join("\n\n");
  return { text: whole, context };
}

/** A fence that the text does not close. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/gu)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
