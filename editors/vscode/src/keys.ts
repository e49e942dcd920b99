/**
 * A provider's key goes from an input box to the standard input of `polypilot auth set`, and so into
 * the keyring: it is in no argument, setting, environment or log, and not on the server's wire.
 */
import * as vscode from "vscode";

import type { Api, ProviderInfo } from "./api";
import { environmentVariable, storedText, withoutKey } from "./keyText";
import type { Program } from "./ownProgram";

export class Keys implements vscode.Disposable {
  readonly #api: Api;
  readonly #program: Program;
  readonly #changed: () => void;
  readonly #command: vscode.Disposable;

  /** `changed`: a server that has looked for a key in vain looks again when settings change. */
  constructor(api: Api, program: Program, changed: () => void) {
    this.#changed = changed;
    this.#api = api;
    this.#program = program;
    this.#command = vscode.commands.registerCommand("polypilot.setKey", (provider?: unknown) =>
      this.ask(typeof provider === "string" ? provider : undefined),
    );
  }

  dispose(): void {
    this.#command.dispose();
  }

  /** Asks for a provider's key, and for the provider unless it is given. Whether one is stored. */
  async ask(provider?: string): Promise<boolean> {
    try {
      const rows = await this.#api.request<ProviderInfo[]>("polypilot/providers", {});
      const row = rows.find((each) => each.id === provider) ?? (await this.pickProvider(rows));
      return row !== undefined && (await this.askFor(row));
    } catch (error) {
      this.#api.report(error);
      return false;
    }
  }

  async askFor(row: ProviderInfo): Promise<boolean> {
    const variable = await this.#inEnvironment(row.id);
    const value = variable === undefined ? undefined : process.env[variable];
    if (variable !== undefined && value !== undefined && (await wantsFrom(variable, nameOf(row)))) {
      const stored = await this.store(row, value);
      if (stored) {
        void vscode.window.showInformationMessage(
          `Polypilot: the key is in the keyring now. Remove ${variable} from your shell's start files.`,
        );
      }
      return stored;
    }
    const key = await typed(row);
    return key !== undefined && this.store(row, key);
  }

  async pickProvider(rows: readonly ProviderInfo[]): Promise<ProviderInfo | undefined> {
    const items = rows
      .filter((each) => each.auth === "keyring")
      .map((row) => ({
        label: nameOf(row),
        description: row.keyStored === true ? "$(key) stored" : row.id,
        ...(row.keyPage ? { detail: row.keyPage } : {}),
        row,
      }));
    const chosen = await vscode.window.showQuickPick(items, {
      title: "Polypilot: whose key?",
      matchOnDescription: true,
      matchOnDetail: true,
    });
    return chosen?.row;
  }

  /** Hands a key to the keyring; the supplier is asked whether it takes it. */
  async store(row: ProviderInfo, key: string): Promise<boolean> {
    const account = row.account ? ["--account", row.account] : [];
    const outcome = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `Storing the key for ${nameOf(row)}…` },
      () =>
        this.#program.run(["auth", "set", row.id, "--stdin", ...account], { stdin: `${key}\n` }),
    );
    const said = withoutKey(`${outcome.stdout}\n${outcome.stderr}`.trim(), key);
    if (outcome.code !== 0) {
      const text = `Polypilot: the key for ${nameOf(row)} was not stored. ${said}`;
      void vscode.window.showErrorMessage(text, "Try Again").then((chosen) => {
        if (chosen !== undefined) {
          void this.ask(row.id);
        }
      });
      return false;
    }
    void vscode.window.showInformationMessage(`Polypilot: ${storedText(said) || `the key for ${nameOf(row)} is stored`}`);
    this.#changed();
    return true;
  }

  /** The variable that this provider's key is read from now, if it is. */
  async #inEnvironment(provider: string): Promise<string | undefined> {
    const outcome = await this.#program.run(["auth", "list", "--json"]);
    return outcome.code === 0 ? environmentVariable(outcome.stdout, provider) : undefined;
  }
}

export function nameOf(row: ProviderInfo): string {
  return row.name ?? row.id;
}

async function wantsFrom(variable: string, name: string): Promise<boolean> {
  const move = `Store the key from ${variable}`;
  const chosen = await vscode.window.showQuickPick([move, "Type another key"], {
    title: `Polypilot: ${name}'s key is in the environment`,
  });
  return chosen === move;
}

/** A box that hides what is typed, with a button to where one gets a key. */
function typed(row: ProviderInfo): Promise<string | undefined> {
  const box = vscode.window.createInputBox();
  box.title = `Polypilot: key for ${nameOf(row)}`;
  box.prompt = row.keyPage
    ? `Keys are made at ${row.keyPage}. What you enter goes to the system's keyring and nowhere else.`
    : "What you enter goes to the system's keyring and nowhere else.";
  box.password = true;
  box.ignoreFocusOut = true;
  const page = { iconPath: new vscode.ThemeIcon("link-external"), tooltip: "Get a key" };
  box.buttons = row.keyPage ? [page] : [];
  return new Promise((resolve) => {
    box.onDidTriggerButton(() => {
      void vscode.env.openExternal(vscode.Uri.parse(row.keyPage ?? "", true));
    });
    box.onDidAccept(() => {
      const key = box.value.trim();
      box.value = "";
      resolve(key === "" ? undefined : key);
      box.dispose();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}
