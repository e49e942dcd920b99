/** Figures and times as people read them. */

export function tokens(count: number): string {
  if (count < 1000) return String(count);
  const thousands = count / 1000;
  return thousands < 1000 ? `${trimmed(thousands, thousands < 10 ? 1 : 0)}k` : `${trimmed(thousands / 1000, 1)}M`;
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0$/u, "");
}

/** US dollars of a decimal string; none for nothing. */
export function dollars(amount: string | undefined): string | undefined {
  const value = Number(amount ?? NaN);
  if (!Number.isFinite(value) || value <= 0) return undefined;
  if (value < 0.0001) return "< $0.0001";
  return `$${value < 0.01 ? value.toFixed(4) : value.toFixed(value < 1 ? 3 : 2)}`;
}

const DAY = 86_400;

/** How long ago a second since 1970 is. */
export function ago(then: number, now: number): string {
  const seconds = Math.max(0, now - then);
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min`;
  if (seconds < DAY) return `${String(Math.floor(seconds / 3600))} h`;
  if (seconds < 30 * DAY) return `${String(Math.floor(seconds / DAY))} d`;
  return new Date(then * 1000).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

/** The heading under which a conversation of that time is listed. */
export function period(then: number, now: number): string {
  const midnight = new Date(now * 1000).setHours(0, 0, 0, 0) / 1000;
  if (then >= midnight) return "Today";
  if (then >= midnight - DAY) return "Yesterday";
  if (then >= midnight - 6 * DAY) return "This week";
  return then >= midnight - 29 * DAY ? "This month" : "Older";
}

export function fileName(uri: string): string {
  const path = uri.split(/[?#]/u)[0] ?? uri;
  const name = path.split(/[\\/]/u).findLast((part) => part !== "") ?? uri;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
