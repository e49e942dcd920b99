/** Params and results of `polypilot/lm/*` (docs/protocol.md). */
import type { Problem } from "./protocol";

export interface LmModel {
  readonly id: string;
  readonly name: string;
  readonly provider: string;
  readonly providerName: string;
  readonly local: boolean;
  readonly selected: boolean;
  readonly contextTokens?: number;
  readonly outputTokens?: number;
  readonly tools?: boolean;
  readonly images?: boolean;
  readonly thinking?: boolean;
  readonly efforts?: readonly string[];
}

export interface LmPart {
  readonly type: "text" | "image" | "thought" | "toolCall" | "toolResult";
  readonly text?: string;
  readonly mediaType?: string;
  readonly data?: string;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly isError?: boolean;
  readonly signature?: string;
  readonly redacted?: string;
  readonly provider?: string;
}

export interface LmMessage {
  readonly role: "system" | "user" | "assistant";
  readonly parts: readonly LmPart[];
}

export interface LmTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: object;
}

export type LmDelta =
  | { readonly kind: "text" | "thought" | "refusal"; readonly text: string }
  | {
      readonly kind: "toolCall";
      readonly id: string;
      readonly name: string;
      readonly arguments: string;
      readonly signature?: string;
      readonly provider?: string;
    }
  | { readonly kind: "proof"; readonly provider?: string; readonly signature?: string; readonly redacted?: string }
  | { readonly kind: "citation"; readonly url: string; readonly title: string; readonly text: string }
  | { readonly kind: "notice"; readonly message: string }
  | { readonly kind: "usage" };

export interface LmResponded {
  readonly stopReason: string;
  readonly provider: string;
  readonly model: string;
  readonly error?: Problem;
  readonly redacted: number;
}
