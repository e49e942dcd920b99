/** A server by script, and an editor that notes what it is asked. */
import type { Desk } from "../../src/chat/desk";
import type { Cancelling, ChatHost, RequestOptions } from "../../src/chat/host";
import type { Chip, Front } from "../../src/chat/messages";
import type { Delta, Edit, Scene, Sent } from "../../src/chat/protocol";

type Answerer = (params: never, options: RequestOptions) => unknown;

export class RefusedError extends Error {
  constructor(
    message: string,
    readonly code: number,
    readonly data: { code?: string; cure?: string } = {},
  ) {
    super(message);
  }
}

/** A token that can be cancelled. */
export class Token implements Cancelling {
  isCancellationRequested = false;
  private readonly listeners: (() => void)[] = [];

  onCancellationRequested(listener: () => void): { dispose: () => void } {
    this.listeners.push(listener);
    return { dispose: () => undefined };
  }

  cancel(): void {
    this.isCancellationRequested = true;
    for (const listener of this.listeners) listener();
  }
}

export class ScriptedServer implements ChatHost {
  settings: { provider: string; model: string } | undefined = { provider: "anthropic", model: "claude-sonnet-5" };
  readonly asked: { method: string; params: unknown }[] = [];
  private readonly answers = new Map<string, Answerer>();
  private readonly handlers = new Map<string, (params: unknown, token: Cancelling) => Promise<unknown>>();

  on<P>(method: string, answer: (params: P, options: RequestOptions) => unknown): this {
    this.answers.set(method, answer);
    return this;
  }

  async request<T>(method: string, params: unknown = {}, options: RequestOptions = {}): Promise<T> {
    this.asked.push({ method, params });
    const answer = this.answers.get(method);
    if (!answer) throw new RefusedError(`no script for ${method}`, -32601);
    return (await answer(params as never, options)) as T;
  }

  onRequest(method: string, handler: (params: unknown, token: Cancelling) => Promise<unknown>): { dispose: () => void } {
    this.handlers.set(method, handler);
    return { dispose: () => undefined };
  }

  selected(): { provider: string; model: string } | undefined {
    return this.settings;
  }

  onState(): { dispose: () => void } {
    return { dispose: () => undefined };
  }

  /** The params of each request of a method. */
  of<P>(method: string): P[] {
    return this.asked.filter((each) => each.method === method).map((each) => each.params as P);
  }
}

/** An answer that the test writes step by step. */
export class Answer {
  private options: RequestOptions | undefined;
  private end: ((sent: Sent) => void) | undefined;
  private fail: ((error: Error) => void) | undefined;
  private readonly begun: Promise<void>;
  private begin: () => void = () => undefined;

  constructor(
    readonly sessionId = "s1",
    readonly messageId = "a1",
    readonly questionId = "q1",
  ) {
    this.begun = new Promise((resolve) => { this.begin = resolve; });
  }

  readonly serve = (_: unknown, options: RequestOptions): Promise<Sent> => {
    this.options = options;
    options.token?.onCancellationRequested(() => { this.finish({ stopReason: "cancelled" }); });
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
      this.begin();
    });
  };

  async started(): Promise<this> {
    await this.begun;
    const { sessionId, messageId, questionId } = this;
    this.write({ kind: "session", sessionId, messageId, questionId, provider: "anthropic", model: "claude-sonnet-5" });
    return this;
  }

  write(...deltas: Delta[]): void {
    for (const delta of deltas) this.options?.onPartial?.(delta);
  }

  finish(more: Partial<Sent> = {}): void {
    const { sessionId, messageId } = this;
    this.end?.({ sessionId, messageId, stopReason: "end", provider: "anthropic", model: "claude-sonnet-5", ...more });
  }

  reject(error: Error): void {
    this.fail?.(error);
  }
}

export class NotingDesk implements Desk {
  readonly did: [name: string, ...args: unknown[]][] = [];
  picked: readonly Chip[] = [];
  frontNow: Front = {};
  sceneNow: Scene = {};
  yes = true;

  scene(): Scene {
    return this.sceneNow;
  }

  front(): Front {
    return this.frontNow;
  }

  root(): string {
    return "file:///work";
  }

  pickFiles(): Promise<readonly Chip[]> {
    return Promise.resolve(this.picked);
  }

  confirm(question: string): Promise<boolean> {
    this.did.push(["confirm", question]);
    return Promise.resolve(this.yes);
  }

  private note(name: string) {
    return (...args: unknown[]): Promise<void> => {
      this.did.push([name, ...args]);
      return Promise.resolve();
    };
  }

  readonly copy = this.note("copy");
  readonly insert = this.note("insert");
  readonly newFile = this.note("newFile");
  readonly openLink = this.note("openLink");
  readonly openPlace = this.note("openPlace");
  readonly saveMarkdown = this.note("saveMarkdown");
  readonly run = this.note("run");
  readonly showDiff: (edit: Edit) => Promise<void> = this.note("showDiff");
  readonly edited = this.note("edited") as (edit: Edit) => void;
  readonly callUser = this.note("callUser") as (title: string) => void;
  readonly running = this.note("running") as (running: boolean) => void;
}

/** Waits until something is so; bounded by the test's own limit. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}
