/** The pieces of an answer, and how each event changes them. */
import type { Delta, EditDelta, FileDiff, Place, PlanEntry, ToolStatus } from "./protocol";

export interface ToolPart {
  readonly kind: "tool";
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly toolKind: string;
  arguments: string;
  status: ToolStatus;
  text?: string;
  diffs?: readonly FileDiff[];
  locations?: readonly Place[];
  proposals?: readonly string[];
}

/** A piece of an answer. One is changed in place while it grows; `version` tells the page. */
export type Part = { version: number } & (
  | { readonly kind: "text" | "thought" | "refusal"; text: string }
  | ToolPart
  | { readonly kind: "plan"; entries: readonly PlanEntry[] }
  | { readonly kind: "sources"; sources: { readonly url: string; readonly title: string; readonly text: string }[] }
  | { readonly kind: "edit"; readonly edit: EditDelta }
  | { readonly kind: "notice"; readonly message: string }
  | { readonly kind: "compacted"; readonly messages: number; readonly before: number; readonly after: number; readonly summary: string }
);

function grow(parts: Part[], kind: "text" | "thought" | "refusal", text: string): void {
  const last = parts.at(-1);
  if (last?.kind === kind) {
    last.text += text;
    last.version += 1;
  } else if (text !== "") {
    parts.push({ kind, text, version: 0 });
  }
}

function updateTool(parts: Part[], delta: Extract<Delta, { kind: "toolUpdate" }>): void {
  const call = parts.findLast((part) => part.kind === "tool" && part.id === delta.id);
  if (call?.kind !== "tool") return;
  call.status = delta.status;
  call.text = delta.text ?? call.text;
  call.diffs = delta.diffs ?? call.diffs;
  call.locations = delta.locations ?? call.locations;
  call.proposals = delta.proposals ?? call.proposals;
  call.version += 1;
}

function startTool(parts: Part[], delta: Extract<Delta, { kind: "toolCall" }>): void {
  parts.push({
    kind: "tool",
    id: delta.id,
    name: delta.name,
    title: delta.title ?? delta.name,
    toolKind: delta.toolKind ?? "other",
    arguments: delta.arguments,
    status: "pending",
    ...(delta.locations === undefined ? {} : { locations: delta.locations }),
    version: 0,
  });
}

function planned(parts: Part[], entries: readonly PlanEntry[]): void {
  const before = parts.find((part) => part.kind === "plan");
  if (before?.kind === "plan") {
    before.entries = entries;
    before.version += 1;
  } else {
    parts.push({ kind: "plan", entries, version: 0 });
  }
}

function cited(parts: Part[], { url, title, text }: Extract<Delta, { kind: "citation" }>): void {
  const source = { url, title, text };
  const list = parts.find((part) => part.kind === "sources");
  if (!list) {
    parts.push({ kind: "sources", sources: [source], version: 0 });
  } else if (!list.sources.some((each) => each.url === url)) {
    list.sources.push(source);
    list.version += 1;
  }
}

/** Adds one event to an answer's parts; those of no known kind, and those about the chat, change nothing. */
export function addToParts(parts: Part[], delta: Delta): void {
  switch (delta.kind) {
    case "text":
    case "thought":
    case "refusal":
      grow(parts, delta.kind, delta.text);
      break;
    case "toolCall":
      startTool(parts, delta);
      break;
    case "toolUpdate":
      updateTool(parts, delta);
      break;
    case "plan":
      planned(parts, delta.entries);
      break;
    case "citation":
      cited(parts, delta);
      break;
    default:
      remarked(parts, delta);
  }
}

function remarked(parts: Part[], delta: Delta): void {
  if (delta.kind === "edit") parts.push({ kind: "edit", edit: delta, version: 0 });
  else if (delta.kind === "notice") parts.push({ kind: "notice", message: delta.message, version: 0 });
  else if (delta.kind === "compacted") parts.push({ ...delta, version: 0 });
}
