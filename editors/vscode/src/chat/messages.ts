/** What the extension and the page of the chat view say to each other. */
import type { Failure } from "./host";
import type { LmModel } from "./lmProtocol";
import type { Attachment, Command, Delta, Edit, Effort, Mention, Mode, Place, Preview, Sent, Session } from "./protocol";
import type { Ask, Chat, ShownState } from "./state";

/** An attachment with the name that its chip shows. */
export interface Chip extends Attachment {
  readonly name: string;
}

/** What may be changed of a conversation; what is absent stays. */
export interface Choice {
  readonly provider?: string;
  readonly model?: string;
  readonly mode?: Mode;
  readonly effort?: Effort;
}

export interface Draft {
  readonly text: string;
  readonly chips: readonly Chip[];
  readonly replaces?: string;
}

/** Code to apply to the document in front, or to what is selected in it. */
export interface CodeBlock {
  readonly code: string;
  readonly language: string;
}

/** Each method that the page may call: its params and its result. */
export interface Calls {
  send: [params: Draft, result: null];
  stop: [params: null, result: null];
  newChat: [params: null, result: null];
  open: [params: { sessionId: string }, result: null];
  select: [params: { messageId: string }, result: null];
  history: [params: { query: string; before?: number }, result: readonly Session[]];
  rename: [params: { sessionId: string; title: string }, result: null];
  remove: [params: { sessionId: string; title: string }, result: boolean];
  export: [params: { sessionId: string }, result: null];
  configure: [params: Choice, result: null];
  models: [params: { provider?: string }, result: readonly LmModel[]];
  commands: [params: null, result: readonly Command[]];
  mentions: [params: { typed: string }, result: readonly Mention[]];
  preview: [params: Draft, result: Preview];
  copy: [params: { text: string }, result: null];
  insert: [params: CodeBlock, result: null];
  newFile: [params: CodeBlock, result: null];
  apply: [params: CodeBlock, result: Edit];
  openLink: [params: { url: string }, result: null];
  openPlace: [params: Place, result: null];
  edit: [params: { id: string }, result: Edit];
  acceptEdit: [params: { id: string; hunks?: readonly number[] }, result: null];
  rejectEdit: [params: { id: string }, result: null];
  showDiff: [params: { id: string }, result: null];
  decide: [params: { id: string; optionId: string }, result: null];
  pickFiles: [params: null, result: readonly Chip[]];
  run: [params: { command: "chooseProvider" | "setKey" | "showLog" | "doctor" }, result: null];
}

export type Method = keyof Calls;
export type Params<M extends Method> = Calls[M][0];
export type Result<M extends Method> = Calls[M][1];

export interface Call<M extends Method = Method> {
  readonly type: "call";
  readonly call: number;
  readonly method: M;
  readonly params: Params<M>;
}

export type FromPage =
  | Call
  | { readonly type: "ready"; readonly sessionId?: string };

/** What is in front in the editor: offered as a chip. */
export interface Front {
  readonly document?: Chip;
  readonly selection?: Chip;
}

export type ToPage =
  | { readonly type: "chat"; readonly chat: Chat }
  | { readonly type: "asked"; readonly text: string; readonly replaces?: string; readonly now: number }
  | { readonly type: "deltas"; readonly deltas: readonly Delta[] }
  | { readonly type: "ended"; readonly sent: Pick<Sent, "stopReason"> & Partial<Sent> }
  | { readonly type: "configured"; readonly choice: Choice; readonly title?: string }
  | { readonly type: "ask"; readonly ask: Ask }
  | { readonly type: "unask"; readonly id: string }
  | { readonly type: "edit"; readonly id: string; readonly state: ShownState; readonly applied: readonly number[] }
  | { readonly type: "branches"; readonly branches: Readonly<Record<string, readonly string[]>> }
  | { readonly type: "front"; readonly front: Front }
  | { readonly type: "attach"; readonly chips: readonly Chip[] }
  | { readonly type: "prefill"; readonly text: string }
  | { readonly type: "focus" }
  | { readonly type: "showHistory" }
  | { readonly type: "server"; readonly running: boolean; readonly provider?: string; readonly model?: string }
  | { readonly type: "answer"; readonly call: number; readonly result?: unknown; readonly failure?: Failure };
