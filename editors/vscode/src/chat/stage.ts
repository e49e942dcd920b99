/** What the parts of the view's controller share: the conversation shown, and whom they speak with. */
import type { Desk } from "./desk";
import type { ChatHost } from "./host";
import type { ToPage } from "./messages";
import { emptyChat, type Chat } from "./state";

export interface Remembered {
  get(): string | undefined;
  set(sessionId: string | undefined): void;
}

export class Stage {
  chat: Chat = emptyChat();
  /** Whether the user chose the model of a conversation that is not begun; else it is the settings'. */
  isChosen = false;
  /** To the page, if there is one. */
  post: ((message: ToPage) => void) | undefined;

  constructor(
    readonly host: ChatHost,
    readonly desk: Desk,
    readonly remembered: Remembered,
  ) {}

  say(message: ToPage): void {
    this.post?.(message);
  }

  /** The folder that the conversation is about. */
  root(): string | undefined {
    return this.chat.root ?? this.desk.root();
  }
}
