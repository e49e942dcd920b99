/** The extension's start and end: everything else is in the modules beside it. */
import * as vscode from "vscode";
import { DidChangeConfigurationNotification, type Middleware } from "vscode-languageclient/node";

import { registerActions } from "./actions";
import { changes } from "./changes";
import { registerChat, registerLanguageModels, registerParticipant } from "./chat";
import { registerCommitMessage } from "./commit";
import { Completion } from "./completion";
import { registerDiagnostics } from "./diagnostics";
import { Facade } from "./facade";
import { registerFirstRun } from "./firstRun";
import { registerInstall } from "./install";
import { Keys } from "./keys";
import { registerMenu } from "./menu";
import { registerMovedKeys } from "./movedKeys";
import { Pause } from "./pause";
import { Picker } from "./picker";
import { Preview } from "./preview";
import { Program, userSetting } from "./ownProgram";
import { Server } from "./server";
import { settingsTree, type Tree } from "./settings";
import { registerStatusItem } from "./statusItem";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Polypilot", { log: true });
  const api = new Facade(log);
  const program = new Program(context);
  const completion = new Completion(api);
  const preview = new Preview();
  const running = (server = serverOf(api, program, middleware(completion, preview)));
  api.use(running);
  const keys = new Keys(api, program, tellSettings);
  const picker = new Picker(api, keys);
  const pause = new Pause(api);
  api.pickModel = (purpose) => picker.select(purpose);
  api.askKey = (provider) => keys.ask(provider);
  context.subscriptions.push(
    log,
    api,
    completion,
    preview,
    running,
    keys,
    pause,
    registerStatusItem(api, () => running.problem),
    registerMenu({ api, server: running, picker, program }),
    registerInstall({ api, server: running, program }),
    registerActions(api),
    registerCommitMessage(api),
    registerDiagnostics(api),
    registerMovedKeys(api, keys),
    whenRunning(api),
    whenMoved(running),
  );
  registerChat(context, api);
  registerLanguageModels(context, api);
  registerParticipant(context, api);
  registerFirstRun({ context, api, server: running, program });
  void running.start();
}

function serverOf(api: Facade, program: Program, between: Middleware): Server {
  return new Server({
    log: api.log,
    find: () => program.find(),
    settings,
    middleware: between,
    attach: (client) => {
      api.attach(client);
    },
    abilities: () => ({
      completionGrew: true,
      permission: api.answers("polypilot/chat/permission"),
    }),
  });
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

function settings(): Tree {
  const all = vscode.workspace.getConfiguration("polypilot");
  return settingsTree((name) => all.inspect(name));
}

function middleware(completion: Completion, preview: Preview): Middleware {
  return {
    provideInlineCompletionItems: completion.provide,
    workspace: {
      handleApplyEdit: async (params, next) => {
        const wanted = await preview.confirmed(params);
        const token = new vscode.CancellationTokenSource().token;
        return wanted === undefined ? { applied: false } : next(wanted, token);
      },
      configuration: ({ items }) =>
        items.map(({ section }) => (section === "polypilot" ? settings() : null)),
      didChangeConfiguration: () => {
        tellSettings();
        return Promise.resolve();
      },
    },
  };
}

function tellSettings(): void {
  const client = server?.running;
  void client
    ?.sendNotification(DidChangeConfigurationNotification.type, { settings: { polypilot: settings() } })
    .catch(() => undefined); // it has just ended; the next one is told when it starts
}

/** Starts another server when the user has set another path; that a repository nests one is no reason. */
function whenMoved(running: Server): vscode.Disposable {
  const moved = changes(() => userSetting("server.path"));
  return vscode.workspace.onDidChangeConfiguration(() => {
    if (moved()) {
      void running.restart();
    }
  });
}

/** For menus and keys: whether there is a server to ask. */
function whenRunning(api: Facade): vscode.Disposable {
  const tell = (): void => {
    void vscode.commands.executeCommand("setContext", "polypilot.running", api.serverState === "running");
  };
  tell();
  return api.onDidChangeServerState(tell);
}
