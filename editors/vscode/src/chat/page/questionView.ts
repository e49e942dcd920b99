/** A message of the user's, and a summary of older ones. */
import type { ContextItem } from "../protocol";
import type { Message } from "../state";
import { branchSwitch } from "./answerView";
import type { PageContext } from "./context";
import { h, iconButton } from "./dom";
import { fileName, tokens } from "./figures";
import { icon } from "./icons";
import { mentionsIn } from "./typed";

function told(item: ContextItem): string {
  const parts = [
    item.refused === undefined ? `${tokens(item.tokens)} tokens` : `not sent: ${item.refused}`,
    item.cut,
    item.redacted > 0 ? `${String(item.redacted)} ${item.redacted === 1 ? "secret" : "secrets"} hidden` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(", ");
}

export function contextChips(items: readonly ContextItem[]): HTMLElement | undefined {
  if (items.length === 0) return undefined;
  const chips = items.map((item) => {
    const name = item.name ?? fileName(item.uri);
    const refused = item.refused !== undefined;
    return h(
      "li",
      { class: `chip${refused ? " refused" : ""}`, title: `${item.uri}\n${told(item)}`, aria: { label: `${name}: ${told(item)}` } },
      icon(refused ? "warning" : item.redacted > 0 ? "lock" : "file"),
      h("span", { class: "chip-name" }, name),
      h("span", { class: "chip-more" }, refused ? "not sent" : tokens(item.tokens)),
    );
  });
  return h("ul", { class: "chips sent", aria: { label: "What went along" } }, ...chips);
}

export class QuestionView {
  readonly element: HTMLElement;
  private readonly below = h("div", { class: "question-below" });

  constructor(
    private readonly message: Message,
    private readonly page: PageContext,
  ) {
    const pieces = mentionsIn(message.text).map((piece) =>
      piece.mention ? h("span", { class: "mention" }, piece.text) : document.createTextNode(piece.text),
    );
    const edit = iconButton("edit", "Edit and send again", () => { page.beginEdit(message.id); });
    this.element = h(
      "article",
      { class: "message question", aria: { label: "You" }, tabIndex: -1 },
      h("div", { class: "bubble" }, h("div", { class: "question-text" }, ...pieces), h("div", { class: "question-tools" }, edit)),
      this.below,
    );
    this.update();
  }

  update(): void {
    const parts = [contextChips(this.message.context), branchSwitch(this.message, this.page)];
    this.below.replaceChildren(...parts.filter((part) => part !== undefined));
  }
}

export class SummaryView {
  readonly element: HTMLElement;

  constructor(message: Message) {
    this.element = h(
      "article",
      { class: "message", aria: { label: "Summary of older messages" }, tabIndex: -1 },
      h("details", { class: "thought" }, h("summary", {}, icon("chevron"), icon("history"), "Older messages are sent as this summary"), h("div", { class: "thought-text" }, message.text)),
    );
  }

  update(): void {
    // It never changes.
  }
}
