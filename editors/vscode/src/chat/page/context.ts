/** What the page's views share: calls to the extension, and what they may ask of the page. */
import type { Failure } from "../host";
import type { Method, Params, Result } from "../messages";
import type { Chat } from "../state";
import type { BlockActions } from "./markdownView";

export interface PageContext extends BlockActions {
  readonly chat: () => Chat;
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Calls, and shows what went wrong. */
  tell<M extends Method>(method: M, params: Params<M>): void;
  failed(error: Failure): void;
  /** For a screen reader, politely. */
  announce(text: string): void;
  regenerate(messageId: string): void;
  beginEdit(messageId: string): void;
}
