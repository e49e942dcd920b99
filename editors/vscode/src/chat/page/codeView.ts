/** A block of code, with its actions; it takes text at its end without being drawn again. */
import { h, iconButton } from "./dom";
import { highlighted, languageName } from "./highlight";
import type { CodeNode } from "./markdown";
import type { BlockActions } from "./markdownView";

const views = new WeakMap<HTMLElement, CodeView>();
const LONG_LINES = 30;

export class CodeView {
  readonly element: HTMLElement;
  private readonly code = h("code");
  private shown = "";
  private coloured = false;
  private language: string;

  constructor(node: CodeNode, done: boolean, actions: BlockActions) {
    this.language = node.language;
    const name = languageName(node.language) || "text";
    const copy = iconButton("copy", "Copy", () => {
      actions.copy(this.shown, copy);
    });
    const pre = h("pre", { tabIndex: 0, role: "region", aria: { label: `${name} code` } }, this.code);
    this.element = h(
      "div",
      { class: "code-block" },
      h(
        "div",
        { class: "code-head" },
        h("span", { class: "code-language" }, name),
        h(
          "div",
          { class: "code-actions", role: "group", aria: { label: "Actions for this code" } },
          iconButton("apply", "Apply to the file in front, with a diff", () => {
            actions.apply(this.shown, this.language, this.element);
          }),
          iconButton("insert", "Insert at the cursor", () => {
            actions.insert(this.shown, this.language);
          }),
          iconButton("newFile", "Open as a new file", () => {
            actions.newFile(this.shown, this.language);
          }),
          copy,
        ),
      ),
      pre,
    );
    views.set(this.element, this);
    this.update(node, done);
  }

  static of(element: HTMLElement): CodeView | undefined {
    return views.get(element);
  }

  canBecome(node: CodeNode): boolean {
    return node.language === this.language && node.code.startsWith(this.shown) && !this.coloured;
  }

  update(node: CodeNode, done: boolean): void {
    if (node.code !== this.shown) this.code.append(node.code.slice(this.shown.length));
    this.shown = node.code;
    if ((node.closed || done) && !this.coloured) {
      this.coloured = true;
      this.code.replaceChildren(
        ...highlighted(node.code, node.language).map((run) =>
          run.className === "" ? document.createTextNode(run.text) : h("span", { class: run.className }, run.text),
        ),
      );
      this.element.classList.toggle("long", node.code.split("\n").length > LONG_LINES);
    }
  }
}

export function codeBlock(node: CodeNode, done: boolean, actions: BlockActions): HTMLElement {
  return new CodeView(node, done, actions).element;
}
