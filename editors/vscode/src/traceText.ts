/**
 * What may be logged of a message between editor and server: its name, never what is in it.
 *
 * The client library logs whole messages where a setting says so (`polypilot.trace.server`), also
 * where a workspace says it: the first line of its text has the name, its JSON has everything.
 */
export function nameOnly(text: string): string {
  const first = text.split("\n", 1)[0] ?? "";
  return first.trimStart().startsWith("{") ? "A message passed." : first;
}
