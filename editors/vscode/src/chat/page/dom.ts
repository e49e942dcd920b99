/** Elements made by hand: text is only ever set as text. */
import { icon, type IconName } from "./icons";

type Child = globalThis.Node | string | undefined | false;

export interface Props {
  readonly class?: string;
  readonly title?: string;
  readonly role?: string;
  readonly id?: string;
  readonly aria?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly tabIndex?: number;
  readonly onClick?: (event: MouseEvent) => void;
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  const { title, role, id, onClick } = props;
  for (const [name, value] of Object.entries({ class: props.class, title, role, id })) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  for (const [name, value] of Object.entries(props.aria ?? {})) made.setAttribute(`aria-${name}`, value);
  for (const [name, value] of Object.entries(props.data ?? {})) made.dataset[name] = value;
  if (props.tabIndex !== undefined) made.tabIndex = props.tabIndex;
  if (onClick) made.addEventListener("click", onClick as EventListener);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** A button that is an icon; `label` is its name and its tip. */
export function iconButton(name: IconName, label: string, onClick: (event: MouseEvent) => void, className = ""): HTMLButtonElement {
  const button = h("button", { class: `icon-button ${className}`.trim(), title: label, aria: { label }, onClick }, icon(name));
  button.type = "button";
  return button;
}

export function button(label: string, onClick: (event: MouseEvent) => void, className = "", symbol?: IconName): HTMLButtonElement {
  const made = h("button", { class: `button ${className}`.trim(), onClick }, symbol && icon(symbol), h("span", {}, label));
  made.type = "button";
  return made;
}

/** Says on a button that it has done its work, for a moment. */
export function confirmOn(target: HTMLButtonElement, label: string, name: IconName = "check"): void {
  const before = [...target.childNodes];
  if (target.classList.contains("done")) return;
  const tip = target.title;
  target.classList.add("done");
  const own = target.querySelector("svg");
  own?.replaceWith(icon(name));
  target.title = label;
  setTimeout(() => {
    target.classList.remove("done");
    target.title = tip;
    target.replaceChildren(...before.map((node) => (node instanceof SVGSVGElement && own ? own : node)));
  }, 1600);
}

export function required<T extends Element>(found: T | null | undefined): T {
  if (!found) throw new Error("the page lacks an element");
  return found;
}
