/** Params and results of `polypilot/chat/*` and `polypilot/edit/*` (docs/protocol.md). */

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export type Mode = "plain" | "ask" | "edit";
export const MODES: readonly Mode[] = ["plain", "ask", "edit"];
export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";
export const EFFORTS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

export interface Attachment {
  readonly kind: "document" | "selection";
  readonly uri: string;
  readonly range?: Range;
}

export interface Scene {
  readonly selection?: { readonly uri: string; readonly range: Range };
  readonly buffer?: string;
}

export interface Question {
  readonly text: string;
  readonly sessionId?: string;
  readonly replaces?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly effort?: Effort;
  readonly mode?: Mode;
  readonly context?: readonly Attachment[];
  readonly scene?: Scene;
  readonly root?: string;
  readonly keep?: boolean;
}

export interface Problem {
  readonly code?: string;
  readonly message: string;
  readonly cure?: string;
}

export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
  readonly cost?: string;
  readonly costSource?: "supplier" | "prices";
}

export interface Sent {
  readonly sessionId: string;
  readonly messageId: string;
  readonly stopReason: string;
  readonly provider: string;
  readonly model: string;
  readonly usage?: Usage;
  readonly text?: string;
  readonly error?: Problem;
}

export interface ContextItem {
  readonly uri: string;
  readonly tokens: number;
  readonly redacted: number;
  readonly refused?: string;
  readonly mediaType?: string;
  readonly name?: string;
  readonly cut?: string;
}

export interface Place {
  readonly uri: string;
  readonly line?: number;
}

export interface FileDiff {
  readonly uri: string;
  readonly oldText?: string;
  readonly newText: string;
}

export type ToolStatus = "pending" | "in_progress" | "completed" | "failed";

export interface PlanEntry {
  readonly content: string;
  readonly status: "pending" | "in_progress" | "completed";
  readonly priority?: string;
}

export interface ToolCallDelta {
  readonly kind: "toolCall";
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly title?: string;
  readonly toolKind?: string;
  readonly locations?: readonly Place[];
}

export interface ToolUpdateDelta {
  readonly kind: "toolUpdate";
  readonly id: string;
  readonly status: ToolStatus;
  readonly text?: string;
  readonly diffs?: readonly FileDiff[];
  readonly locations?: readonly Place[];
  readonly proposals?: readonly string[];
}

export interface EditDelta {
  readonly kind: "edit";
  readonly id?: string;
  readonly uri: string;
  readonly diff: string;
  readonly refused?: string;
}

export interface UsageDelta extends Usage {
  readonly kind: "usage";
  readonly used?: number;
  readonly window?: number;
  readonly sessionCost?: string;
}

export type Delta =
  | {
      readonly kind: "session";
      readonly sessionId: string;
      readonly messageId: string;
      readonly questionId?: string;
      readonly provider: string;
      readonly model: string;
    }
  | { readonly kind: "title"; readonly title: string }
  | { readonly kind: "context"; readonly items: readonly ContextItem[] }
  | { readonly kind: "compacted"; readonly messages: number; readonly before: number; readonly after: number; readonly summary: string }
  | { readonly kind: "text" | "thought" | "refusal"; readonly text: string }
  | ToolCallDelta
  | ToolUpdateDelta
  | { readonly kind: "plan"; readonly entries: readonly PlanEntry[] }
  | { readonly kind: "citation"; readonly url: string; readonly title: string; readonly text: string }
  | EditDelta
  | UsageDelta
  | { readonly kind: "notice"; readonly message: string };

export interface Session {
  readonly sessionId: string;
  readonly title: string;
  readonly provider: string;
  readonly model: string;
  readonly messages: number;
  readonly created: number;
  readonly updated: number;
  readonly mode: Mode;
  readonly root?: string;
  readonly effort?: Effort;
  readonly excerpt?: string;
}

export interface ShownMessage {
  readonly id: string;
  readonly role: "user" | "assistant" | "summary";
  readonly text: string;
  readonly created: number;
  readonly events?: readonly Delta[];
  readonly context?: readonly ContextItem[];
  readonly provider?: string;
  readonly model?: string;
  readonly stopReason?: string;
  readonly branches?: readonly string[];
}

export interface Conversation {
  readonly session: Session;
  readonly messages: readonly ShownMessage[];
  readonly used?: number;
  readonly window?: number;
  readonly sessionCost?: string;
}

export interface Command {
  readonly name: string;
  readonly description: string;
  readonly source: "builtin" | "user" | "workspace";
  readonly hint?: string;
}

export interface Mention {
  readonly label: string;
  readonly insert: string;
  readonly detail?: string;
}

export interface PreviewPart {
  readonly name: string;
  readonly text: string;
  readonly tokens: number;
  readonly redacted: number;
  readonly refused?: string;
}

export interface Preview {
  readonly provider: string;
  readonly model: string;
  readonly tokens: number;
  readonly window?: number;
  readonly parts: readonly PreviewPart[];
  readonly notices: readonly string[];
}

export interface Hunk {
  readonly index: number;
  readonly header: string;
  readonly diff: string;
  readonly applied: boolean;
}

export type EditState = "open" | "applied" | "rejected";

export interface Edit {
  readonly id: string;
  readonly uri: string;
  readonly diff: string;
  readonly hunks: readonly Hunk[];
  readonly state: EditState;
  readonly newText: string;
  readonly oldText?: string;
}

export interface Applied {
  readonly applied: boolean;
  readonly state?: EditState;
  readonly reason?: string;
}

export interface PermissionOption {
  readonly optionId: string;
  readonly name: string;
  readonly kind: "allow_once" | "allow_always" | "reject_once" | "reject_always";
}

export interface PermissionAsked {
  readonly sessionId: string;
  readonly toolCall: {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly toolKind?: string;
    readonly arguments: string;
    readonly diffs?: readonly FileDiff[];
    readonly locations?: readonly Place[];
  };
  readonly options: readonly PermissionOption[];
}

export type PermissionOutcome =
  | { readonly outcome: { readonly outcome: "selected"; readonly optionId: string } }
  | { readonly outcome: { readonly outcome: "cancelled" } };
