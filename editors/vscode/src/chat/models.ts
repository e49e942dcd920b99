/** Our models for VS Code's own chat, where that VS Code takes them. */
import * as vscode from "vscode";

import type { Api } from "../api";
import { hostOf } from "./fromApi";
import type { ChatHost } from "./host";
import { infoOf, inputOf, messageOf, messagesOf, optionsOf, Proofs, toolsOf, type ModelInfo } from "./lmMessages";
import type { LmDelta, LmModel, LmResponded } from "./lmProtocol";
import { safeUrl } from "./urls";

export const VENDOR = "polypilot";

class Models implements vscode.LanguageModelChatProvider<ModelInfo> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  private readonly proofs = new Proofs();
  private selected = "";

  constructor(
    private readonly host: ChatHost,
    private readonly api: Api,
  ) {}

  /** The list may be another one now. */
  stale(): void {
    const { chat } = this.api.status ?? {};
    const now = `${this.api.serverState} ${chat?.provider ?? ""} ${chat?.model ?? ""}`;
    if (now === this.selected) return;
    this.selected = now;
    this.changed.fire();
  }

  async provideLanguageModelChatInformation({ silent }: { silent: boolean }, token: vscode.CancellationToken): Promise<ModelInfo[]> {
    if (this.api.serverState !== "running" && silent) return [];
    try {
      const found = await this.host.request<LmModel[]>("polypilot/lm/models", {}, { token });
      if (found.length === 0 && !silent) await this.api.selectModel("chat");
      return found.map(infoOf);
    } catch (error) {
      if (!silent) this.api.report(error);
      return [];
    }
  }

  async provideLanguageModelChatResponse(
    { provider, model }: ModelInfo,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    options: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const follow = this.proofs.follow();
    const params = {
      provider,
      model,
      messages: messagesOf(messages, this.proofs),
      tools: toolsOf(options.tools),
      toolMode: options.toolMode === vscode.LanguageModelChatToolMode.Required ? "required" : "auto",
      ...optionsOf(options.modelOptions),
    };
    const onPartial = (value: unknown): void => {
      const delta = value as LmDelta;
      follow(delta);
      const part = partOf(delta);
      if (part) progress.report(part);
    };
    const answered = await this.host.request<LmResponded>("polypilot/lm/respond", params, { token, onPartial });
    const { error } = answered;
    if (error) throw new Error(error.cure === undefined ? error.message : `${error.message} ${error.cure}`);
  }

  async provideTokenCount({ provider, model }: ModelInfo, text: string | vscode.LanguageModelChatRequestMessage, token: vscode.CancellationToken): Promise<number> {
    const message = typeof text === "string" ? undefined : messageOf(text, this.proofs);
    if (typeof text !== "string" && !message) return 0;
    const params = { provider, model, ...(message ? { message } : { text }) };
    return (await this.host.request<{ tokens: number }>("polypilot/lm/countTokens", params, { token })).tokens;
  }
}

function partOf(delta: LmDelta): vscode.LanguageModelResponsePart | undefined {
  switch (delta.kind) {
    case "text":
    case "refusal":
      return new vscode.LanguageModelTextPart(delta.text);
    case "toolCall":
      return new vscode.LanguageModelToolCallPart(delta.id, delta.name, inputOf(delta.arguments));
    case "citation": {
      const url = safeUrl(delta.url);
      return url === undefined ? undefined : new vscode.LanguageModelTextPart(`\n\n<${url}>`);
    }
    default:
      return undefined;
  }
}

export function registerLanguageModels(context: vscode.ExtensionContext, api: Api): void {
  // Older versions and forks lack it; then only the other ways in are there.
  const lm = vscode.lm as Partial<typeof vscode.lm> | undefined;
  if (typeof lm?.registerLanguageModelChatProvider !== "function") return;
  const models = new Models(hostOf(api), api);
  try {
    context.subscriptions.push(lm.registerLanguageModelChatProvider(VENDOR, models));
  } catch (error) {
    api.log.info(`VS Code's chat takes no models: ${error instanceof Error ? error.name : "unknown"}`);
    return;
  }
  const resolve = (): void => {
    models.stale();
    // The picker shows only models that have been resolved once.
    if (api.serverState === "running") void lm.selectChatModels?.({ vendor: VENDOR }).then(undefined, () => undefined);
  };
  context.subscriptions.push(api.onDidChangeServerState(resolve), api.onDidChangeStatus(() => { models.stale(); }));
  resolve();
}
