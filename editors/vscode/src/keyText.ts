/** Reading and cleaning what the program says about keys. Pure. */

/** The variable that holds a provider's key, from the output of `polypilot auth list --json`. */
export function environmentVariable(json: string, provider: string): string | undefined {
  let rows: unknown;
  try {
    rows = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(rows)) {
    return undefined;
  }
  for (const row of rows as { provider?: unknown; source?: unknown }[]) {
    const found = typeof row.source === "string" ? /^environment \((\w+)\)$/.exec(row.source) : null;
    if (row.provider === provider && found !== null) {
      return found[1];
    }
  }
  return undefined;
}

/** The program repeats no key; should some wrapper do so, it is not shown. */
export function withoutKey(text: string, key: string): string {
  return key === "" ? text : text.split(key).join("…");
}

/** What the program says of a stored key, without its advice for a terminal. */
export function storedText(said: string): string {
  const lines = said.split("\n").map((each) => each.trim());
  return lines.filter((each) => each !== "" && !each.startsWith("Use it with:")).join(" ");
}
