/** What VS Code's inline completion needs besides the client's own feature. */
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";

import type { Api } from "./api";
import { AskAgain, type Place } from "./askAgain";
import { acceptedLength } from "./partial";

interface Offered {
  readonly uri: string;
  readonly item: vscode.InlineCompletionItem;
  readonly position: vscode.Position;
}

export class Completion implements vscode.Disposable {
  readonly #api: Api;
  readonly #disposables: vscode.Disposable[] = [];
  /** What was offered last: VS Code tells extensions neither what is shown nor what is taken of it. */
  #offered: Offered | undefined;
  /** The document for which we have VS Code ask: the next request for it is not the user's. */
  #ours: string | undefined;

  constructor(api: Api) {
    this.#api = api;
    const asking = new AskAgain();
    this.#disposables.push(
      api.onDidChangeServerState((state) => {
        const editor = vscode.window.activeTextEditor;
        if (asking.wanted(state, () => placeOf(editor, api)) && editor !== undefined) {
          void this.#again(editor.document.uri.toString());
        }
      }),
      api.onNotification<{ uri: string }>("polypilot/completionGrew", ({ uri }) => {
        void this.#longer(uri);
      }),
      vscode.commands.registerCommand("polypilot.acceptWord", () => this.#accept("acceptNextWord")),
      vscode.commands.registerCommand("polypilot.acceptLine", () => this.#accept("acceptNextLine")),
      vscode.commands.registerCommand("polypilot.trigger", () =>
        vscode.commands.executeCommand("editor.action.inlineSuggest.trigger"),
      ),
    );
  }

  readonly provide: Middleware["provideInlineCompletionItems"] = async (
    document,
    position,
    context,
    token,
    next,
  ) => {
    const uri = document.uri.toString();
    const ours = this.#ours === uri;
    this.#ours = undefined;
    const triggerKind = ours ? vscode.InlineCompletionTriggerKind.Automatic : context.triggerKind;
    const found = await next(document, position, { ...context, triggerKind }, token);
    const items = Array.isArray(found) ? found : found?.items;
    if (!token.isCancellationRequested && items?.[0] !== undefined) {
      this.#suggested({ uri, item: items[0], position });
    }
    return found;
  };

  dispose(): void {
    this.#disposables.forEach((each) => {
      each.dispose();
    });
  }

  #suggested(offered: Offered): void {
    if (this.#offered === undefined) {
      void vscode.commands.executeCommand("setContext", "polypilot.suggested", true);
    }
    this.#offered = offered;
  }

  /** Shows what a suggestion has become: VS Code keeps the one that is shown before any other. */
  async #longer(uri: string): Promise<void> {
    const cursor = vscode.window.activeTextEditor?.selection.active;
    if (this.#offered?.uri === uri && cursor?.isEqual(this.#offered.position) === true) {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await this.#again(uri);
    }
  }

  /** Has VS Code ask again. */
  async #again(uri: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.uri.toString() !== uri) {
      return;
    }
    this.#ours = uri;
    // Explicitly: without it VS Code asks nobody where it has asked for this text before.
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
  }

  /** Takes a part, and tells the server how much of the suggestion is taken by now. */
  async #accept(what: "acceptNextWord" | "acceptNextLine"): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const offered = this.#offered;
    await vscode.commands.executeCommand(`editor.action.inlineSuggest.${what}`);
    if (editor === undefined || editor.document.uri.toString() !== offered?.uri) {
      return;
    }
    const taken = takenOf(offered.item, editor);
    if (taken !== undefined) {
      const params = { command: "polypilot.partiallyAccepted", arguments: taken };
      await this.#api.request("workspace/executeCommand", params).catch(() => undefined);
    }
  }
}

/** Where a suggestion would be shown, if suggestions are on there. */
function placeOf(editor: vscode.TextEditor | undefined, api: Api): Place | undefined {
  if (editor === undefined || api.status?.paused === true) {
    return undefined;
  }
  const { document, selection } = editor;
  const on = vscode.workspace.getConfiguration("editor", document).get("inlineSuggest.enabled") === true;
  const { line, character } = selection.active;
  const at = [document.uri.toString(), document.version, line, character].join(" ");
  return on && selection.isEmpty ? { at, edited: document.version > 1 } : undefined;
}

/** The suggestion's id, and how much of it stands before the cursor. */
function takenOf(
  item: vscode.InlineCompletionItem,
  editor: vscode.TextEditor,
): [string, number] | undefined {
  const id: unknown = item.command?.arguments?.[0];
  if (typeof id !== "string" || item.range === undefined || typeof item.insertText !== "string") {
    return undefined;
  }
  const there = editor.document.getText(new vscode.Range(item.range.start, editor.selection.active));
  const length = acceptedLength(item.insertText, there);
  return length > 0 ? [id, length] : undefined;
}
