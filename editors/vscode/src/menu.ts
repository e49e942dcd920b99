/** The status item's menu, and the commands behind it. */
import * as vscode from "vscode";

import type { Api } from "./api";
import { checksText, type Check } from "./doctorText";
import type { Picker } from "./picker";
import type { Program } from "./ownProgram";
import type { Server } from "./server";

export interface MenuParts {
  readonly api: Api;
  readonly server: Server;
  readonly picker: Picker;
  readonly program: Program;
}

type Entry = vscode.QuickPickItem & { readonly command?: string };

export function registerMenu(parts: MenuParts): vscode.Disposable {
  const { api, server, picker } = parts;
  const command = (name: string, run: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`polypilot.${name}`, run);
  return vscode.Disposable.from(
    command("menu", () => show(api)),
    command("selectModel", () => picker.select()),
    command("showLog", () => {
      api.log.show();
    }),
    command("restart", () => server.restart()),
    command("doctor", () => doctor(parts)),
    command("trust", () => trust(api)),
    command("openSettings", () =>
      vscode.commands.executeCommand("workbench.action.openSettings", "@ext:polypilot.polypilot"),
    ),
  );
}

async function show(api: Api): Promise<void> {
  const chosen = await vscode.window.showQuickPick(entries(api), {
    title: "Polypilot",
    placeHolder: placeholder(api),
  });
  if (chosen?.command !== undefined) {
    await vscode.commands.executeCommand(chosen.command);
  }
}

function placeholder(api: Api): string {
  const { status } = api;
  if (status === undefined) {
    return api.serverState === "missing" ? "The server is not installed" : "The server does not answer yet";
  }
  const error = status.error ? `${status.error.message} — ` : "";
  return `${error}completion: ${status.completion?.provider ?? "none"}, chat: ${status.chat?.provider ?? "none"}`;
}

function entries(api: Api): Entry[] {
  const line = { label: "", kind: vscode.QuickPickItemKind.Separator };
  const state = api.status?.state;
  const first: Entry[] = [];
  if (api.serverState === "missing" || api.serverState === "failed") {
    first.push({ label: "$(cloud-download) Install server", command: "polypilot.install" });
  }
  if (state === "needsModel") {
    first.push({ label: "$(cloud-download) Download the embedded model", command: "polypilot.pullModel" });
  }
  return [
    ...first,
    { label: "$(server) Select provider and model", command: "polypilot.selectModel" },
    { label: "$(key) Set key", description: "goes to the system's keyring", command: "polypilot.setKey" },
    { label: "$(debug-pause) Pause or resume suggestions", command: "polypilot.pause" },
    { label: "$(comment-discussion) Open chat", command: "polypilot.chat.open" },
    line,
    { label: "$(pulse) Doctor", description: "checks each link from here to the model", command: "polypilot.doctor" },
    { label: "$(output) Show log", command: "polypilot.showLog" },
    { label: "$(gear) Settings", command: "polypilot.openSettings" },
    { label: "$(book) Get started", command: "polypilot.openWalkthrough" },
    { label: "$(debug-restart) Restart server", command: "polypilot.restart" },
  ];
}

async function doctor({ api, program }: MenuParts): Promise<void> {
  try {
    const checks = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: "Polypilot: checking" },
      () => api.request<Check[]>("polypilot/doctor", {}),
    );
    await open(checksText(checks, program.find()));
  } catch (error) {
    const problem = program.wrong();
    if (problem === undefined) {
      api.report(error);
    } else {
      void vscode.window.showErrorMessage(`Polypilot: ${problem}`);
    }
  }
}

async function open(content: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content });
  await vscode.window.showTextDocument(document, { preview: true });
}

/** The server's own trust: whether this folder's `.polypilot.toml`, AGENTS.md and commands count. */
async function trust(api: Api): Promise<void> {
  const folder = await chosenFolder();
  if (folder === undefined) {
    return;
  }
  if (!vscode.workspace.isTrusted) {
    await vscode.commands.executeCommand("workbench.trust.manage");
    return;
  }
  const yes = "Trust";
  const chosen = await vscode.window.showWarningMessage(
    `Trust what ${folder.name} asks of Polypilot?`,
    { modal: true, detail: "Its AGENTS.md goes along with chats, and its .polypilot folder may bring commands." },
    yes,
    "Do Not Trust",
  );
  if (chosen === undefined) {
    return;
  }
  try {
    await api.request("polypilot/trust", { uri: folder.uri.toString(), trusted: chosen === yes });
  } catch (error) {
    api.report(error);
  }
}

async function chosenFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.length > 1 ? vscode.window.showWorkspaceFolderPick() : folders[0];
}
