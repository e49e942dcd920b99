/** Offers to move a key out of the user's settings into the keyring. */
import * as vscode from "vscode";

import type { Api, ProviderInfo } from "./api";
import type { Keys } from "./keys";
import { type PlaintextKey, plaintextKeys } from "./plaintextKeys";
import { KNOWN } from "./settings.generated";

const OURS: ReadonlySet<string> = new Set([
  "server.path",
  "server.package",
  "server.installer",
  ...KNOWN.flatMap((each) => [`${each.section}.${each.setting}`, `${each.section}.${each.name}`]),
]);

export function registerMovedKeys(api: Api, keys: Keys): vscode.Disposable {
  const offered = new Set<string>();
  const look = async (): Promise<void> => {
    if (api.serverState !== "running") {
      return;
    }
    const rows = await api.request<ProviderInfo[]>("polypilot/providers", {});
    const ids = rows.map((each) => each.id);
    for (const key of inSettings("globalValue", ids)) {
      const place = key.path.join(".");
      if (!offered.has(place)) {
        offered.add(place);
        await offer(key, rows, keys);
      }
    }
    // A key of a workspace's is not moved: it is someone else's account, perhaps on purpose.
    if (inSettings("workspaceValue", ids).length > 0 && !offered.has("workspace")) {
      offered.add("workspace");
      void vscode.window.showWarningMessage(
        "Polypilot: this workspace's settings hold what looks like a key. It is not used. If it is yours, remove it and replace it at the supplier.",
      );
    }
  };
  const quietly = (): void => {
    void look().catch((error: unknown) => {
      api.log.debug(`settings were not searched for keys: ${String(error)}`);
    });
  };
  return vscode.Disposable.from(
    api.onDidChangeServerState(quietly),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("polypilot")) {
        quietly();
      }
    }),
  );
}

function inSettings(level: "globalValue" | "workspaceValue", ids: readonly string[]): PlaintextKey[] {
  return plaintextKeys(vscode.workspace.getConfiguration().inspect("polypilot")?.[level], ids, OURS);
}

async function offer(key: PlaintextKey, rows: readonly ProviderInfo[], keys: Keys): Promise<void> {
  const place = `polypilot.${key.path.join(".")}`;
  const text = `Polypilot: your settings hold a key (${place}), where every program can read it. It is not used from there.`;
  const chosen = await vscode.window.showWarningMessage(text, "Move to Keyring", "Open Settings");
  if (chosen === "Open Settings") {
    await openSettingsFile();
  }
  if (chosen !== "Move to Keyring") {
    return;
  }
  const row = rows.find((each) => each.id === key.provider) ?? (await keys.pickProvider(rows));
  if (row !== undefined && (await keys.store(row, key.value))) {
    await remove(key);
  }
}

async function remove(key: PlaintextKey): Promise<void> {
  const name = `polypilot.${key.path.join(".")}`;
  try {
    await vscode.workspace.getConfiguration().update(name, undefined, vscode.ConfigurationTarget.Global);
  } catch {
    // VS Code changes settings that it knows, and only where they stand on a line of their own.
  }
  if (inSettings("globalValue", []).some((each) => each.value === key.value)) {
    await openSettingsFile();
    void vscode.window.showWarningMessage(`Polypilot: the key is in the keyring. Now remove ${name} from your settings.`);
    return;
  }
  const clear = "Delete Local History…";
  const detail = "VS Code's local history keeps copies of settings, and so may Settings Sync. Delete those, or replace the key at the supplier. Deleting takes the local history of all your files.";
  const text = "The key is in the keyring, and out of your settings.";
  if ((await vscode.window.showWarningMessage(text, { modal: true, detail }, clear)) === clear) {
    await vscode.commands.executeCommand("workbench.action.localHistory.deleteAll");
  }
}

async function openSettingsFile(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettingsJson");
}
