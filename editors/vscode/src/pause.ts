/** Automatic suggestions off and on: in this window, for a language, or everywhere. */
import * as vscode from "vscode";

import type { Api } from "./api";

type Item = vscode.QuickPickItem & { readonly run: () => Promise<void> };

export class Pause implements vscode.Disposable {
  readonly #api: Api;
  readonly #disposables: vscode.Disposable[];
  /** As the user wishes it; a server that is started again is told. */
  #here = false;

  constructor(api: Api) {
    this.#api = api;
    this.#disposables = [
      vscode.commands.registerCommand("polypilot.pause", () => this.choose()),
      api.onDidChangeServerState((state) => {
        if (state === "running" && this.#here) {
          void this.#tell(true);
        }
      }),
    ];
  }

  dispose(): void {
    this.#disposables.forEach((each) => {
      each.dispose();
    });
  }

  async choose(): Promise<void> {
    const chosen = await vscode.window.showQuickPick(this.#items(), { title: "Polypilot: suggestions" });
    await chosen?.run();
  }

  #items(): Item[] {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const items = [this.#inWindow(), everywhere()];
    if (language !== undefined) {
      items.splice(1, 0, inLanguage(language));
    }
    return items;
  }

  #inWindow(): Item {
    const paused = this.#api.status?.paused ?? this.#here;
    return {
      label: paused ? "$(play) Resume in this window" : "$(debug-pause) Pause in this window",
      description: paused ? "" : "until it is closed",
      run: () => this.#tell(!paused),
    };
  }

  async #tell(paused: boolean): Promise<void> {
    this.#here = paused;
    try {
      await this.#api.request("polypilot/pause", { paused });
    } catch (error) {
      this.#api.report(error);
    }
  }
}

function everywhere(): Item {
  const settings = vscode.workspace.getConfiguration("polypilot");
  const on = settings.inspect<boolean>("completion.enabled")?.globalValue !== false;
  return {
    label: on ? "$(debug-pause) Pause everywhere" : "$(play) Resume everywhere",
    description: "setting polypilot.completion.enabled",
    run: async () => {
      await settings.update("completion.enabled", on ? false : undefined, vscode.ConfigurationTarget.Global);
    },
  };
}

function inLanguage(language: string): Item {
  const settings = vscode.workspace.getConfiguration("polypilot");
  const listed = settings.inspect<string[]>("completion.disabledLanguages")?.globalValue ?? [];
  const off = listed.includes(language);
  const wanted = off ? listed.filter((each) => each !== language) : [...listed, language];
  return {
    label: off ? `$(play) Resume for ${language}` : `$(debug-pause) Pause for ${language}`,
    description: "setting polypilot.completion.disabledLanguages",
    run: async () => {
      const value = wanted.length > 0 ? wanted : undefined;
      await settings.update("completion.disabledLanguages", value, vscode.ConfigurationTarget.Global);
    },
  };
}
