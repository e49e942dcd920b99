/** The first run: the walkthrough, what is missing, and a first suggestion. */
import * as vscode from "vscode";

import type { Api, Status } from "./api";
import type { Program } from "./ownProgram";
import type { Server } from "./server";
import { welcome } from "./welcome";

export interface FirstRunParts {
  readonly context: vscode.ExtensionContext;
  readonly api: Api;
  readonly server: Server;
  readonly program: Program;
}

const WALKTHROUGH = "polypilot.polypilot#start";
const WELCOMED = "welcomed";
const NEEDS: Readonly<Partial<Record<Status["state"], readonly string[]>>> = {
  needsModel: ["the embedded model is not here yet.", "Download", "Choose Provider"],
  needsKey: ["the provider that you chose needs a key.", "Set Key", "Choose Provider"],
};
const WAYS: Readonly<Record<string, string>> = {
  Download: "polypilot.pullModel",
  "Set Key": "polypilot.setKey",
  "Choose Provider": "polypilot.selectModel",
};
const SAMPLE = `# Polypilot writes on from the cursor. Tab accepts, Escape dismisses.

def fibonacci(n):
    """Return the n-th Fibonacci number."""
`;

export function registerFirstRun({ context, api, server, program }: FirstRunParts): void {
  const first = context.globalState.get(WELCOMED) !== true;
  const greeting = welcome(first, opensOnInstall(), isEditing());
  // The walkthrough says it.
  let asked = greeting === "open";
  const missing = (): void => {
    if (server.state === "missing" && !asked) {
      asked = true;
      void tellMissing(program.wrong());
    }
  };
  const told = new Set<string>();
  context.subscriptions.push(
    vscode.commands.registerCommand("polypilot.openWalkthrough", openWalkthrough),
    vscode.commands.registerCommand("polypilot.firstSuggestion", () => firstSuggestion(api)),
    api.onDidChangeServerState(missing),
    api.onDidChangeStatus((status) => {
      if (status !== undefined && !told.has(status.state)) {
        told.add(status.state);
        void tellNeeds(status.state);
      }
      const able = status !== undefined && !status.state.startsWith("needs") && status.state !== "starting";
      void vscode.commands.executeCommand("setContext", "polypilot.able", able);
    }),
  );
  if (first) {
    void context.globalState.update(WELCOMED, true);
  }
  if (greeting === "open") {
    void openWalkthrough();
  } else if (greeting === "offer") {
    void offerWalkthrough();
  }
}

function opensOnInstall(): unknown {
  return vscode.workspace.getConfiguration("workbench.welcomePage.walkthroughs").get("openOnInstall");
}

function isEditing(): boolean {
  return vscode.window.activeTextEditor !== undefined || vscode.window.activeNotebookEditor !== undefined;
}

async function offerWalkthrough(): Promise<void> {
  const text = "Polypilot is installed. Its walkthrough shows the first suggestion, and how a provider is chosen.";
  if ((await vscode.window.showInformationMessage(text, "Get Started")) !== undefined) {
    await openWalkthrough();
  }
}

async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false);
}

async function tellMissing(wrong: string | undefined): Promise<void> {
  const text = wrong ?? "its server is not installed";
  const chosen = await vscode.window.showWarningMessage(`Polypilot: ${text}.`, "Install", "Set Path");
  if (chosen === "Install") {
    await vscode.commands.executeCommand("polypilot.install");
  } else if (chosen === "Set Path") {
    await vscode.commands.executeCommand("workbench.action.openSettings", "polypilot.server.path");
  }
}

/** What keeps suggestions from coming, once, with the way out. */
async function tellNeeds(state: Status["state"]): Promise<void> {
  const [text, ...ways] = NEEDS[state] ?? [];
  if (text === undefined) {
    return;
  }
  const chosen = await vscode.window.showInformationMessage(`Polypilot: ${text}`, ...ways);
  const command = chosen === undefined ? undefined : WAYS[chosen];
  if (command !== undefined) {
    await vscode.commands.executeCommand(command);
  }
}

/** A document in which a suggestion is asked for at once. */
async function firstSuggestion(api: Api): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "python", content: SAMPLE });
  const editor = await vscode.window.showTextDocument(document);
  const end = document.lineAt(document.lineCount - 1).range.end;
  await editor.edit((edit) => {
    edit.insert(end, "    ");
  });
  const cursor = document.lineAt(document.lineCount - 1).range.end;
  editor.selection = new vscode.Selection(cursor, cursor);
  // A newcomer is quicker than the server's start; before it nobody is there to be asked.
  await api.request("polypilot/status", {}).catch((error: unknown) => {
    api.report(error);
  });
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
}
