/** An answer: its parts are drawn once, and again only where they have grown. */
import type { Part } from "../parts";
import type { Message } from "../state";
import type { PageContext } from "./context";
import { h, iconButton } from "./dom";
import { editCard } from "./editCard";
import { dollars, tokens } from "./figures";
import { icon } from "./icons";
import { safeLink } from "./markdown";
import { MarkdownView } from "./markdownView";
import { toolCard } from "./toolCard";

interface Drawn {
  readonly kind: Part["kind"];
  version: number;
  done: boolean;
  element: HTMLElement;
  readonly markdown?: MarkdownView;
  readonly body?: HTMLElement;
}

const REASONS: Readonly<Record<string, string>> = {
  length: "Cut off: the limit of an answer's length was reached.",
  cancelled: "Stopped.",
  refusal: "The model declined to answer.",
  max_steps: "Stopped at the limit of steps; another message goes on.",
  budget: "Stopped at the budget.",
};

export class AnswerView {
  readonly element: HTMLElement;
  private readonly drawn: Drawn[] = [];
  private readonly name = h("span", { class: "who" });
  private readonly parts = h("div", { class: "parts" });
  private readonly end = h("footer", { class: "answer-end" });
  private readonly waiting = h("div", { class: "waiting", aria: { hidden: "true" } }, h("i"), h("i"), h("i"));

  constructor(
    private readonly message: Message,
    private readonly page: PageContext,
  ) {
    this.element = h(
      "article",
      { class: "message answer", aria: { label: "Answer" }, tabIndex: -1 },
      h("header", { class: "answer-head" }, icon("spark"), this.name),
      this.parts,
      this.waiting,
      this.end,
    );
    this.update();
  }

  /** Draws what has come since. */
  update(): void {
    const { message } = this;
    const done = message.stopReason !== undefined;
    this.name.textContent = message.model ?? message.provider ?? "";
    this.element.setAttribute("aria-busy", String(!done));
    message.parts.forEach((part, index) => {
      this.part(part, index, done || index < message.parts.length - 1);
    });
    this.waiting.hidden = done || message.parts.at(-1)?.kind === "text";
    if (done) this.ending();
  }

  private part(part: Part, index: number, done: boolean): void {
    const before = this.drawn[index];
    if (before?.version === part.version && before.done === done) return;
    if (before && (part.kind === "text" || part.kind === "thought" || part.kind === "refusal")) {
      this.grown(before, part.text, done);
      before.version = part.version;
      before.done = done;
      return;
    }
    const made = this.make(part, done, before);
    if (before) before.element.replaceWith(made.element);
    else this.parts.append(made.element);
    this.drawn[index] = made;
  }

  private grown(before: Drawn, text: string, done: boolean): void {
    before.markdown?.update(text, done);
    if (before.body) grow(before.body, text);
    const label = before.element.querySelector(".thought-label");
    if (label) label.textContent = done ? "Thoughts" : "Thinking…";
  }

  private make(part: Part, done: boolean, before: Drawn | undefined): Drawn {
    const base = { kind: part.kind, version: part.version, done };
    switch (part.kind) {
      case "text": {
        const markdown = new MarkdownView(this.page);
        markdown.update(part.text, done);
        return { ...base, element: markdown.element, markdown };
      }
      case "thought": {
        const body = h("div", { class: "thought-text" }, part.text);
        const label = h("span", { class: "thought-label" }, done ? "Thoughts" : "Thinking…");
        const element = h("details", { class: "thought" }, h("summary", {}, icon("chevron"), icon("bulb"), label), body);
        return { ...base, element, body };
      }
      case "refusal": {
        const body = h("div", { class: "refusal-text" }, part.text);
        return { ...base, element: h("div", { class: "note warning refusal" }, icon("warning"), body), body };
      }
      case "tool": {
        const wasOpen = before?.element.querySelector("details")?.open ?? false;
        return { ...base, element: toolCard(part, this.page, wasOpen) };
      }
      case "edit":
        return { ...base, element: editCard(part.edit, this.page) };
      default:
        return { ...base, element: this.small(part) };
    }
  }

