/** The chat view's page: puts its parts together and speaks with the extension. */
import type { Failure } from "../host";
import type { Draft, FromPage, Method, Params, Result, ToPage } from "../messages";
import type { Delta } from "../protocol";
import { asked, emptyChat, ended, received, type Chat } from "../state";
import { Composer } from "./composer";
import type { PageContext } from "./context";
import { button, confirmOn, h, required } from "./dom";
import { editCard } from "./editCard";
import { Header } from "./header";
import { HistoryPanel } from "./historyPanel";
import { icon } from "./icons";
import { Speech } from "./speech";
import { Transcript } from "./transcript";
import { welcome } from "./welcome";

interface Saved {
  readonly sessionId?: string;
  readonly draft?: Draft;
}

interface Shell {
  postMessage(message: FromPage): void;
  getState(): Saved | undefined;
  setState(state: Saved): void;
}

declare function acquireVsCodeApi(): Shell;

const SAID_AT_MOST = 6;

type Told<T extends ToPage["type"]> = Extract<ToPage, { type: T }>;
type Handlers = { readonly [T in Exclude<ToPage["type"], "answer" | "deltas">]: (message: Told<T>) => void };

class Page implements PageContext {
  private readonly shell = acquireVsCodeApi();
  private state: Chat = emptyChat();
  private readonly calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private serial = 0;
  private pending: Delta[] = [];
  private frame = 0;
  private speech = new Speech();
  private readonly live = h("div", { class: "sr-only", role: "log", aria: { live: "polite", relevant: "additions" } });
  private readonly toasts = h("div", { class: "toasts", role: "status" });
  private readonly offline = h("div", { class: "offline", role: "status" }, h("span", { class: "spinner" }), "The server is starting…");
  private readonly composer: Composer;
  private readonly header: Header;
  private readonly history: HistoryPanel;
  private readonly transcript: Transcript;

  constructor() {
    this.composer = new Composer(this, { send: (draft) => { this.tell("send", draft); }, changed: () => { this.save(); } });
    this.history = new HistoryPanel(this, () => { this.composer.input.focus(); });
    this.header = new Header(this, () => { this.history.show(); });
    this.transcript = new Transcript(this, welcome((text) => { this.prefill(text); }));
    this.offline.hidden = true;
    required(document.getElementById("app")).append(
      this.header.element,
      this.transcript.element,
      h("div", { class: "below" }, this.transcript.jumpButton, this.toasts, this.offline, this.composer.element),
      this.history.element,
      this.live,
    );
    window.addEventListener("message", (event: MessageEvent<ToPage>) => { this.take(event.data); });
    document.addEventListener("keydown", (event) => { this.key(event); });
    const saved = this.shell.getState();
    if (saved?.draft) this.composer.restore(saved.draft);
    this.shell.postMessage({ type: "ready", ...(saved?.sessionId === undefined ? {} : { sessionId: saved.sessionId }) });
  }

  readonly chat = (): Chat => this.state;

