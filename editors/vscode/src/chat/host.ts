/** What the chat needs of the extension: the server, behind an interface that tests can script. */

export interface Disposed {
  dispose(): void;
}

export interface Cancelling {
  readonly isCancellationRequested: boolean;
  onCancellationRequested(listener: () => void): Disposed;
}

export interface RequestOptions {
  /** Cancels the request (`$/cancelRequest`). */
  readonly token?: Cancelling;
  /** Gets the values of `$/progress`; a `partialResultToken` is added to the params. */
  readonly onPartial?: (value: unknown) => void;
}

export interface ChatHost {
  /** Waits for the server to be ready. Rejects with a {@link Failure}-like error. */
  request<T>(method: string, params?: unknown, options?: RequestOptions): Promise<T>;
  /** Answers a request of the server's; lasts over restarts. */
  onRequest(method: string, handler: (params: unknown, token: Cancelling) => Promise<unknown>): Disposed;
  /** Who answers by the settings, as far as the server has said. */
  selected(): { readonly provider: string; readonly model: string } | undefined;
  /** Told each time the server has (re)started, and when it is gone. */
  onState(listener: (running: boolean) => void): Disposed;
}

/** What a user is told of an error. */
export interface Failure {
  readonly code?: string;
  readonly message: string;
  readonly cure?: string;
}

/** What went wrong, of any error: those of a request have the server's code and cure in their `data`. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const data: unknown = Reflect.get(error, "data");
  const field = (name: string): string | undefined => {
    const value: unknown = typeof data === "object" && data !== null ? Reflect.get(data, name) : undefined;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const code = field("code");
  const cure = field("cure");
  return { message: error.message, ...(code === undefined ? {} : { code }), ...(cure === undefined ? {} : { cure }) };
}

const CANCELLED = -32800;

/** Whether an error only says that the request was cancelled. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === CANCELLED;
}
