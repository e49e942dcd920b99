/** Where a message is written: chips, completion of mentions and commands, choices, send and stop. */
import type { Chip, Draft, Front } from "../messages";
import type { Command, Preview } from "../protocol";
import type { PageContext } from "./context";
import { Choices } from "./choices";
import { h, iconButton } from "./dom";
import { tokens } from "./figures";
import { showOnly } from "./focus";
import { icon } from "./icons";
import { Popup, type Item } from "./popup";
import { PreviewPanel } from "./previewPanel";
import { mentionsIn, pieceAt, without } from "./typed";

const COUNT_AFTER_MS = 500;

function same(a: Chip, b: Chip): boolean {
  return a.uri === b.uri && JSON.stringify(a.range) === JSON.stringify(b.range);
}

export interface ComposerEvents {
  send(draft: Draft): void;
  changed(): void;
}

export class Composer {
  readonly element: HTMLElement;
  readonly input = h("textarea", { class: "input", id: "message", role: "combobox", aria: { label: "Message", autocomplete: "list", expanded: "false" } });
  private readonly chips: Chip[] = [];
  private front: Front = {};
  private replaces: string | undefined;
  private commands: Promise<readonly Command[]> | undefined;
  private asking = 0;
  private counting: ReturnType<typeof setTimeout> | undefined;
  private readonly chipList = h("ul", { class: "chips", aria: { label: "What goes along" } });
  private readonly banner = h("div", { class: "banner" });
  private readonly sendButton = iconButton("arrowUp", "Send (Enter)", () => { this.submit(); }, "send");
  private readonly stopButton = iconButton("stop", "Stop (Escape)", () => { this.stop(); }, "send stop");
  private readonly count = h("button", { class: "count quiet-button", title: "Show what will be sent", aria: { label: "Show what will be sent" } });
  private readonly popup = new Popup(this.input, "Suggestions");
  private readonly panel: PreviewPanel;
  private readonly menus: Choices;

  constructor(
    private readonly page: PageContext,
    private readonly events: ComposerEvents,
  ) {
    this.input.rows = 1;
    this.input.placeholder = "Ask anything. # adds context, / gives commands";
    this.input.spellcheck = true;
    this.panel = new PreviewPanel(() => this.page.call("preview", this.draft()), () => { this.input.focus(); });
    this.menus = new Choices(page);
    this.count.type = "button";
    this.count.append(icon("eye"), h("span", { class: "count-text" }));
    this.count.addEventListener("click", () => { void this.panel.toggle(); });
    const attach = iconButton("attach", "Add files", () => { void this.pickFiles(); });
    this.element = h(
      "form",
      { class: "composer", aria: { label: "Write a message" } },
      this.panel.element,
      this.popup.element,
      this.banner,
      h(
        "div",
        { class: "box" },
        this.chipList,
        this.input,
        h("div", { class: "bar" }, attach, ...this.menus.elements, h("span", { class: "spacer" }), this.count, this.sendButton, this.stopButton),
      ),
    );
    this.listen();
    this.drawChips();
    this.update();
  }

  draft(): Draft {
    return { text: this.input.value, chips: [...this.chips], ...(this.replaces === undefined ? {} : { replaces: this.replaces }) };
  }

  restore(draft: Draft): void {
    this.input.value = draft.text;
    this.chips.splice(0, this.chips.length, ...draft.chips);
    this.replaces = draft.replaces;
    this.changed();
  }

  attach(chips: readonly Chip[]): void {
    for (const chip of chips) if (!this.chips.some((each) => same(each, chip))) this.chips.push(chip);
    this.changed();
  }

  setFront(front: Front): void {
    this.front = front;
    this.drawChips();
  }

  beginEdit(messageId: string, text: string): void {
    this.restore({ text, chips: [], replaces: messageId });
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
  }

  /** Shows whether an answer runs, and who answers. */
  update(): void {
    const { running } = this.page.chat();
    const [shown, hidden] = running ? [this.stopButton, this.sendButton] : [this.sendButton, this.stopButton];
    showOnly([shown], [hidden], { active: document.hasFocus() ? document.activeElement : null, heir: this.input });
    this.sendButton.disabled = this.input.value.trim() === "";
    this.menus.update();
  }