  // -- the extension -----------------------------------------------------------------------

  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    const call = (this.serial += 1);
    return new Promise((resolve, reject) => {
      this.calls.set(call, { resolve, reject });
      this.shell.postMessage({ type: "call", call, method, params });
    });
  }

  tell<M extends Method>(method: M, params: Params<M>): void {
    this.call(method, params).catch((error: unknown) => { this.failed(error as Failure); });
  }

  private take(message: ToPage): void {
    if (message.type === "answer") {
      this.answered(message);
    } else if (message.type === "deltas") {
      this.pending.push(...message.deltas);
      this.frame ||= requestAnimationFrame(() => { this.flush(); });
    } else {
      this.flush();
      // Each handler is of its own type of message.
      (this.handlers[message.type] as (told: ToPage) => void)(message);
      this.header.update();
      this.composer.update();
      this.save();
    }
  }

  private readonly handlers: Handlers = {
    chat: ({ chat }) => {
      this.state = chat;
      this.transcript.reset();
    },
    asked: ({ text, replaces, now }) => {
      asked(this.state, text, replaces, now);
      this.speech = new Speech();
      this.transcript.toEnd(false);
      this.transcript.sync();
    },
    ended: ({ sent }) => {
      ended(this.state, sent);
      this.transcript.sync(true);
      this.transcript.drawAsks();
      this.speak(true);
    },
    configured: ({ choice, title }) => {
      Object.assign(this.state, choice, title === undefined ? {} : { title });
    },
    ask: ({ ask }) => {
      this.state.asks.push(ask);
      this.transcript.drawAsks();
      this.announce(`Permission needed: ${ask.title}`);
    },
    unask: ({ id }) => {
      this.state.asks = this.state.asks.filter((ask) => ask.id !== id);
      this.transcript.drawAsks();
      if (document.activeElement === document.body) this.composer.input.focus();
    },
    edit: ({ id, state, applied }) => {
      this.state.edits[id] = { state, applied };
      this.transcript.edited(id);
    },
    branches: ({ branches }) => {
      for (const each of this.state.messages) each.branches = branches[each.id] ?? each.branches ?? [];
      this.transcript.sync(true);
    },
    front: ({ front }) => { this.composer.setFront(front); },
    attach: ({ chips }) => {
      this.composer.attach(chips);
      this.composer.input.focus();
    },
    prefill: ({ text }) => { this.prefill(text); },
    focus: () => {
      this.history.hide();
      this.composer.input.focus();
    },
    showHistory: () => { this.history.show(); },
    server: ({ running }) => {
      this.offline.hidden = running;
      if (running) this.composer.forgetCommands();
    },
  };

  /** What has come since the last frame, in one go. */
  private flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.pending.length === 0) return;
    const about = new Set<Delta["kind"]>();
    for (const delta of this.pending.splice(0)) {
      received(this.state, delta);
      about.add(delta.kind);
    }
    this.transcript.sync();
    if (about.has("usage") || about.has("title") || about.has("session")) this.header.update();
    if (about.has("session")) {
      this.composer.update();
      this.save();
    }
    this.speak(false);
  }

  private answered(message: Extract<ToPage, { type: "answer" }>): void {
    const waiting = this.calls.get(message.call);
    this.calls.delete(message.call);
    if (message.failure) waiting?.reject(Object.assign(new Error(message.failure.message), message.failure));
    else waiting?.resolve(message.result as never);
  }

  // -- what the views ask for --------------------------------------------------------------

  failed(error: Failure): void {
    const toast = h(
      "div",
      { class: "toast", role: "alert" },
      icon("error"),
      h("div", {}, h("div", {}, error.message), error.cure !== undefined && h("div", { class: "cure" }, error.cure)),
    );
    toast.append(button("Dismiss", () => { toast.remove(); }, "quiet small"));
    this.toasts.replaceChildren(toast);
  }

  announce(text: string): void {
    if (text === "") return;
    this.live.append(h("div", {}, text));
    while (this.live.childElementCount > SAID_AT_MOST) this.live.firstElementChild?.remove();
  }

  private speak(done: boolean): void {
    const answer = this.state.messages.at(-1);
    if (answer?.role !== "assistant") return;
    const text = answer.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    this.announce(this.speech.next(text, done));
    if (done) this.announce(answer.error ? `Failed: ${answer.error.message}` : answer.stopReason === "cancelled" ? "Stopped." : "The answer is complete.");
  }

  copy(text: string, target: HTMLButtonElement): void {
    this.call("copy", { text }).then(
      () => {
        confirmOn(target, "Copied");
        this.announce("Copied");
      },
      (error: unknown) => { this.failed(error as Failure); },
    );
  }

  insert(code: string, language: string): void {
    this.tell("insert", { code, language });
  }

  newFile(code: string, language: string): void {
    this.tell("newFile", { code, language });
  }

  apply(code: string, language: string, under: HTMLElement): void {
    this.call("apply", { code, language }).then(
      (edit) => {
        const next = under.nextElementSibling;
        if (next?.classList.contains("edit") === true) next.remove();
        under.after(editCard(edit, this));
      },
      (error: unknown) => { this.failed(error as Failure); },
    );
  }

  openLink(url: string): void {
    this.tell("openLink", { url });
  }

  regenerate(messageId: string): void {
    if (!this.state.running) this.tell("send", { text: "", chips: [], replaces: messageId });
  }

  beginEdit(messageId: string): void {
    const message = this.state.messages.find((each) => each.id === messageId);
    if (message && !this.state.running) this.composer.beginEdit(messageId, message.text);
  }

  private prefill(text: string): void {
    const { chips } = this.composer.draft();
    this.composer.restore({ text, chips: chips });
    this.composer.input.focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.transcript.step(event.key === "ArrowUp" ? -1 : 1);
    } else if (event.key === "Escape" && document.activeElement !== this.composer.input && !event.defaultPrevented) {
      this.composer.input.focus();
    }
  }

  /** At once: the page is gone without a word when the view is hidden. */
  private save(): void {
    const { sessionId } = this.state;
    this.shell.setState({ draft: this.composer.draft(), ...(sessionId === undefined ? {} : { sessionId }) });
  }
}

new Page();
