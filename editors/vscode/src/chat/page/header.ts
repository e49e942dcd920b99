/** The line above a conversation: its title, what it has cost, how full the window is. */
import type { PageContext } from "./context";
import { h } from "./dom";
import { dollars, tokens } from "./figures";
import { renameIn } from "./historyPanel";
import { icon } from "./icons";
import { menuButton, type Item } from "./popup";

export class Header {
  readonly element: HTMLElement;
  private readonly title = h("button", { class: "title" });
  private readonly figures = h("span", { class: "figures" });
  private readonly meter = h("span", { class: "meter", role: "meter" }, h("i"));
  private readonly place: HTMLElement;

  constructor(
    private readonly page: PageContext,
    showHistory: () => void,
  ) {
    this.title.type = "button";
    this.title.addEventListener("click", showHistory);
    const more = h("button", { class: "icon-button", title: "More actions", aria: { label: "More actions" } }, icon("more"));
    more.type = "button";
    this.place = h("span", { class: "title-place" }, this.title);
    this.element = h("header", { class: "header" }, this.place, this.meter, this.figures, menuButton(more, "More actions", () => this.items(showHistory)));
    this.update();
  }

  update(): void {
    const chat = this.page.chat();
    const title = chat.title === "" ? "New conversation" : chat.title;
    this.title.replaceChildren(icon("history"), h("span", {}, title));
    this.title.title = `${title}: show all conversations`;
    const cost = dollars(chat.sessionCost);
    this.figures.textContent = cost ?? "";
    this.figures.title = cost === undefined ? "" : `This conversation has cost ${cost} so far`;
    this.drawMeter(chat.used, chat.window);
  }

  private drawMeter(used: number | undefined, window: number | undefined): void {
    const known = used !== undefined && window !== undefined && window > 0;
    this.meter.hidden = !known;
    if (!known) return;
    const share = Math.min(100, Math.ceil((100 * used) / window));
    const said = `${tokens(used)} of ${tokens(window)} tokens of the model's window (${String(share)} %)`;
    this.meter.title = said;
    this.meter.setAttribute("aria-valuenow", String(share));
    this.meter.setAttribute("aria-valuemin", "0");
    this.meter.setAttribute("aria-valuemax", "100");
    this.meter.setAttribute("aria-label", said);
    this.meter.style.setProperty("--share", `${String(share)}%`);
    this.meter.classList.toggle("full", share >= 80);
  }

  private items(showHistory: () => void): Item[] {
    const { sessionId, title } = this.page.chat();
    const own: Item[] =
      sessionId === undefined
        ? []
        : [
            { label: "Rename", icon: "edit", pick: () => { renameIn(this.place, title, (to) => { this.page.tell("rename", { sessionId, title: to }); }); } },
            { label: "Export as Markdown", icon: "download", pick: () => { this.page.tell("export", { sessionId }); } },
            { label: "Delete", icon: "trash", pick: () => { this.page.tell("remove", { sessionId, title }); } },
          ];
    return [
      { label: "New conversation", icon: "add", pick: () => { this.page.tell("newChat", null); } },
      { label: "Conversations", icon: "history", pick: showHistory },
      ...own,
    ];
  }
}
