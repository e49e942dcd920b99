/** How providers and models are named in lists. Pure. */
import type { ModelInfo, ProviderInfo } from "./api";

export interface Label {
  readonly label: string;
  readonly description: string;
  readonly detail?: string;
}

export function providerItem(row: ProviderInfo): Label {
  const about = [
    row.id,
    row.local ? "on this machine" : row.free ? "free" : "",
    keyState(row),
    row.account ? `key “${row.account}”` : "",
  ];
  const selected = row.selectedFor ?? [];
  return {
    label: `${selected.length > 0 ? "$(check) " : ""}${clean(row.name ?? row.id)}`,
    description: joined(about),
    ...(selected.length > 0 && { detail: `selected for ${selected.join(" and ")}` }),
  };
}

function keyState(row: ProviderInfo): string {
  if (row.keyStored === true) {
    return "key stored";
  }
  return row.auth === "keyring" && row.keyStored === false ? "needs a key" : "";
}

export function modelItem(row: ModelInfo): Label {
  const named = row.name && row.name !== row.id;
  const about = [
    named ? row.id : "",
    row.default ? "default" : "",
    row.new ? "new" : "",
    row.contextTokens ? `${String(Math.round(row.contextTokens / 1000))}k tokens` : "",
    price(row),
    row.shutdownDate ? `until ${row.shutdownDate}` : "",
  ];
  return { label: clean(row.name || row.id), description: joined(about) };
}

function price(row: ModelInfo): string {
  if (!row.inputPrice || !row.outputPrice) {
    return "";
  }
  return `$${row.inputPrice} in, $${row.outputPrice} out${row.tiered ? " and more" : ""} per million tokens`;
}

function joined(parts: readonly string[]): string {
  return clean(parts.filter((each) => each !== "").join(" · "));
}

/** Names come from suppliers: no icons, no control characters. */
function clean(text: string): string {
  return text.replace(/\$\(/g, "$ (").replace(/[\p{Cc}\p{Cf}]/gu, " ");
}
