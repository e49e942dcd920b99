/** Who is asked whether a tool may do something: the view that shows the conversation, else a dialog. */
import * as vscode from "vscode";

import type { Controller } from "./controller";
import type { Cancelling } from "./host";
import type { PermissionAsked, PermissionOutcome } from "./protocol";

export const PERMISSION = "polypilot/chat/permission";
const CANCELLED: PermissionOutcome = { outcome: { outcome: "cancelled" } };
const LONGEST = 2000;

export function permission(controller: Controller) {
  return (params: unknown, token: Cancelling): Promise<PermissionOutcome> => {
    const wanted = params as PermissionAsked;
    return controller.owns(wanted.sessionId) ? controller.permission(wanted, token) : dialog(wanted, token);
  };
}

async function dialog(wanted: PermissionAsked, token: Cancelling): Promise<PermissionOutcome> {
  const { toolCall, options } = wanted;
  const changes = (toolCall.diffs ?? []).map((diff) => `${diff.uri}\n${diff.newText}`).join("\n");
  const picked = await vscode.window.showWarningMessage(
    `Polypilot: ${toolCall.title}`,
    { modal: true, detail: (changes || toolCall.arguments).slice(0, LONGEST) },
    ...options.map((option) => ({ title: option.name, option, isCloseAffordance: option.kind === "reject_once" })),
  );
  if (token.isCancellationRequested) return CANCELLED;
  const refused = options.find((option) => option.kind === "reject_once");
  const optionId = picked?.option.optionId ?? refused?.optionId;
  return optionId === undefined ? CANCELLED : { outcome: { outcome: "selected", optionId } };
}
