/**
 * What the parts of this extension may use of the server: requests, notifications, partial results
 * and its state. Handlers survive a restart of the server; nobody else holds the client.
 */
import type * as vscode from "vscode";

export type ServerState = "stopped" | "starting" | "running" | "missing" | "failed";

/** A provider and the model asked of it. */
export interface Choice {
  readonly provider: string;
  readonly model: string;
  readonly account?: string;
}

/** What one provider has cost since midnight. */
export interface Spent {
  readonly provider: string;
  readonly requests: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  /** US dollars, a decimal number. */
  readonly cost?: string | null;
  /** Requests whose cost is not known. */
  readonly unpriced?: number;
}

/** A problem as the server tells it. */
export interface Problem {
  readonly code?: string;
  readonly message: string;
  readonly cure?: string;
}

/** `polypilot/status`, see docs/protocol.md. */
export interface Status {
  readonly state: "starting" | "ready" | "busy" | "paused" | "needsKey" | "needsModel" | "error";
  readonly paused: boolean;
  readonly completion?: Choice;
  readonly chat?: Choice;
  readonly trusted?: boolean;
  readonly redactions?: number;
  readonly keyring?: string | null;
  readonly error?: Problem | null;
  readonly notices?: readonly string[];
  readonly spent?: readonly Spent[];
  /** US dollars, in all of the user's editors. */
  readonly spentToday?: string | null;
}

/** An element of `polypilot/providers`. */
export interface ProviderInfo {
  readonly id: string;
  readonly name?: string;
  readonly local?: boolean;
  readonly free?: boolean;
  readonly auth?: string;
  /** null: the keyring has not been read. */
  readonly keyStored?: boolean | null;
  readonly keyPage?: string | null;
  readonly completionModel?: string | null;
  readonly chatModel?: string | null;
  readonly account?: string | null;
  readonly selectedFor?: readonly string[];
}

/** An element of `polypilot/models`. */
export interface ModelInfo {
  readonly id: string;
  readonly name?: string | null;
  readonly contextTokens?: number | null;
  readonly outputTokens?: number | null;
  readonly shutdownDate?: string | null;
  readonly images?: boolean | null;
  readonly tools?: boolean | null;
  readonly thinking?: string | null;
  readonly fim?: boolean | null;
  readonly efforts?: readonly string[] | null;
  readonly inputPrice?: string | null;
  readonly outputPrice?: string | null;
  readonly tiered?: boolean | null;
  readonly new?: boolean | null;
  readonly default?: boolean | null;
}

export type Purpose = "completion" | "chat" | "both";

/** `RequestError.data.code` of failures that are not the server's. */
export type OwnCode = "cancelled" | "gone" | "missing" | "failed";

/** Why a request failed. */
export class RequestError extends Error {
  constructor(
    message: string,
    /** JSON-RPC's; -32800: cancelled. */
    readonly code: number,
    readonly data: { readonly code?: string; readonly cure?: string },
  ) {
    super(message);
    this.name = code === -32800 ? "Canceled" : "RequestError";
  }
}

export interface Api {
  /** The log that `Polypilot: Show Log` opens. Never keys, code or answers. */
  readonly log: vscode.LogOutputChannel;

  /** The server's own word on itself; undefined until it has said something. */
  readonly status: Status | undefined;
  readonly onDidChangeStatus: vscode.Event<Status | undefined>;

  readonly serverState: ServerState;
  readonly onDidChangeServerState: vscode.Event<ServerState>;

  /**
   * One request. Waits for a server that is starting, or that starts again after it ended.
   * Rejects with a {@link RequestError}; nothing is shown to the user.
   */
  request<R>(method: string, params: object, token?: vscode.CancellationToken): Promise<R>;

  /** A request whose answer comes in pieces, through a `partialResultToken` of its own. */
  requestStreaming<R, P>(
    method: string,
    params: object,
    onPartial: (piece: P) => void,
    token?: vscode.CancellationToken,
  ): Promise<R>;

  /** Values of `$/progress` under a token that the caller has sent. */
  onProgress<P>(token: string, handler: (value: P) => void): vscode.Disposable;

  notify(method: string, params: object): void;

  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable;

  /**
   * Answers requests of the server's, such as `polypilot/chat/permission`. To be registered while
   * the extension is activated: what the client can do is told when the server starts.
   */
  onRequest<P, R>(
    method: string,
    handler: (params: P, token: vscode.CancellationToken) => Promise<R>,
  ): vscode.Disposable;

  /** Tells a failed request to the user, with its cure; silent for one that was cancelled. */
  report(error: unknown): void;

  /** Quick picks for provider and model. What was selected, or undefined. */
  selectModel(purpose?: Purpose): Promise<Choice | undefined>;

  /** Asks for a provider's key and hands it to the keyring. Whether one is stored. */
  setKey(provider?: string): Promise<boolean>;
}
