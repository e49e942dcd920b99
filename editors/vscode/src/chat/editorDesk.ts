/** What the chat asks of the editor, done with VS Code. */
import * as vscode from "vscode";

import type { Api } from "../api";
import type { Desk } from "./desk";
import type { Diffs } from "./diffs";
import type { Chip, CodeBlock, Front } from "./messages";
import { selectionName } from "./places";
import type { Edit, Place, Range, Scene } from "./protocol";
import { safeUrl } from "./urls";

/** Documents that a user writes in; not logs, diffs of ours, or another chat's input. */
function isText(document: vscode.TextDocument): boolean {
  return ["file", "untitled", "vscode-remote", "vscode-vfs", "vscode-userdata"].includes(document.uri.scheme);
}

function rangeOf(selection: vscode.Range): Range {
  const at = ({ line, character }: vscode.Position): Range["start"] => ({ line, character });
  return { start: at(selection.start), end: at(selection.end) };
}

export function chipOf(uri: vscode.Uri, range?: vscode.Range): Chip {
  const name = vscode.workspace.asRelativePath(uri).split("/").at(-1) ?? uri.toString();
  if (!range) return { kind: "document", uri: uri.toString(), name };
  const plain = rangeOf(range);
  return { kind: "selection", uri: uri.toString(), range: plain, name: selectionName(name, plain) };
}

export class EditorDesk implements Desk {
  /** The last text editor that was in front: the chat itself takes the keyboard from it. */
  private last: vscode.TextEditor | undefined;
  /** Shows the view; set by whoever has it, which needs this desk itself. */
  reveal: () => void = () => undefined;

  constructor(
    private readonly api: Api,
    private readonly diffs: Diffs,
  ) {
    this.seen(vscode.window.activeTextEditor);
  }

  seen(editor: vscode.TextEditor | undefined): void {
    if (editor && isText(editor.document)) this.last = editor;
  }

  private editor(): vscode.TextEditor | undefined {
    const { last } = this;
    if (last && vscode.window.visibleTextEditors.includes(last)) return last;
    return vscode.window.visibleTextEditors.find((each) => isText(each.document));
  }

  scene(): Scene {
    const editor = this.editor();
    if (!editor) return {};
    const uri = editor.document.uri.toString();
    return editor.selection.isEmpty ? { buffer: uri } : { buffer: uri, selection: { uri, range: rangeOf(editor.selection) } };
  }

  front(): Front {
    const editor = this.editor();
    if (!editor) return {};
    const { uri } = editor.document;
    return editor.selection.isEmpty ? { document: chipOf(uri) } : { document: chipOf(uri), selection: chipOf(uri, editor.selection) };
  }

  root(): string | undefined {
    const uri = this.editor()?.document.uri;
    const folder = (uri && vscode.workspace.getWorkspaceFolder(uri)) ?? vscode.workspace.workspaceFolders?.[0];
    return folder?.uri.toString();
  }

  async copy(text: string): Promise<void> {
    await vscode.env.clipboard.writeText(text);
  }

  async insert({ code }: CodeBlock): Promise<void> {
    const editor = this.editor();
    if (!editor) throw new Error("No editor is open to insert into.");
    const done = await editor.edit((edit) => {
      for (const selection of editor.selections) edit.replace(selection, code);
    });
    if (!done) throw new Error("The editor did not insert it.");
    await vscode.window.showTextDocument(editor.document, { viewColumn: editor.viewColumn });
  }

  async newFile({ code, language }: CodeBlock): Promise<void> {
    const known = await vscode.languages.getLanguages();
    const options = known.includes(language) ? { content: code, language } : { content: code };
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(options));
  }

  async openLink(url: string): Promise<void> {
    const safe = safeUrl(url);
    if (safe === undefined) throw new Error("Only http and https links are opened.");
    await vscode.env.openExternal(vscode.Uri.parse(safe, true));
  }

  async openPlace({ uri, line }: Place): Promise<void> {
    const at = new vscode.Range(line ?? 0, 0, line ?? 0, 0);
    const target = vscode.Uri.parse(uri, true);
    if (!["file", "untitled", "vscode-remote", "vscode-vfs"].includes(target.scheme)) throw new Error("Only files are opened.");
    await vscode.window.showTextDocument(target, line === undefined ? {} : { selection: at });
  }

  async pickFiles(): Promise<readonly Chip[]> {
    const folder = this.root();
    const picked = await vscode.window.showOpenDialog({
      canSelectMany: true,
      openLabel: "Add to Chat",
      ...(folder === undefined ? {} : { defaultUri: vscode.Uri.parse(folder) }),
    });
    return (picked ?? []).map((uri) => chipOf(uri));
  }

  async saveMarkdown(markdown: string, title: string): Promise<void> {
    const name = `${title.replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60) || "chat"}.md`;
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const target = await vscode.window.showSaveDialog({
      filters: { Markdown: ["md"] },
      ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
    });
    if (!target) return;
    await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(markdown));
    await vscode.window.showTextDocument(target);
  }

  async confirm(question: string, yes: string): Promise<boolean> {
    return (await vscode.window.showWarningMessage(question, { modal: true }, yes)) === yes;
  }

  async run(command: "chooseProvider" | "setKey" | "showLog" | "doctor"): Promise<void> {
    if (command === "chooseProvider") await this.api.selectModel("chat");
    else if (command === "setKey") await this.api.setKey(this.api.status?.chat?.provider);
    else if (command === "showLog") this.api.log.show();
    else await vscode.commands.executeCommand("polypilot.doctor");
  }

  showDiff(edit: Edit): Promise<void> {
    return this.diffs.show(edit);
  }

  edited(edit: Edit): void {
    void this.diffs.changed(edit);
  }

  callUser(): void {
    this.reveal();
  }

  running(running: boolean): void {
    void vscode.commands.executeCommand("setContext", "polypilot.chat.running", running);
  }
}
