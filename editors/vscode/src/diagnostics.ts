/** Tells the server what problems VS Code shows in open documents, whichever extension found them. */
import * as vscode from "vscode";

import { plainDiagnostic } from "./actions";
import type { Api } from "./api";

const SCHEMES = new Set(["file", "untitled", "vscode-notebook-cell"]);
const MOST = 200;
const PAUSE_MS = 200;

export function registerDiagnostics(api: Api): vscode.Disposable {
  const waiting = new Map<string, vscode.Uri>();
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    timer = undefined;
    const uris = [...waiting.values()];
    waiting.clear();
    for (const uri of uris) {
      const diagnostics = vscode.languages.getDiagnostics(uri).slice(0, MOST).map(plainDiagnostic);
      api.notify("polypilot/diagnostics", { uri: uri.toString(), diagnostics });
    }
  };
  const changed = (uris: readonly vscode.Uri[]): void => {
    const open = new Set(vscode.workspace.textDocuments.map((each) => each.uri.toString()));
    for (const uri of uris) {
      if (SCHEMES.has(uri.scheme) && open.has(uri.toString())) {
        waiting.set(uri.toString(), uri);
      }
    }
    if (waiting.size > 0) {
      timer ??= setTimeout(tell, PAUSE_MS);
    }
  };
  return vscode.Disposable.from(
    vscode.languages.onDidChangeDiagnostics((event) => {
      changed(event.uris);
    }),
    api.onDidChangeServerState((state) => {
      if (state === "running") {
        changed(vscode.workspace.textDocuments.map((each) => each.uri));
      }
    }),
    new vscode.Disposable(() => {
      clearTimeout(timer);
    }),
  );
}
