/** A commit message in the source-control box, for what is staged. */
import * as vscode from "vscode";

import { type Api, RequestError } from "./api";
import { bare } from "./commitText";

/** As far as we need it of the built-in Git extension's API, version 1. */
interface GitApi {
  readonly repositories: readonly Repository[];
}

interface Repository {
  readonly rootUri: vscode.Uri;
  readonly inputBox: { value: string };
  readonly state: {
    readonly indexChanges: readonly unknown[];
    readonly workingTreeChanges: readonly unknown[];
  };
  readonly ui: { readonly selected: boolean };
}

interface Answer {
  readonly stopReason: string;
  readonly text?: string;
  readonly error?: { readonly code?: string; readonly message: string; readonly cure?: string };
}

export function registerCommitMessage(api: Api): vscode.Disposable {
  return vscode.commands.registerCommand("polypilot.commitMessage", (control?: { rootUri?: vscode.Uri }) =>
    write(api, control?.rootUri),
  );
}

async function write(api: Api, root: vscode.Uri | undefined): Promise<void> {
  const repository = await repositoryOf(root);
  if (repository === undefined) {
    void vscode.window.showInformationMessage("Polypilot: no Git repository is open.");
    return;
  }
  if (repository.state.indexChanges.length === 0) {
    void vscode.window.showInformationMessage("Polypilot: nothing is staged; a message is about what is.");
    return;
  }
  const progress = { location: vscode.ProgressLocation.Notification, title: "Polypilot: writing a commit message", cancellable: true };
  try {
    await vscode.window.withProgress(progress, (_, token) => ask(api, repository, token));
  } catch (error) {
    api.report(error);
  }
}

async function ask(api: Api, repository: Repository, token: vscode.CancellationToken): Promise<void> {
  const typed = repository.inputBox.value.trim();
  const answer = await api.request<Answer>(
    "polypilot/chat/send",
    // What stands in the box is a wish; the message takes its place.
    { text: typed === "" ? "/commit" : `/commit ${typed}`, root: repository.rootUri.toString(), keep: false, mode: "plain" },
    token,
  );
  if (answer.error !== undefined) {
    throw new RequestError(answer.error.message, -32803, answer.error);
  }
  if (answer.stopReason === "end" && answer.text !== undefined) {
    repository.inputBox.value = bare(answer.text);
  }
}

async function repositoryOf(root: vscode.Uri | undefined): Promise<Repository | undefined> {
  const extension = vscode.extensions.getExtension<{ getAPI(version: 1): GitApi }>("vscode.git");
  const git = (await extension?.activate())?.getAPI(1);
  const all = git?.repositories ?? [];
  return (
    all.find((each) => each.rootUri.toString() === root?.toString()) ??
    all.find((each) => each.ui.selected) ??
    all[0]
  );
}
