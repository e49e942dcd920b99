/** The language server's life: started, started again when it ended, stopped. */
import { homedir } from "node:os";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
  TransportKind,
} from "vscode-languageclient/node";

import type { ServerState } from "./api";
import { Backoff } from "./backoff";
import type { Found } from "./find";
import type { Tree } from "./settings";
import { nameOnly } from "./traceText";

/** Long enough for a busy machine; nobody waits for a server that hangs. */
const START_MS = 60_000;

/** What the server is asked for: files and what was never saved, not the editor's own inputs. */
const SELECTOR = [
  { scheme: "file" },
  { scheme: "untitled" },
  { scheme: "vscode-notebook-cell" },
];

export interface Setup {
  readonly log: vscode.LogOutputChannel;
  readonly find: () => Found | undefined;
  readonly settings: () => Tree;
  readonly middleware: Middleware;
  /** Registers handlers; called for each new client, before it is started. */
  readonly attach: (client: LanguageClient) => void;
  /** What the client says of itself under `experimental.polypilot`. */
  readonly abilities: () => Record<string, boolean>;
}

/** The client of one run of the server. It tells the log alone: the user is told by us, once. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** The log, for the library's tracing: of each message its name alone. */
function namesOnly(log: vscode.LogOutputChannel): vscode.LogOutputChannel {
  return new Proxy(log, {
    get(target, name) {
      if (name === "trace") {
        return (text: string): void => {
          target.trace(nameOnly(text));
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

export class Server implements vscode.Disposable {
  readonly #setup: Setup;
  readonly #backoff = new Backoff();
  readonly #changed = new vscode.EventEmitter<ServerState>();
  readonly onDidChangeState = this.#changed.event;
  #state: ServerState = "stopped";
  #client: LanguageClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;
  /** Why it does not run, for the user. */
  problem: string | undefined;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** The version that the running server gives itself. */
  get version(): string | undefined {
    return this.running?.initializeResult?.serverInfo?.version;
  }

  /** The client, if its server answers. */
  get running(): LanguageClient | undefined {
    return this.#state === "running" ? this.#client : undefined;
  }

  /** Waits until the server runs; undefined: it does not, and won't by itself. */
  async ready(token?: vscode.CancellationToken): Promise<LanguageClient | undefined> {
    if (this.#state === "stopped") {
      void this.start();
    }
    if (this.#state !== "starting") {
      return this.running;
    }
    return new Promise<LanguageClient | undefined>((resolve) => {
      const listening = [
        this.onDidChangeState((state) => {
          if (state !== "starting") {
            done();
          }
        }),
        token?.onCancellationRequested(() => {
          done();
        }),
      ];
      const done = (): void => {
        vscode.Disposable.from(...listening.filter((each) => each !== undefined)).dispose();
        resolve(this.running);
      };
    });
  }

  async start(): Promise<void> {
    if (this.#client !== undefined || this.#disposed) {
      return;
    }
    clearTimeout(this.#timer);
    const found = this.#setup.find();
    if (found === undefined) {
      this.#set("missing");
      return;
    }
    this.#set("starting");
    this.#setup.log.info(`Starting ${found.command} (${found.source})`);
    const client = this.#make(found);
    this.#client = client;
    this.#setup.attach(client);
    try {
      await started(client);
    } catch (error) {
      this.#ended(client, error instanceof Error ? error.message : String(error));
      return;
    }
    if (client !== this.#client) {
      return; // it was stopped, or ended, meanwhile
    }
    if (!speaks(client)) {
      await this.#fail(client, `${found.command} is not a Polypilot server that this extension can talk to.`);
      return;
    }
    this.problem = undefined;
    this.#set("running");
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const client = this.#client;
    this.#client = undefined;
    this.#set("stopped");
    await dismiss(client);
  }

  /** Anew, as the user wishes; what has gone wrong before is forgotten. */
  async restart(): Promise<void> {
    await this.stop();
    this.#backoff.reset();
    await this.start();
  }

  dispose(): void {
    this.#disposed = true;
    void this.stop();
    this.#changed.dispose();
  }

  #make(found: Found): LanguageClient {
    const { log, settings, middleware, abilities } = this.#setup;
    const server = {
      command: found.command,
      transport: TransportKind.stdio,
      // Not in the workspace: nothing there is to be found before what belongs to the server.
      options: { cwd: homedir() },
    };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      outputChannel: log,
      traceOutputChannel: namesOnly(log),
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { polypilot: settings() },
      initializationFailedHandler: () => false,
      middleware,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.#ended(client, "its connection was closed");
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
    const client = new QuietClient("polypilot", "Polypilot", server, options);
    client.registerFeature({
      fillClientCapabilities: (capabilities) => {
        const more: object = { polypilot: { version: 1, ...abilities() } };
        capabilities.experimental = { ...(capabilities.experimental as object | undefined), ...more };
      },
      initialize: () => undefined,
      getState: () => ({ kind: "static" }),
      clear: () => undefined,
    });
    return client;
  }

  #ended(client: LanguageClient, why: string): void {
    if (client !== this.#client) {
      return;
    }
    this.#client = undefined;
    const { delayMs, tell, often } = this.#backoff.ended(performance.now());
    this.#setup.log.warn(`The server ended (${why}); starting it again in ${String(delayMs)} ms`);
    this.problem = often ? "the server keeps ending" : undefined;
    this.#set(often ? "failed" : "starting");
    // Later, not now: the client takes back the commands and providers it has registered first.
    const timer = setTimeout(() => {
      void dismiss(client).then(() => {
        if (this.#timer === timer) {
          return this.start();
        }
        return undefined; // it was stopped meanwhile
      });
    }, delayMs);
    this.#timer = timer;
    if (tell) {
      this.#tell();
    }
  }

  async #fail(client: LanguageClient, problem: string): Promise<void> {
    this.#client = undefined;
    this.problem = problem;
    this.#setup.log.error(problem);
    await dismiss(client);
    this.#set("failed");
  }

  #tell(): void {
    const text = "Polypilot's server keeps ending. It is started again, at longer intervals.";
    void vscode.window.showErrorMessage(text, "Show Log", "Doctor").then((chosen) => {
      if (chosen !== undefined) {
        void vscode.commands.executeCommand(
          chosen === "Doctor" ? "polypilot.doctor" : "polypilot.showLog",
        );
      }
    });
  }

  #set(state: ServerState): void {
    if (state !== this.#state) {
      this.#state = state;
      if (!this.#disposed) {
        this.#changed.fire(state);
      }
    }
  }
}

/** Rejects when the server does not come up, nor end. */
async function started(client: LanguageClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error("it did not answer in time"));
    }, START_MS);
  });
  try {
    await Promise.race([client.start(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function speaks(client: LanguageClient): boolean {
  const said = client.initializeResult?.capabilities.experimental as
    | { polypilot?: { version?: unknown } }
    | undefined;
  return said?.polypilot?.version === 1;
}

/** Ends a client, whatever state it is in. */
async function dismiss(client: LanguageClient | undefined): Promise<void> {
  try {
    await client?.dispose();
  } catch {
    // It had ended already, or never started.
  }
}