  private listen(): void {
    this.element.addEventListener("submit", (event) => { event.preventDefault(); });
    this.input.addEventListener("input", () => {
      this.changed();
      void this.complete();
    });
    this.input.addEventListener("keydown", (event) => { this.key(event); });
    this.input.addEventListener("click", () => { void this.complete(); });
    this.input.addEventListener("blur", () => { this.popup.hide(); });
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing || this.popup.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape") {
      this.escape();
    } else if (event.key === "ArrowUp" && this.input.value === "" && !this.page.chat().running) {
      const last = this.page.chat().messages.findLast((message) => message.role === "user");
      if (!last) return;
      event.preventDefault();
      this.page.beginEdit(last.id);
    }
  }

  private escape(): void {
    if (this.panel.isOpen) this.panel.close();
    else if (this.page.chat().running) this.stop();
    else if (this.replaces !== undefined) this.restore({ text: "", chips: [] });
  }

  private stop(): void {
    this.page.tell("stop", null);
    this.input.focus();
  }

  private submit(): void {
    const draft = this.draft();
    if (draft.text.trim() === "" || this.page.chat().running) return;
    this.panel.close();
    this.events.send(draft);
    this.restore({ text: "", chips: [] });
  }

  private changed(): void {
    this.input.style.height = "auto";
    this.input.style.height = `${String(this.input.scrollHeight)}px`;
    this.drawChips();
    this.drawBanner();
    this.update();
    this.events.changed();
    this.panel.stale();
    clearTimeout(this.counting);
    this.counting = setTimeout(() => { void this.estimate(); }, COUNT_AFTER_MS);
  }

  private drawBanner(): void {
    const editing = this.replaces !== undefined;
    this.banner.hidden = !editing;
    if (!editing) { this.banner.replaceChildren(); return; }
    this.banner.replaceChildren(
      icon("edit"),
      h("span", {}, "Editing an earlier message: the conversation goes on from there"),
      iconButton("close", "Do not edit", () => { this.restore({ text: "", chips: [] }); this.input.focus(); }),
    );
  }

  private drawChips(): void {
    const mentioned = [...new Set(mentionsIn(this.input.value).filter((piece) => piece.mention).map((piece) => piece.text))];
    const offered = [this.front.selection ?? this.front.document].filter((chip) => chip !== undefined && !this.chips.some((each) => same(each, chip)));
    const rows = [
      ...this.chips.map((chip) => this.chip(chip.kind === "selection" ? "selection" : "file", chip.name, chip.uri, () => { this.chips.splice(this.chips.indexOf(chip), 1); })),
      ...mentioned.map((mention) => this.chip("search", mention, mention, () => { this.input.value = without(this.input.value, mention); })),
      ...offered.filter((chip) => chip !== undefined).map((chip) => this.offer(chip)),
    ];
    this.chipList.replaceChildren(...rows);
    this.chipList.hidden = rows.length === 0;
  }

  private chip(name: "file" | "selection" | "search", label: string, title: string, remove: () => void): HTMLElement {
    const close = iconButton("close", `Remove ${label}`, () => {
      remove();
      this.changed();
      this.input.focus();
    });
    return h("li", { class: `chip${name === "search" ? " mention-chip" : ""}`, title }, name !== "search" && icon(name), h("span", { class: "chip-name" }, label), close);
  }

  /** What is in front in the editor: one press adds it. */
  private offer(chip: Chip): HTMLElement {
    const add = h("button", { class: "chip offer", title: `Add ${chip.name}`, aria: { label: `Add ${chip.name}` } }, icon("add"), h("span", { class: "chip-name" }, chip.name));
    add.type = "button";
    add.addEventListener("click", () => {
      this.attach([chip]);
      this.input.focus();
    });
    return h("li", {}, add);
  }

  private async pickFiles(): Promise<void> {
    this.attach(await this.page.call("pickFiles", null).catch(() => []));
    this.input.focus();
  }

  // -- completion --------------------------------------------------------------------------

  private async complete(): Promise<void> {
    const cursor = this.input.selectionStart;
    const piece = pieceAt(this.input.value, cursor);
    const asking = (this.asking += 1);
    if (!piece) { this.popup.hide(); return; }
    const items = piece.kind === "command" ? await this.commandItems(piece.typed, piece.start) : await this.mentionItems(piece.typed, piece.start);
    if (asking === this.asking && document.activeElement === this.input) this.popup.show(items, 0);
  }

  private async commandItems(typed: string, start: number): Promise<Item[]> {
    this.commands ??= this.page.call("commands", null);
    const found = await this.commands.catch((): readonly Command[] => {
      this.commands = undefined;
      return [];
    });
    const wanted = typed.slice(1).toLowerCase();
    return found
      .filter((command) => command.name.toLowerCase().startsWith(wanted))
      .map((command) => ({
        label: `/${command.name}`,
        detail: command.description + (command.source === "builtin" ? "" : ` (${command.source})`),
        pick: () => { this.insert(start, `/${command.name} `); },
      }));
  }

  private async mentionItems(typed: string, start: number): Promise<Item[]> {
    const found = await this.page.call("mentions", { typed }).catch(() => []);
    return found.map((mention) => ({
      label: mention.label,
      ...(mention.detail === undefined ? {} : { detail: mention.detail }),
      pick: () => {
        const open = mention.insert.endsWith(":");
        this.insert(start, open ? mention.insert : `${mention.insert} `);
        if (open) void this.complete();
      },
    }));
  }

  private insert(start: number, text: string): void {
    this.input.setRangeText(text, start, this.input.selectionStart, "end");
    this.changed();
    this.input.focus();
  }

  /** Commands may have changed with the files that define them. */
  forgetCommands(): void {
    this.commands = undefined;
  }

  // -- tokens ------------------------------------------------------------------------------

  private async estimate(): Promise<void> {
    const text = this.count.querySelector(".count-text");
    if (!text) return;
    if (this.input.value.trim() === "") {
      text.textContent = "";
      return;
    }
    const asked = this.input.value;
    const preview = await this.page.call("preview", this.draft()).catch((): Preview | undefined => undefined);
    if (asked !== this.input.value) return;
    text.textContent = preview ? tokens(preview.tokens) : "";
    const full = preview?.window !== undefined && preview.tokens > preview.window;
    this.count.classList.toggle("over", full);
    if (preview && this.panel.isOpen) this.panel.show(preview);
  }
}
