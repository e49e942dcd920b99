/** The `polypilot` program of this window: where it is, and how it is run for a command. */
import { join } from "node:path";
import * as vscode from "vscode";

import { type Found, find, wrongSetting } from "./find";
import { machine } from "./machine";
import { type Outcome, run, type RunOptions } from "./program";
import { userText } from "./settings";

export class Program {
  /** The environment that `Install Server` makes. */
  readonly folder: string;
  readonly extensionFolder: string;

  constructor(context: vscode.ExtensionContext) {
    this.folder = join(context.globalStorageUri.fsPath, "server");
    this.extensionFolder = context.extensionPath;
  }

  find(): Found | undefined {
    const setting = userSetting("server.path");
    return find({ setting, privateFolder: this.folder, folders: openFolders() }, machine());
  }

  /** What is wrong with the path that the user has set. */
  wrong(): string | undefined {
    return wrongSetting(userSetting("server.path"), machine());
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const found = this.find();
    return found === undefined
      ? { code: -1, stdout: "", stderr: "the polypilot program was not found" }
      : run(found.command, args, options);
  }
}

/** A setting that says what is started: the user's own value, never a workspace's. */
export function userSetting(name: string): string {
  return userText(vscode.workspace.getConfiguration("polypilot").inspect(name));
}

export function openFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter((each) => each.uri.scheme === "file")
    .map((each) => each.uri.fsPath);
}
