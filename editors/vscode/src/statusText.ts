/** What the status item says. Pure: no editor. */
import type { Choice, ServerState, Spent, Status } from "./api";

export interface Shown {
  readonly text: string;
  /** Markdown. */
  readonly tooltip: string;
  /** What a screen reader says: the text without its icons, and what is wrong. */
  readonly label: string;
  readonly kind: "normal" | "warning" | "error";
}

const WORDS: Readonly<Record<Status["state"], string>> = {
  starting: "starting",
  ready: "ready",
  busy: "working",
  paused: "paused",
  needsKey: "needs a key",
  needsModel: "needs its model",
  error: "error",
};

export function shown(server: ServerState, status: Status | undefined, problem?: string): Shown {
  switch (server) {
    case "missing":
      return plain("$(cloud-download) Polypilot", "Polypilot's server is not installed. Click to install it.", "warning");
    case "failed":
      return plain("$(error) Polypilot", problem ?? "Polypilot's server does not run.", "error");
    case "stopped":
      return plain("$(circle-slash) Polypilot", "Polypilot's server is stopped.", "normal");
    default:
      return status === undefined
        ? plain("$(loading~spin) Polypilot", "Polypilot is starting.", "normal")
        : running(server, status);
  }
}

function running(server: ServerState, status: Status): Shown {
  const state = server === "starting" ? "starting" : status.state;
  const cost = costText(status.spent ?? [], status.spentToday);
  const word = state === "ready" || state === "busy" ? "" : `: ${WORDS[state]}`;
  const text = `${nameOf(status.completion)}${word}${cost === "" ? "" : ` ${cost}`}`;
  const wrong = !status.error ? "" : `. ${status.error.message}`;
  return {
    text: `${icon(state, status.paused)} ${text}`,
    tooltip: tooltip(state, status, cost),
    label: `Polypilot: ${text}${wrong}`,
    kind: kindOf(state),
  };
}

function nameOf(choice: Choice | undefined): string {
  return plainText(choice?.model || choice?.provider || "Polypilot");
}

function kindOf(state: Status["state"]): Shown["kind"] {
  if (state === "error") {
    return "error";
  }
  return state === "needsKey" || state === "needsModel" ? "warning" : "normal";
}

function icon(state: Status["state"], paused: boolean): string {
  switch (state) {
    case "starting":
    case "busy":
      return "$(loading~spin)";
    case "error":
      return "$(error)";
    case "needsKey":
      return "$(key)";
    case "needsModel":
      return "$(cloud-download)";
    default:
      return paused ? "$(debug-pause)" : "$(sparkle)";
  }
}

function tooltip(state: Status["state"], status: Status, cost: string): string {
  const rows = [
    `**Polypilot** — ${WORDS[state]}${status.paused && state !== "paused" ? ", paused" : ""}`,
    `Completion: ${target(status.completion)}`,
    `Chat: ${target(status.chat)}`,
    cost === "" ? "" : `Today: ${escaped(cost)} in all windows; ${String(requests(status.spent ?? []))} requests of this one`,
    status.error ? `$(error) ${escaped(status.error.message)}` : "",
    status.error?.cure ? escaped(status.error.cure) : "",
  ];
  return rows.filter((each) => each !== "").join("\n\n");
}

function target(choice: Choice | undefined): string {
  if (choice === undefined) {
    return "none";
  }
  const account = choice.account ? ` (${choice.account})` : "";
  return escaped(choice.model ? `${choice.provider} / ${choice.model}${account}` : choice.provider);
}

/** Today's cost; empty while nothing was spent. A plus sign: some requests' cost is not known. */
export function costText(spent: readonly Spent[], everywhere?: string | null): string {
  const here = spent.reduce((sum, each) => sum + Number(each.cost ?? 0), 0);
  const total = Math.max(here, Number(everywhere ?? 0)); // the newest may not be in the book yet
  const more = spent.some((each) => (each.unpriced ?? 0) > 0 && Number(each.cost ?? 0) >= 0);
  if (total === 0) {
    return "";
  }
  const digits = total < 0.01 ? 4 : 2;
  return `$${total.toFixed(digits)}${more ? "+" : ""}`;
}

function requests(spent: readonly Spent[]): number {
  return spent.reduce((sum, each) => sum + each.requests, 0);
}

/** Names come from suppliers: they must make neither icons nor links. */
function plainText(text: string): string {
  return text.replace(/\$\(/g, "$ (").replace(/[\p{Cc}\p{Cf}]/gu, "").slice(0, 40);
}

export function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, " ")
    .replace(/[\\`*_{}[\]()#+\-.!|<>~$&:@/]/g, (each) => `&#${String(each.charCodeAt(0))};`);
}

function plain(text: string, tooltip: string, kind: Shown["kind"]): Shown {
  return { text, tooltip: escaped(tooltip), label: tooltip, kind };
}
