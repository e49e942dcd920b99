/** The item in the status bar. */
import * as vscode from "vscode";

import type { Api } from "./api";
import { shown } from "./statusText";

export function registerStatusItem(api: Api, problem: () => string | undefined): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("polypilot.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "Polypilot";
  item.command = "polypilot.menu";
  const told = new Set<string>();
  const update = (): void => {
    const { text, tooltip, label, kind } = shown(api.serverState, api.status, problem());
    item.text = text;
    item.tooltip = new vscode.MarkdownString(tooltip, true);
    item.accessibilityInformation = { label, role: "button" };
    item.backgroundColor =
      kind === "normal" ? undefined : new vscode.ThemeColor(`statusBarItem.${kind}Background`);
    item.show();
  };
  const notices = (): void => {
    for (const notice of api.status?.notices ?? []) {
      if (!told.has(notice)) {
        told.add(notice);
        void vscode.window.showWarningMessage(`Polypilot: ${notice}`);
      }
    }
  };
  update();
  return vscode.Disposable.from(
    item,
    api.onDidChangeServerState(update),
    api.onDidChangeStatus(() => {
      update();
      notices();
    }),
  );
}
