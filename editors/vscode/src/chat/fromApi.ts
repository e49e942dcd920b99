/** The extension's facade as what the chat needs of it. */
import type * as vscode from "vscode";

import type { Api } from "../api";
import type { ChatHost, RequestOptions } from "./host";

export function hostOf(api: Api): ChatHost {
  return {
    request: <T>(method: string, params: unknown = {}, { token, onPartial }: RequestOptions = {}): Promise<T> => {
      // What is asked of the token is the same: whether and when it is cancelled.
      const cancelling = token as vscode.CancellationToken | undefined;
      return onPartial === undefined
        ? api.request<T>(method, params as object, cancelling)
        : api.requestStreaming<T, unknown>(method, params as object, onPartial, cancelling);
    },
    selected: () => api.status?.chat,
    onRequest: (method, handler) => api.onRequest(method, handler),
    onState: (listener) => api.onDidChangeServerState((state) => { listener(state === "running"); }),
  };
}
