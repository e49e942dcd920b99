/** The chat: the view of our own, our models for VS Code's chat, and a participant in it. */
import * as vscode from "vscode";

import type { Api } from "../api";
import { Controller } from "./controller";
import { Diffs } from "./diffs";
import { chipOf, EditorDesk } from "./editorDesk";
import { hostOf } from "./fromApi";
import type { ChatHost } from "./host";
import type { Chip } from "./messages";
import { permission, PERMISSION } from "./permissions";
import type { Edit } from "./protocol";
import { ChatView, VIEW } from "./view";

export { registerLanguageModels } from "./models";
export { registerParticipant } from "./participant";

const REMEMBERED = "polypilot.chat.session";

/** What `polypilot.chat.ask` may be given by other parts of the extension. */
export interface Asked {
  readonly text: string;
  readonly chips?: readonly Chip[];
  /** At once, or only put where the user writes. */
  readonly send?: boolean;
}

export function registerChat(context: vscode.ExtensionContext, api: Api): void {
  const host = hostOf(api);
  const diffs = new Diffs();
  const desk = new EditorDesk(api, diffs);
  const controller = new Controller(host, desk, {
    get: () => context.workspaceState.get<string>(REMEMBERED),
    set: (sessionId) => void context.workspaceState.update(REMEMBERED, sessionId),
  });
  controller.serverState(api.serverState === "running");
  const view = new ChatView(context.extensionUri, controller);
  desk.reveal = () => { view.reveal(); };
  const front = (): void => { controller.frontChanged(); };
  context.subscriptions.push(
    diffs,
    { dispose: () => { controller.dispose(); } },
    vscode.window.registerWebviewViewProvider(VIEW, view),
    host.onState((running) => { controller.serverState(running); }),
    api.onDidChangeStatus(() => { controller.fillChoice(); }),
    host.onRequest(PERMISSION, permission(controller)),
    vscode.window.onDidChangeActiveTextEditor((editor) => { desk.seen(editor); front(); }),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => { desk.seen(textEditor); front(); }),
    ...conversationCommands(controller, view),
    ...editCommands(controller, diffs, host, api),
  );
}

function conversationCommands(controller: Controller, view: ChatView): vscode.Disposable[] {
  const register = <A extends unknown[]>(name: string, run: (...args: A) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`polypilot.chat.${name}`, run);
  const add = async (chips: readonly Chip[]): Promise<void> => {
    await view.focus();
    controller.addChips(chips);
  };
  return [
    register("open", async () => { await view.focus(); controller.focus(); }),
    register("new", async () => { await view.focus(); controller.newChat(); }),
    register("history", async () => { await view.focus(); controller.showHistory(); }),
    register("stop", () => { controller.stopAnswer(); }),
    register("export", () => controller.exportChat()),
    register("addSelection", async () => {
      const editor = vscode.window.activeTextEditor;
      if (editor) await add([chipOf(editor.document.uri, editor.selection.isEmpty ? undefined : editor.selection)]);
    }),
    register("addFile", async (clicked?: vscode.Uri, all?: vscode.Uri[]) => {
      const uris = all ?? (clicked ? [clicked] : [vscode.window.activeTextEditor?.document.uri]);
      await add(uris.filter((uri) => uri !== undefined).map((uri) => chipOf(uri)));
    }),
    register("ask", async ({ text, chips, send }: Asked) => {
      await view.focus();
      await controller.ask(text, chips ?? [], send ?? true);
    }),
  ];
}

function editCommands(controller: Controller, diffs: Diffs, host: ChatHost, api: Api): vscode.Disposable[] {
  const register = (name: string, run: (id: string) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`polypilot.chat.${name}`, async () => {
      const id = diffs.current;
      if (id === undefined) return;
      try {
        await run(id);
      } catch (error) {
        api.report(error);
      }
    });
  return [
    register("acceptEdit", (id) => controller.acceptEdit(id)),
    register("rejectEdit", (id) => controller.rejectEdit(id)),
    vscode.commands.registerCommand("polypilot.chat.reviewEdit", async (id: string) => {
      try {
        await diffs.show(await host.request<Edit>("polypilot/edit/get", { id }));
      } catch (error) {
        api.report(error);
      }
    }),
    register("acceptHunk", async (id) => {
      const hunk = diffs.hunkAtCursor(await host.request<Edit>("polypilot/edit/get", { id }));
      if (hunk !== undefined) await controller.acceptEdit(id, [hunk]);
    }),
  ];
}
