/** The facade of `api.ts` over the server. */
import * as vscode from "vscode";
import { type LanguageClient, ProgressType } from "vscode-languageclient/node";

import {
  type Api,
  type Choice,
  type OwnCode,
  type Purpose,
  RequestError,
  type ServerState,
  type Status,
} from "./api";
import type { Server } from "./server";

type Handler = (value: unknown) => void;
type Answerer = (params: unknown, token: vscode.CancellationToken) => Promise<unknown>;

const CANCELLED = -32800;
const FAILED = -32803;
const PARTIAL = new ProgressType<unknown>();

export class Facade implements Api, vscode.Disposable {
  readonly log: vscode.LogOutputChannel;
  readonly #statusChanged = new vscode.EventEmitter<Status | undefined>();
  readonly onDidChangeStatus = this.#statusChanged.event;
  readonly #stateChanged = new vscode.EventEmitter<ServerState>();
  readonly onDidChangeServerState = this.#stateChanged.event;
  readonly #notifications = new Map<string, Set<Handler>>();
  readonly #requests = new Map<string, Answerer>();
  readonly #progress = new Map<string, Handler>();
  #tokens = 0;
  #server: Server | undefined;
  #status: Status | undefined;
  /** Set by whoever has the pickers: they need this facade themselves. */
  pickModel: (purpose?: Purpose) => Promise<Choice | undefined> = () => Promise.resolve(undefined);
  askKey: (provider?: string) => Promise<boolean> = () => Promise.resolve(false);

  constructor(log: vscode.LogOutputChannel) {
    this.log = log;
    this.onNotification<Status>("polypilot/status", (status) => {
      this.setStatus(status);
    });
  }

  use(server: Server): void {
    this.#server = server;
    server.onDidChangeState((state) => {
      if (state !== "running" && state !== "starting") {
        this.setStatus(undefined);
      }
      this.#stateChanged.fire(state);
    });
  }

  get status(): Status | undefined {
    return this.#status;
  }

  get serverState(): ServerState {
    return this.#server?.state ?? "stopped";
  }

  setStatus(status: Status | undefined): void {
    this.#status = status;
    this.#statusChanged.fire(status);
  }

  /** Whether someone answers this request of the server's. */
  answers(method: string): boolean {
    return this.#requests.has(method);
  }

  /** Gives a new client the handlers that there are. */
  attach(client: LanguageClient): void {
    for (const method of this.#notifications.keys()) {
      this.#listen(client, method);
    }
    for (const [method, answer] of this.#requests) {
      client.onRequest(method, answer);
    }
    for (const [token, take] of this.#progress) {
      client.onProgress(PARTIAL, token, take);
    }
  }

  async request<R>(method: string, params: object, token?: vscode.CancellationToken): Promise<R> {
    const client = await this.#server?.ready(token);
    if (token?.isCancellationRequested) {
      throw own("cancelled", "cancelled", CANCELLED);
    }
    if (client === undefined) {
      throw this.#notRunning();
    }
    try {
      // An undefined token would count as a second parameter, and both be sent as an array.
      return await (token === undefined
        ? client.sendRequest<R>(method, params)
        : client.sendRequest<R>(method, params, token));
    } catch (error) {
      throw converted(error, client === this.#server?.running);
    }
  }

  async requestStreaming<R, P>(
    method: string,
    params: object,
    onPartial: (piece: P) => void,
    token?: vscode.CancellationToken,
  ): Promise<R> {
    this.#tokens += 1;
    const partialResultToken = `polypilot-partial-${String(this.#tokens)}`;
    const listening = this.onProgress<P>(partialResultToken, onPartial);
    try {
      return await this.request<R>(method, { ...params, partialResultToken }, token);
    } finally {
      listening.dispose();
    }
  }

  onProgress<P>(token: string, handler: (value: P) => void): vscode.Disposable {
    this.#progress.set(token, handler as Handler);
    const client = this.#server?.running;
    const listening = client?.onProgress(PARTIAL, token, handler as Handler);
    return new vscode.Disposable(() => {
      this.#progress.delete(token);
      listening?.dispose();
    });
  }

  notify(method: string, params: object): void {
    const sent = this.#server?.running?.sendNotification(method, params);
    void sent?.catch((error: unknown) => {
      this.log.debug(`${method} was not sent: ${String(error)}`);
    });
  }

  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable {
    const known = this.#notifications.get(method);
    const handlers = known ?? new Set<Handler>();
    handlers.add(handler as Handler);
    if (known === undefined) {
      this.#notifications.set(method, handlers);
      const client = this.#server?.running;
      if (client !== undefined) {
        this.#listen(client, method);
      }
    }
    return new vscode.Disposable(() => handlers.delete(handler as Handler));
  }

  onRequest<P, R>(
    method: string,
    handler: (params: P, token: vscode.CancellationToken) => Promise<R>,
  ): vscode.Disposable {
    this.#requests.set(method, handler as Answerer);
    this.#server?.running?.onRequest(method, handler as Answerer);
    return new vscode.Disposable(() => this.#requests.delete(method));
  }

  report(error: unknown): void {
    if (!(error instanceof RequestError)) {
      void vscode.window.showErrorMessage(`Polypilot: ${messageOf(error)}`);
      return;
    }
    if (error.code === CANCELLED) {
      return;
    }
    const cure = error.data.cure === undefined ? "" : ` — ${error.data.cure}`;
    const [label, command] = cureOf(error.data.code);
    const text = `Polypilot: ${error.message}${cure}`;
    void vscode.window.showErrorMessage(text, ...(label === undefined ? [] : [label])).then((chosen) => {
      if (chosen !== undefined && command !== undefined) {
        void vscode.commands.executeCommand(command);
      }
    });
  }

  selectModel(purpose?: Purpose): Promise<Choice | undefined> {
    return this.pickModel(purpose);
  }

  setKey(provider?: string): Promise<boolean> {
    return this.askKey(provider);
  }

  dispose(): void {
    this.#statusChanged.dispose();
    this.#stateChanged.dispose();
  }

  #listen(client: LanguageClient, method: string): void {
    client.onNotification(method, (params: unknown) => {
      for (const each of this.#notifications.get(method) ?? []) {
        each(params);
      }
    });
  }

  #notRunning(): RequestError {
    return this.serverState === "missing"
      ? own("missing", "the server is not installed", FAILED, "Run “Polypilot: Install Server”.")
      : own("failed", this.#server?.problem ?? "the server does not run", FAILED, "The log shows why.");
  }
}

function cureOf(code: string | undefined): [string?, string?] {
  switch (code) {
    case "auth":
      return ["Set Key", "polypilot.setKey"];
    case "missing":
      return ["Install", "polypilot.install"];
    case "needs_model":
      return ["Download Model", "polypilot.pullModel"];
    case "failed":
    case "gone":
      return ["Show Log", "polypilot.showLog"];
    default:
      return [];
  }
}

function own(code: OwnCode, message: string, number: number, cure?: string): RequestError {
  return new RequestError(message, number, { code, ...(cure !== undefined && { cure }) });
}

function converted(error: unknown, running: boolean): RequestError {
  const fields = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    data?: unknown;
  };
  if (fields.code === CANCELLED) {
    return own("cancelled", "cancelled", CANCELLED);
  }
  if (!running) {
    return own("gone", "the server ended before it had answered", FAILED, "Try again.");
  }
  const data = (typeof fields.data === "object" && fields.data !== null ? fields.data : {}) as {
    code?: string;
    cure?: string;
  };
  return new RequestError(messageOf(error), typeof fields.code === "number" ? fields.code : FAILED, data);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
