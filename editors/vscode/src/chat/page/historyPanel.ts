/** Earlier conversations: searched, opened, renamed, exported and deleted. */
import type { Session } from "../protocol";
import type { PageContext } from "./context";
import { button, h, iconButton } from "./dom";
import { ago, period } from "./figures";
import { icon } from "./icons";

const PAGE = 50;
const SEARCH_AFTER_MS = 200;

export class HistoryPanel {
  readonly element: HTMLElement;
  private readonly search = h("input", { class: "search", aria: { label: "Search conversations" } });
  private readonly list = h("div", { class: "history-list" });
  private asking = 0;
  private waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly page: PageContext,
    private readonly closed: () => void,
  ) {
    this.search.type = "search";
    this.search.placeholder = "Search conversations";
    this.element = h(
      "section",
      { class: "history", role: "dialog", aria: { label: "Conversations" } },
      h("header", {}, h("h2", {}, "Conversations"), h("span", { class: "spacer" }), iconButton("close", "Close", () => { this.hide(); })),
      h("div", { class: "search-box" }, icon("search"), this.search),
      this.list,
    );
    this.element.hidden = true;
    this.search.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => { void this.load(); }, SEARCH_AFTER_MS);
    });
    this.element.addEventListener("keydown", (event) => { this.key(event); });
  }

  show(): void {
    this.element.hidden = false;
    this.search.value = "";
    this.search.focus();
    void this.load();
  }

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.closed();
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape" && !(event.target instanceof HTMLInputElement && event.target !== this.search)) { this.hide(); return; }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const rows = [...this.list.querySelectorAll<HTMLElement>(".history-open")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const to = event.key === "ArrowDown" ? at + 1 : at - 1;
    event.preventDefault();
    (rows[to] ?? this.search).focus();
  }

  private async load(before?: number): Promise<void> {
    const asking = (this.asking += 1);
    const query = this.search.value.trim();
    try {
      const found = await this.page.call("history", { query, ...(before === undefined ? {} : { before }) });
      if (asking === this.asking) this.draw(found, before !== undefined, query);
    } catch (error) {
      this.list.replaceChildren(h("p", { class: "hint" }, error instanceof Error ? error.message : String(error)));
    }
  }

  private draw(found: readonly Session[], more: boolean, query: string): void {
    const now = Date.now() / 1000;
    if (!more) this.list.replaceChildren();
    this.list.querySelector(".history-more")?.remove();
    if (found.length === 0 && !more) this.list.append(h("p", { class: "hint" }, query === "" ? "No conversation yet." : "Nothing found."));
    for (const session of found) {
      // What is searched for comes best first, not by time.
      if (query === "") this.under(period(session.updated, now));
      this.list.append(this.row(session, now));
    }
    const oldest = found.at(-1);
    if (oldest && found.length === PAGE) {
      this.list.append(h("div", { class: "history-more" }, button("Older", () => { void this.load(oldest.updated); }, "quiet")));
    }
  }

  /** Begins the heading of a time, if it has not begun. */
  private under(label: string): void {
    const last = [...this.list.querySelectorAll(".history-period")].at(-1);
    if (last?.textContent !== label) this.list.append(h("h3", { class: "history-period" }, label));
  }

  private row(session: Session, now: number): HTMLElement {
    const { sessionId } = session;
    const current = sessionId === this.page.chat().sessionId;
    const title = session.title === "" ? "New conversation" : session.title;
    const name = h("span", { class: "history-title" }, title);
    const open = h(
      "button",
      { class: "history-open", aria: { current: String(current) } },
      name,
      h("span", { class: "history-meta" }, [session.model, ago(session.updated, now)].filter((part) => part !== "").join(" · ")),
      session.excerpt !== undefined && h("span", { class: "history-excerpt" }, session.excerpt),
    );
    open.type = "button";
    open.addEventListener("click", () => {
      this.page.tell("open", { sessionId });
      this.hide();
    });
    const row = h(
      "div",
      { class: `history-row${current ? " current" : ""}` },
      open,
      h(
        "span",
        { class: "row-actions", role: "group", aria: { label: `Actions for ${title}` } },
        iconButton("edit", "Rename", () => { this.rename(row, name, sessionId, title); }),
        iconButton("download", "Export as Markdown", () => { this.page.tell("export", { sessionId }); }),
        iconButton("trash", "Delete", () => { void this.remove(row, sessionId, title); }),
      ),
    );
    return row;
  }

  private rename(row: HTMLElement, name: HTMLElement, sessionId: string, before: string): void {
    renameIn(row, before, (title) => {
      name.textContent = title;
      this.page.tell("rename", { sessionId, title });
    });
  }

  private async remove(row: HTMLElement, sessionId: string, title: string): Promise<void> {
    if (await this.page.call("remove", { sessionId, title }).catch(() => false)) {
      row.remove();
      this.page.announce(`${title} was deleted`);
      this.search.focus();
    }
  }
}

/** A field over `place` for another title. */
export function renameIn(place: HTMLElement, before: string, done: (title: string) => void): void {
  const field = h("input", { class: "rename", aria: { label: "Title" } });
  field.value = before;
  field.maxLength = 200;
  let open = true;
  const finish = (keep: boolean): void => {
    if (!open) return;
    open = false;
    field.remove();
    place.classList.remove("renaming");
    const title = field.value.trim();
    if (keep && title !== "" && title !== before) done(title);
    place.querySelector("button")?.focus();
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    // The key must not press the button that gets the keyboard now.
    event.preventDefault();
    finish(event.key === "Enter");
  });
  field.addEventListener("blur", () => { finish(true); });
  place.classList.add("renaming");
  place.append(field);
  field.focus();
  field.select();
}
