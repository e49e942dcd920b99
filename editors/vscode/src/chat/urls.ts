/** Which links may be opened. */

/** The link in its wire form, if it leads to http or https and names no user. */
export function safeUrl(url: string): string | undefined {
  if (!/^https?:\/\//iu.test(url) || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return parsed.username === "" && parsed.password === "" && parsed.hostname !== "" ? parsed.href : undefined;
}
