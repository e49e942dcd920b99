/** Quick picks for provider and model; the server has the lists and saves the choice. */
import * as vscode from "vscode";

import { type Api, type Choice, type ModelInfo, type ProviderInfo, type Purpose, RequestError } from "./api";
import { type Keys, nameOf } from "./keys";
import { modelItem, providerItem } from "./labels";

interface Selected {
  readonly provider: string;
  readonly model: string;
  readonly warning?: string | null;
}

const PURPOSES: readonly { label: string; purpose: Purpose }[] = [
  { label: "Completion and chat", purpose: "both" },
  { label: "Completion", purpose: "completion" },
  { label: "Chat", purpose: "chat" },
];

export class Picker {
  readonly #api: Api;
  readonly #keys: Keys;

  constructor(api: Api, keys: Keys) {
    this.#api = api;
    this.#keys = keys;
  }

  /** Provider, its key if it has none, model, and what for. */
  async select(purpose?: Purpose): Promise<Choice | undefined> {
    try {
      const rows = await this.#api.request<ProviderInfo[]>("polypilot/providers", {});
      const row = await pick("Provider", rows, providerItem);
      if (row === undefined || !(await this.#hasKey(row))) {
        return undefined;
      }
      const model = await this.#model(row);
      return model === undefined ? undefined : await this.#save(row, model, purpose);
    } catch (error) {
      this.#api.report(error);
      return undefined;
    }
  }

  async #hasKey(row: ProviderInfo): Promise<boolean> {
    return row.auth !== "keyring" || row.keyStored === true || this.#asked(row);
  }

  async #asked(row: ProviderInfo): Promise<boolean> {
    if (row.keyStored === false) {
      return this.#keys.askFor(row);
    }
    // Not known: the keyring has not been read. A list of models tells.
    try {
      await this.#api.request("polypilot/models", { provider: row.id });
      return true;
    } catch (error) {
      if (error instanceof RequestError && error.data.code === "auth") {
        return this.#keys.askFor(row);
      }
      throw error;
    }
  }

  /** The chosen model's id; empty: the provider lists none and its default is taken. */
  async #model(row: ProviderInfo): Promise<string | undefined> {
    const models = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: `Polypilot: models of ${nameOf(row)}` },
      () => this.#api.request<ModelInfo[]>("polypilot/models", { provider: row.id }),
    );
    if (models.length === 0) {
      return "";
    }
    return (await pick(`Model of ${nameOf(row)}`, models, modelItem))?.id;
  }

  async #save(row: ProviderInfo, model: string, purpose?: Purpose): Promise<Choice | undefined> {
    const wanted = purpose ?? (await vscode.window.showQuickPick(PURPOSES, { title: "Polypilot: use it for" }))?.purpose;
    if (wanted === undefined) {
      return undefined;
    }
    const params = { for: wanted, provider: row.id, ...(model !== "" && { model }) };
    const selected = await this.#api.request<Selected>("polypilot/select", params);
    if (selected.warning) {
      void vscode.window.showWarningMessage(`Polypilot: ${selected.warning}`);
    }
    return { provider: selected.provider, model: selected.model };
  }
}

async function pick<T>(
  title: string,
  rows: readonly T[],
  item: (row: T) => { label: string; description: string; detail?: string },
): Promise<T | undefined> {
  const items = rows.map((row) => ({ ...item(row), row }));
  const options = { title: `Polypilot: ${title}`, matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(items, options))?.row;
}
