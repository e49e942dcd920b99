/**
 * An edit of a model's that wants to be confirmed: shown as a diff, made when the user says so.
 * VS Code's own preview has such edits unchecked, and its Apply then makes none of them.
 */
import * as vscode from "vscode";
import type { ApplyWorkspaceEditParams, TextDocumentEdit } from "vscode-languageclient/node";

import { edited } from "./textEdits";

const SCHEME = "polypilot-preview";

interface Shown {
  readonly text: string;
  readonly decide: (apply: boolean) => void;
}

export class Preview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #shown = new Map<string, Shown>();
  readonly #disposable: vscode.Disposable;
  #last = 0;

  constructor() {
    this.#disposable = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.commands.registerCommand("polypilot.applyChange", (uri?: vscode.Uri) => {
        this.#decide(uri, true);
      }),
      vscode.commands.registerCommand("polypilot.discardChange", (uri?: vscode.Uri) => {
        this.#decide(uri, false);
      }),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const uri of closed.map(previewed)) {
          this.#shown.get(uri?.toString() ?? "")?.decide(false);
        }
      }),
    );
  }

  dispose(): void {
    for (const each of this.#shown.values()) {
      each.decide(false);
    }
    this.#disposable.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#shown.get(uri.toString())?.text ?? "";
  }

  /** What is to be made of an edit; undefined: nothing, the user does not want it. */
  async confirmed(params: ApplyWorkspaceEditParams): Promise<ApplyWorkspaceEditParams | undefined> {
    const change = toConfirm(params);
    if (change === undefined) {
      return params;
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(change.textDocument.uri, true));
    const edits = change.edits.filter((each) => "newText" in each);
    const text = edited(document.getText(), edits);
    return (await this.#ask(document, text, params.label ?? "Polypilot")) ? asConfirmed(params) : undefined;
  }

  async #ask(document: vscode.TextDocument, text: string, label: string): Promise<boolean> {
    this.#last += 1;
    const { path } = document.uri;
    const uri = vscode.Uri.from({ scheme: SCHEME, path, query: String(this.#last) });
    const decided = new Promise<boolean>((resolve) => {
      this.#shown.set(uri.toString(), { text, decide: resolve });
    });
    const title = `${label}: ${path.split("/").at(-1) ?? path}`;
    await vscode.commands.executeCommand("vscode.diff", document.uri, uri, title, { preview: true });
    const apply = await this.#waited(uri, decided, label);
    this.#shown.delete(uri.toString());
    const tabs = vscode.window.tabGroups.all.flatMap((each) => each.tabs);
    await vscode.window.tabGroups.close(tabs.filter((each) => previewed(each)?.toString() === uri.toString()));
    return apply;
  }

  #waited(uri: vscode.Uri, decided: Promise<boolean>, label: string): Thenable<boolean> {
    const title = `${label}: ✓ in the diff's title makes the change; closing the diff discards it`;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(options, (_, token) => {
      token.onCancellationRequested(() => {
        this.#decide(uri, false);
      });
      return decided;
    });
  }

  #decide(uri: vscode.Uri | undefined, apply: boolean): void {
    const active = vscode.window.tabGroups.activeTabGroup.activeTab;
    const meant = uri?.scheme === SCHEME ? uri : active && previewed(active);
    this.#shown.get(meant?.toString() ?? "")?.decide(apply);
  }
}

/** The one document that an edit changes, if the edit is to be confirmed. */
function toConfirm({ edit }: ApplyWorkspaceEditParams): TextDocumentEdit | undefined {
  const wants = Object.values(edit.changeAnnotations ?? {}).some((each) => each.needsConfirmation);
  const [change, ...more] = edit.documentChanges ?? [];
  return wants && more.length === 0 && change !== undefined && "edits" in change ? change : undefined;
}

function asConfirmed(params: ApplyWorkspaceEditParams): ApplyWorkspaceEditParams {
  const annotations = Object.entries(params.edit.changeAnnotations ?? {}).map(
    ([name, each]) => [name, { ...each, needsConfirmation: false }] as const,
  );
  return { ...params, edit: { ...params.edit, changeAnnotations: Object.fromEntries(annotations) } };
}

function previewed({ input }: vscode.Tab): vscode.Uri | undefined {
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === SCHEME ? input.modified : undefined;
}
