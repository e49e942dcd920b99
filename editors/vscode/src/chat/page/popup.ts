/** A list over the page, for menus and completions; the keyboard stays where it was. */
import { h } from "./dom";
import { icon, type IconName } from "./icons";

export interface Item {
  readonly label: string;
  readonly detail?: string;
  readonly icon?: IconName;
  readonly chosen?: boolean;
  /** A heading that can't be chosen. */
  readonly heading?: boolean;
  readonly pick: () => void;
}

let serial = 0;

export class Popup {
  readonly element: HTMLElement;
  private items: readonly Item[] = [];
  private active = -1;
  private readonly id = `list-${String((serial += 1))}`;

  /** `owner` is the control that has the keyboard while the list is open. */
  constructor(
    private readonly owner: HTMLElement,
    label: string,
  ) {
    this.element = h("ul", { class: "popup", role: "listbox", id: this.id, aria: { label } });
    this.element.hidden = true;
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  show(items: readonly Item[], first = items.findIndex((item) => item.chosen === true)): void {
    this.items = items;
    this.element.replaceChildren(...items.map((item, index) => this.row(item, index)));
    this.element.hidden = items.length === 0;
    this.owner.setAttribute("aria-expanded", String(this.isOpen));
    this.owner.setAttribute("aria-controls", this.id);
    this.activate(this.next(first < 0 ? -1 : first - 1, 1));
  }

  hide(): void {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.owner.setAttribute("aria-expanded", "false");
    this.owner.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was for the list. */
  key(event: KeyboardEvent): boolean {
    if (!this.isOpen) return false;
    switch (event.key) {
      case "ArrowDown":
        this.activate(this.next(this.active, 1));
        break;
      case "ArrowUp":
        this.activate(this.next(this.active, -1));
        break;
      case "Home":
        this.activate(this.next(-1, 1));
        break;
      case "End":
        this.activate(this.next(this.items.length, -1));
        break;
      case "Enter":
      case "Tab":
        this.pick(this.active);
        break;
      case "Escape":
        this.hide();
        break;
      default:
        return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  private row(item: Item, index: number): HTMLElement {
    const row = h(
      "li",
      item.heading === true
        ? { class: "popup-heading", role: "presentation" }
        : { class: "popup-item", role: "option", id: `${this.id}-${String(index)}`, aria: { selected: "false" } },
      item.icon && icon(item.icon),
      h("span", { class: "popup-label" }, item.label),
      item.detail !== undefined && h("span", { class: "popup-detail" }, item.detail),
      item.chosen === true && icon("check"),
    );
    // The press must not take the keyboard from the owner.
    row.addEventListener("mousedown", (event) => { event.preventDefault(); });
    row.addEventListener("mousemove", () => { if (item.heading !== true && index !== this.active) this.activate(index, false); });
    row.addEventListener("click", () => { this.pick(index); });
    return row;
  }

  private next(from: number, step: number): number {
    const count = this.items.length;
    for (let turn = 1; turn <= count; turn += 1) {
      const at = (((from + step * turn) % count) + count) % count;
      if (this.items[at]?.heading !== true) return at;
    }
    return -1;
  }

  private activate(index: number, scroll = true): void {
    this.active = index;
    [...this.element.children].forEach((row, at) => {
      if (this.items[at]?.heading === true) return;
      row.setAttribute("aria-selected", String(at === index));
      row.classList.toggle("active", at === index);
      if (at === index) {
        this.owner.setAttribute("aria-activedescendant", row.id);
        if (scroll) row.scrollIntoView({ block: "nearest" });
      }
    });
  }

  private pick(index: number): void {
    const item = this.items[index];
    if (!item || item.heading === true) return;
    this.hide();
    item.pick();
  }
}

/** A button that opens a list above or below itself. */
export function menuButton(button: HTMLButtonElement, label: string, items: () => Promise<readonly Item[]> | readonly Item[]): HTMLElement {
  const popup = new Popup(button, label);
  button.setAttribute("aria-haspopup", "listbox");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    if (popup.isOpen) popup.hide();
    else void Promise.resolve(items()).then((found) => { popup.show(found); });
  });
  button.addEventListener("keydown", (event) => {
    if (popup.key(event)) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      button.click();
    }
  });
  button.addEventListener("blur", () => { popup.hide(); });
  return h("span", { class: "menu" }, button, popup.element);
}
