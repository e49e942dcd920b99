/** Shows Markdown, and goes on showing it while it grows: what stands already is not drawn again. */
import { codeBlock, CodeView } from "./codeView";
import { h } from "./dom";
import { GrowingMarkdown, type Block, type LinkNode, type Node } from "./markdown";

export interface BlockActions {
  copy(text: string, button: HTMLButtonElement): void;
  insert(code: string, language: string): void;
  newFile(code: string, language: string): void;
  apply(code: string, language: string, under: HTMLElement): void;
  openLink(url: string): void;
}

interface Drawn {
  readonly node: Node;
  readonly dom: globalThis.Node;
  readonly code?: CodeView;
}

export class MarkdownView {
  readonly element = h("div", { class: "markdown" });
  private readonly growing = new GrowingMarkdown();
  private readonly drawn: Drawn[] = [];

  constructor(private readonly actions: BlockActions) {}

  /** `done`: the text has ended, so code in it takes its colours. */
  update(source: string, done: boolean): void {
    const { from, blocks } = this.growing.update(source);
    blocks.forEach((block, index) => {
      this.put(from + index, block, done);
    });
    for (const extra of this.drawn.splice(from + blocks.length)) extra.dom.parentNode?.removeChild(extra.dom);
  }

  private put(at: number, block: Block, done: boolean): void {
    const before = this.drawn[at];
    const { node } = block;
    if (typeof node !== "string" && node.tag === "code-block" && before?.code?.canBecome(node)) {
      before.code.update(node, done);
      return;
    }
    const dom = this.make(node, done);
    const code = dom instanceof HTMLElement ? CodeView.of(dom) : undefined;
    this.drawn[at] = { node, dom, ...(code ? { code } : {}) };
    if (before) before.dom.parentNode?.replaceChild(dom, before.dom);
    else this.element.append(dom);
  }

  private make(node: Node, done: boolean): globalThis.Node {
    if (typeof node === "string") return document.createTextNode(node);
    if (node.tag === "code-block") return codeBlock(node, done, this.actions);
    const children = node.children.map((child) => this.make(child, done));
    if (node.tag === "link") return this.link(node, children);
    const made = h(node.tag, node.className === undefined ? {} : { class: node.className }, ...children);
    if (node.start !== undefined) made.setAttribute("start", String(node.start));
    return node.tag === "table" ? h("div", { class: "table", tabIndex: 0 }, made) : made;
  }

  private link(node: LinkNode, children: globalThis.Node[]): HTMLElement {
    const made = h("a", { title: node.href }, ...children);
    made.href = node.href;
    made.addEventListener("click", (event) => {
      event.preventDefault();
      // VS Code would open it as well.
      event.stopPropagation();
      this.actions.openLink(node.href);
    });
    return made;
  }
}
