/** A conversation as it is shown, and how the server's events change it. Shared by extension and page. */
import type {
  ContextItem,
  Conversation,
  Delta,
  EditState,
  Effort,
  FileDiff,
  Mode,
  PermissionOption,
  Problem,
  Sent,
  ShownMessage,
  UsageDelta,
} from "./protocol";
import { addToParts, type Part } from "./parts";

export interface Message {
  id: string;
  readonly role: "user" | "assistant" | "summary";
  text: string;
  readonly created: number;
  parts: Part[];
  context: readonly ContextItem[];
  provider?: string;
  model?: string;
  /** Absent: it is still being written. */
  stopReason?: string;
  error?: Problem;
  usage?: UsageDelta;
  branches?: readonly string[];
}

export interface Ask {
  readonly id: string;
  readonly callId: string;
  readonly title: string;
  readonly toolKind: string;
  readonly arguments: string;
  readonly diffs: readonly FileDiff[];
  readonly options: readonly PermissionOption[];
}

/** An edit that the server does not know any more is gone. */
export type ShownState = EditState | "gone";

export interface Chat {
  sessionId?: string;
  title: string;
  provider?: string;
  model?: string;
  mode?: Mode;
  effort?: Effort;
  root?: string;
  messages: Message[];
  used?: number;
  window?: number;
  sessionCost?: string;
  /** Whether an answer is being written. */
  running: boolean;
  asks: Ask[];
  edits: Record<string, { state: ShownState; applied: readonly number[] }>;
}

export function emptyChat(): Chat {
  return { title: "", messages: [], running: false, asks: [], edits: {} };
}

/** What the events of an answer make of it. */
function partsOf(message: ShownMessage): { parts: Part[]; usage?: UsageDelta } {
  const parts: Part[] = [];
  const events = message.events ?? [];
  for (const event of events) addToParts(parts, event);
  if (message.role !== "user" && message.text !== "" && !parts.some((part) => part.kind === "text")) {
    parts.push({ kind: "text", text: message.text, version: 0 });
  }
  const usage = events.findLast((event) => event.kind === "usage");
  return { parts, ...(usage ? { usage } : {}) };
}

/** A message of the server's, ready to be shown. */
export function shown(message: ShownMessage): Message {
  const { id, role, text, created } = message;
  return {
    id,
    role,
    text,
    created,
    ...partsOf(message),
    context: message.context ?? [],
    ...pick(message, "provider", "model", "branches"),
    // What the server has without an end was cut off: an answer that runs is the controller's own.
    ...(role === "assistant" ? { stopReason: message.stopReason ?? "cancelled" } : {}),
  };
}

function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key];
  return picked;
}

/** A conversation that is opened. */
export function opened(conversation: Conversation): Chat {
  return {
    ...emptyChat(),
    ...pick(conversation.session, "sessionId", "title", "provider", "model", "mode", "effort", "root"),
    ...pick(conversation, "used", "window", "sessionCost"),
    messages: conversation.messages.map(shown),
  };
}

/** Ids that the page uses until the server has told its own. */
export const PENDING_QUESTION = "pending-question";
export const PENDING_ANSWER = "pending-answer";

/** A question is sent: it and its empty answer are shown at once. */
export function asked(chat: Chat, text: string, replaces: string | undefined, now: number): void {
  let question = text;
  if (replaces !== undefined) {
    const at = chat.messages.findIndex((message) => message.id === replaces);
    if (at >= 0) {
      const target = chat.messages[at];
      // An answer is given again: its question stays as it is.
      const keepsQuestion = target?.role === "assistant";
      if (keepsQuestion) question = "";
      chat.messages.length = at;
    }
  }
  if (question !== "") {
    chat.messages.push({ id: PENDING_QUESTION, role: "user", text: question, created: now, parts: [], context: [] });
  }
  chat.messages.push({ id: PENDING_ANSWER, role: "assistant", text: "", created: now, parts: [], context: [] });
  chat.running = true;
}

function lastOf(chat: Chat, role: Message["role"]): Message | undefined {
  return chat.messages.findLast((message) => message.role === role);
}

function begun(chat: Chat, answer: Message, delta: Extract<Delta, { kind: "session" }>): void {
  chat.sessionId = delta.sessionId;
  chat.provider = delta.provider;
  chat.model = delta.model;
  answer.id = delta.messageId;
  answer.provider = delta.provider;
  answer.model = delta.model;
  const question = lastOf(chat, "user");
  if (delta.questionId !== undefined && question) question.id = delta.questionId;
}

/** One event of the answer that is being written. */
export function received(chat: Chat, delta: Delta): void {
  const answer = lastOf(chat, "assistant");
  if (!answer) return;
  switch (delta.kind) {
    case "session":
      { begun(chat, answer, delta); return; }
    case "title":
      chat.title = delta.title;
      return;
    case "context": {
      const question = lastOf(chat, "user");
      if (question) question.context = delta.items;
      return;
    }
    case "usage":
      answer.usage = delta;
      Object.assign(chat, pick(delta, "used", "window", "sessionCost"));
      return;
    default:
      addToParts(answer.parts, delta);
  }
}

/** The answer has ended. */
export function ended(chat: Chat, sent: Pick<Sent, "stopReason"> & Partial<Sent>): void {
  chat.running = false;
  chat.asks = [];
  const answer = lastOf(chat, "assistant");
  if (!answer) return;
  answer.stopReason = sent.stopReason;
  if (sent.error) answer.error = sent.error;
  Object.assign(answer, pick(sent, "provider", "model"));
  if (sent.usage) answer.usage = { kind: "usage", ...answer.usage, ...sent.usage };
  for (const part of answer.parts) {
    if (part.kind === "tool" && (part.status === "pending" || part.status === "in_progress")) {
      part.status = "failed";
      part.version += 1;
    }
  }
}