  private small(part: Extract<Part, { kind: "plan" | "sources" | "notice" | "compacted" }>): HTMLElement {
    switch (part.kind) {
      case "plan":
        return h(
          "section",
          { class: "card plan", aria: { label: "Plan" } },
          h("header", { class: "card-head" }, icon("plan"), "Plan"),
          h("ul", {}, ...part.entries.map((entry) => planned(entry.content, entry.status))),
        );
      case "sources":
        return h("section", { class: "sources", aria: { label: "Sources" } }, ...part.sources.map((each) => this.source(each.url, each.title)));
      case "notice":
        return h("div", { class: "note", role: "note" }, icon("warning"), h("span", {}, part.message));
      case "compacted":
        return h(
          "details",
          { class: "thought" },
          h("summary", {}, icon("chevron"), icon("history"), `${String(part.messages)} older messages are sent as a summary from now on: ${tokens(part.before)} → ${tokens(part.after)} tokens`),
          h("div", { class: "thought-text" }, part.summary),
        );
    }
  }

  private source(url: string, title: string): HTMLElement {
    const safe = safeLink(url);
    if (!safe) return h("span", { class: "source" }, title || url);
    const made = h("a", { class: "source", title: safe.href }, icon("link"), title === "" ? safe.host : `${title} (${safe.host})`);
    made.href = safe.href;
    made.addEventListener("click", (event) => {
      event.preventDefault();
      // VS Code would open it as well.
      event.stopPropagation();
      this.page.openLink(safe.href);
    });
    return made;
  }

  private ending(): void {
    const { message } = this;
    const reason = message.error ? undefined : REASONS[message.stopReason ?? ""];
    const usage = message.usage;
    const figures = [
      usage?.inputTokens === undefined ? undefined : `${tokens(usage.inputTokens)} in`,
      usage?.outputTokens === undefined ? undefined : `${tokens(usage.outputTokens)} out`,
      dollars(usage?.cost),
    ].filter((each) => each !== undefined);
    const copy = iconButton("copy", "Copy the answer", () => {
      const text = message.parts.map((part) => (part.kind === "text" ? part.text : "")).join("\n\n").trim();
      this.page.copy(text, copy);
    });
    this.end.replaceChildren(
      ...[
        message.error && this.problem(message.error.message, message.error.cure, message.error.code),
        reason !== undefined && h("div", { class: "note", role: "note" }, reason),
        h(
          "div",
          { class: "answer-tools" },
          copy,
          iconButton("redo", "Answer again", () => { this.page.regenerate(message.id); }),
          branchSwitch(message, this.page),
          h("span", { class: "spacer" }),
          h("span", { class: "figures", title: "Tokens in and out, and the cost where it is known" }, figures.join(" · ")),
        ),
      ].filter((each): each is HTMLElement => each instanceof HTMLElement),
    );
  }

  private problem(text: string, cure: string | undefined, code: string | undefined): HTMLElement {
    const needsKey = code === "auth" || code === "no_key" || code === "credentials";
    const act = (label: string, command: "chooseProvider" | "setKey" | "showLog"): HTMLButtonElement => {
      const made = h("button", { class: "link", onClick: () => { this.page.tell("run", { command }); } }, label);
      made.type = "button";
      return made;
    };
    return h(
      "div",
      { class: "problem", role: "alert" },
      icon("error"),
      h(
        "div",
        {},
        h("div", { class: "problem-text" }, text),
        cure !== undefined && h("div", { class: "cure" }, cure),
        h("div", { class: "problem-actions" }, act("Try another model", "chooseProvider"), needsKey && act("Set key", "setKey"), act("Show log", "showLog")),
      ),
    );
  }
}

function grow(body: HTMLElement, text: string): void {
  const before = body.textContent;
  if (text.startsWith(before)) body.append(text.slice(before.length));
  else body.textContent = text;
}

function planned(content: string, status: string): HTMLElement {
  const said = status === "completed" ? "done" : status === "in_progress" ? "in progress" : "to do";
  return h("li", { class: status, aria: { label: `${content}, ${said}` } }, status === "completed" ? icon("check") : h("span", { class: "dot" }), h("span", {}, content));
}

/** Goes between the versions of a message, if there are several. */
export function branchSwitch(message: Message, page: PageContext): HTMLElement | undefined {
  const all = message.branches ?? [];
  if (all.length < 2) return undefined;
  const at = all.indexOf(message.id);
  const go = (to: number, label: string, name: "back" | "on"): HTMLButtonElement => {
    const target = all[to];
    const made = iconButton("chevron", label, () => {
      if (target !== undefined) page.tell("select", { messageId: target });
    }, name);
    made.disabled = target === undefined || page.chat().running;
    return made;
  };
  return h(
    "span",
    { class: "branches", role: "group", aria: { label: `Version ${String(at + 1)} of ${String(all.length)}` } },
    go(at - 1, "The version before", "back"),
    h("span", {}, `${String(at + 1)}/${String(all.length)}`),
    go(at + 1, "The next version", "on"),
  );
}
