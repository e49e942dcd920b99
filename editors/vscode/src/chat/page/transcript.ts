/** The conversation on screen: messages are drawn once, the one that grows is brought up to date. */
import type { Ask, Message } from "../state";
import { AnswerView } from "./answerView";
import type { PageContext } from "./context";
import { button, h, iconButton } from "./dom";
import { refreshCards } from "./editCard";
import { QuestionView, SummaryView } from "./questionView";
import { askCard } from "./toolCard";

interface View {
  readonly element: HTMLElement;
  update(): void;
}

/** So many of the newest are drawn at once. */
const DRAWN = 30;
const NEAR_PX = 48;

export class Transcript {
  readonly element = h("main", { class: "transcript", tabIndex: -1, aria: { label: "Conversation" } });
  private readonly list = h("div", { class: "messages" });
  private readonly asks = h("div", { class: "asks" });
  private readonly jump = iconButton("chevronDown", "Go to the end", () => { this.toEnd(true); }, "jump");
  private readonly views = new Map<Message, View>();
  private first = 0;
  private pinned = true;

  constructor(
    private readonly page: PageContext,
    private readonly empty: HTMLElement,
  ) {
    this.element.append(this.empty, this.list, this.asks);
    this.element.addEventListener("scroll", () => { this.scrolled(); }, { passive: true });
    new ResizeObserver(() => { if (this.pinned) this.toEnd(false); }).observe(this.list);
  }

  get jumpButton(): HTMLElement {
    return this.jump;
  }

  /** Another conversation. */
  reset(): void {
    this.views.clear();
    this.list.replaceChildren();
    const { messages } = this.page.chat();
    this.first = Math.max(0, messages.length - DRAWN);
    this.pinned = true;
    this.sync();
    this.drawAsks();
    this.toEnd(false);
  }

  /** Draws what is new; `settled`: also what may have changed elsewhere. */
  sync(settled = false): void {
    const { messages } = this.page.chat();
    this.empty.hidden = messages.length > 0;
    const wanted = new Set(messages.slice(this.first));
    for (const [message, view] of this.views) {
      if (wanted.has(message)) continue;
      view.element.remove();
      this.views.delete(message);
    }
    this.drawOlder();
    messages.slice(this.first).forEach((message, index, shown) => {
      const view = this.views.get(message);
      if (!view) this.list.append(this.add(message).element);
      else if (settled || index >= shown.length - 2) view.update();
    });
    if (this.pinned) this.toEnd(false);
  }

  /** The permissions that are asked for. */
  drawAsks(): void {
    const { asks } = this.page.chat();
    for (const card of [...this.asks.children]) {
      if (!asks.some((ask) => ask.id === (card as HTMLElement).dataset.ask)) card.remove();
    }
    for (const ask of asks) if (!this.cardOf(ask)) this.asks.append(askCard(ask, this.page));
    const first = this.asks.querySelector("button");
    if (first) {
      this.toEnd(false);
      first.focus();
    }
  }

  edited(id: string): void {
    refreshCards(this.element, id, this.page);
  }

  /** Moves the keyboard between messages. */
  step(by: number): void {
    const all = [...this.list.querySelectorAll<HTMLElement>(".message")];
    const at = all.findIndex((each) => each.contains(document.activeElement));
    const target = all[at < 0 ? all.length - 1 : Math.min(all.length - 1, Math.max(0, at + by))];
    target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  }

  toEnd(smooth: boolean): void {
    this.pinned = true;
    this.element.scrollTo({ top: this.element.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    this.jump.hidden = true;
  }

  private cardOf(ask: Ask): Element | undefined {
    return [...this.asks.children].find((card) => (card as HTMLElement).dataset.ask === ask.id);
  }

  private add(message: Message): View {
    const view =
      message.role === "user" ? new QuestionView(message, this.page)
      : message.role === "assistant" ? new AnswerView(message, this.page)
      : new SummaryView(message);
    this.views.set(message, view);
    return view;
  }

  private drawOlder(): void {
    const before = this.list.querySelector(":scope > .older");
    if (this.first === 0) return before?.remove();
    if (before) return;
    const older = button(`Earlier messages`, () => { this.showOlder(); }, "quiet");
    this.list.prepend(h("div", { class: "older" }, older));
  }

  private showOlder(): void {
    const { messages } = this.page.chat();
    const from = Math.max(0, this.first - DRAWN);
    const height = this.element.scrollHeight;
    const views = messages.slice(from, this.first).map((message) => this.add(message).element);
    this.first = from;
    this.list.querySelector(":scope > .older")?.remove();
    this.list.prepend(...views);
    this.drawOlder();
    this.pinned = false;
    this.element.scrollTop += this.element.scrollHeight - height;
    views.at(-1)?.focus({ preventScroll: true });
  }

  private scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.pinned = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.jump.hidden = this.pinned;
  }
}
