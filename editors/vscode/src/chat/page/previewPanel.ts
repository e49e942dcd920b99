/** Shows what a message would send, part by part, before it is sent. */
import type { Preview } from "../protocol";
import { h, iconButton } from "./dom";
import { tokens } from "./figures";
import { icon } from "./icons";

export class PreviewPanel {
  readonly element = h("section", { class: "preview", role: "dialog", aria: { label: "What will be sent" } });
  private readonly body = h("div", { class: "preview-body" });
  private readonly head = h("span", { class: "preview-head" }, "What will be sent");

  constructor(
    private readonly ask: () => Promise<Preview>,
    private readonly closed: () => void,
  ) {
    this.element.hidden = true;
    this.element.append(h("header", {}, this.head, h("span", { class: "spacer" }), iconButton("close", "Close", () => { this.close(); })), this.body);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  async toggle(): Promise<void> {
    if (this.isOpen) { this.close(); return; }
    this.element.hidden = false;
    this.body.replaceChildren(h("p", { class: "hint" }, "…"));
    try {
      this.show(await this.ask());
    } catch (error) {
      this.body.replaceChildren(h("p", { class: "hint" }, error instanceof Error ? error.message : String(error)));
    }
    this.element.querySelector<HTMLElement>("summary")?.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.closed();
  }

  /** The message has changed: what is shown is about to follow. */
  stale(): void {
    this.body.classList.toggle("stale", this.isOpen);
  }

  show(preview: Preview): void {
    this.body.classList.remove("stale");
    const of = preview.window === undefined ? "" : ` of ${tokens(preview.window)}`;
    this.head.textContent = `About ${tokens(preview.tokens)}${of} tokens to ${preview.provider} / ${preview.model}`;
    this.body.replaceChildren(
      ...preview.notices.map((notice) => h("div", { class: "note" }, icon("warning"), h("span", {}, notice))),
      ...preview.parts.map((part) =>
        h(
          "details",
          { class: `preview-part${part.refused === undefined ? "" : " refused"}` },
          h(
            "summary",
            {},
            icon("chevron"),
            h("span", { class: "chip-name" }, part.name),
            h("span", { class: "spacer" }),
            part.redacted > 0 && h("span", { class: "badge" }, icon("lock"), `${String(part.redacted)} hidden`),
            h("span", { class: "chip-more" }, part.refused === undefined ? tokens(part.tokens) : "not sent"),
          ),
          part.refused === undefined ? h("pre", { tabIndex: 0 }, part.text) : h("p", { class: "hint" }, part.refused),
        ),
      ),
    );
  }
}
