/** Proposed edits in VS Code's diff editor: the file as it is against the file as it would be. */
import * as vscode from "vscode";

import type { Edit } from "./protocol";
import { hunkAt } from "./hunks";

export const SCHEME = "polypilot-edit";
const CONTEXT = "polypilot.chat.diff";

/** The name of a virtual document: what of which edit. */
function virtual(edit: Edit, side: "old" | "new"): vscode.Uri {
  const { path } = vscode.Uri.parse(edit.uri);
  return vscode.Uri.from({ scheme: SCHEME, path, query: new URLSearchParams({ id: edit.id, side }).toString() });
}

/** The edit that a virtual document belongs to. */
function editOf(uri: vscode.Uri | undefined): string | undefined {
  return uri?.scheme === SCHEME ? (new URLSearchParams(uri.query).get("id") ?? undefined) : undefined;
}

export class Diffs implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly edits = new Map<string, Edit>();
  private readonly registered: vscode.Disposable[];

  constructor() {
    this.registered = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(() => { this.tellContext(); }),
      vscode.window.tabGroups.onDidChangeTabGroups(() => { this.tellContext(); }),
    ];
  }

  dispose(): void {
    for (const each of this.registered) each.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const edit = this.edits.get(editOf(uri) ?? "");
    return (new URLSearchParams(uri.query).get("side") === "new" ? edit?.newText : edit?.oldText) ?? "";
  }

  async show(edit: Edit): Promise<void> {
    this.edits.set(edit.id, edit);
    const target = vscode.Uri.parse(edit.uri);
    const name = target.path.split("/").at(-1) ?? edit.uri;
    // A file that is there is shown itself, so that what is accepted is seen at once.
    const left = edit.oldText === undefined ? virtual(edit, "old") : target;
    await vscode.commands.executeCommand("vscode.diff", left, virtual(edit, "new"), `${name}: proposed edit`, { preview: true });
    this.tellContext();
  }

  /** Closes the diff of an edit that is decided. */
  async changed(edit: Edit): Promise<void> {
    if (edit.state === "open") return;
    const tabs = this.tabs().filter((tab) => editOf((tab.input as vscode.TabInputTextDiff).modified) === edit.id);
    this.edits.delete(edit.id);
    await vscode.window.tabGroups.close(tabs, true);
  }

  /** The edit whose diff is in front. */
  get current(): string | undefined {
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    return input instanceof vscode.TabInputTextDiff ? editOf(input.modified) : undefined;
  }

  /** The hunk of the edit in front that the cursor is in, on either side of the diff. */
  hunkAtCursor(edit: Edit): number | undefined {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return undefined;
    const isNew = editOf(editor.document.uri) !== undefined;
    return hunkAt(edit.hunks, editor.selection.active.line + 1, isNew);
  }

  private tabs(): vscode.Tab[] {
    return vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => tab.input instanceof vscode.TabInputTextDiff);
  }

  private tellContext(): void {
    void vscode.commands.executeCommand("setContext", CONTEXT, this.current !== undefined);
  }
}
