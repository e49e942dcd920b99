/**
 * Markdown as a tree of plain values. Only elements named here exist, no HTML is passed on, nothing is
 * loaded, and links lead to http and https alone, with the host in sight: a model's text is not trusted.
 */
import MarkdownIt from "markdown-it";

import { safeUrl } from "../urls";

export type Tag =
  | "p" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "li" | "blockquote" | "hr" | "br"
  | "strong" | "em" | "s" | "code" | "table" | "thead" | "tbody" | "tr" | "th" | "td" | "span";

export interface ElementNode {
  readonly tag: Tag;
  readonly children: Node[];
  /** Of an ordered list: the first number. */
  readonly start?: number;
  readonly className?: string;
}

export interface LinkNode {
  readonly tag: "link";
  readonly href: string;
  readonly children: Node[];
}

export interface CodeNode {
  readonly tag: "code-block";
  readonly language: string;
  readonly code: string;
  /** Whether its closing fence is there. */
  readonly closed: boolean;
}

export type Node = string | ElementNode | LinkNode | CodeNode;

export interface Block {
  readonly node: Node;
  /** The first line of the source that it is made of. */
  readonly line: number;
}

const parser = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
// Every target reaches our own check; what it refuses is shown as text.
parser.disable(["reference", "html_block", "html_inline"], true);

type Token = ReturnType<typeof parser.parse>[number];

const SIMPLE: Readonly<Record<string, Tag>> = {
  paragraph: "p",
  bullet_list: "ul",
  ordered_list: "ol",
  list_item: "li",
  blockquote: "blockquote",
  strong: "strong",
  em: "em",
  s: "s",
  table: "table",
  thead: "thead",
  tbody: "tbody",
  tr: "tr",
  th: "th",
  td: "td",
};
/** Headings of an answer stand below those of the page. */
const HEADINGS: readonly Tag[] = ["h3", "h4", "h5", "h6", "h6", "h6"];
const LANGUAGE = /^[\w+#.-]{1,40}$/u;

/** The target of a link that may be followed. */
export function safeLink(href: string): URL | undefined {
  const safe = safeUrl(href);
  return safe === undefined ? undefined : new URL(safe);
}

function textOf(nodes: readonly Node[]): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return node;
      return node.tag === "code-block" ? node.code : textOf(node.children);
    })
    .join("");
}

class Builder {
  readonly root: Node[] = [];
  private readonly stack: Node[][] = [this.root];
  private readonly links: (URL | undefined)[] = [];

  constructor(private readonly lines: readonly string[]) {}

  add(node: Node): void {
    this.stack.at(-1)?.push(node);
  }

  private open(node: ElementNode | LinkNode): void {
    this.add(node);
    this.stack.push(node.children);
  }

  private close(): void {
    if (this.stack.length > 1) this.stack.pop();
  }

  take(tokens: readonly Token[]): void {
    tokens.forEach((token, index) => {
      this.one(token, tokens[index + 1]);
    });
  }

  private one(token: Token, next: Token | undefined): void {
    if (token.hidden) return;
    if (token.type === "inline") {
      this.take(token.children ?? []);
    } else if (token.type === "link_open" || token.type === "link_close") {
      this.link(token, next);
    } else if (token.nesting !== 0) {
      this.nested(token);
    } else {
      this.leaf(token);
    }
  }

  private nested(token: Token): void {
    const name = token.type.replace(/_(?:open|close)$/u, "");
    const tag = name === "heading" ? HEADINGS[Number(token.tag.slice(1)) - 1] : SIMPLE[name];
    if (tag === undefined) return;
    if (token.nesting < 0) { this.close(); return; }
    const align = /text-align:(left|center|right)/u.exec(String(token.attrGet("style") ?? ""))?.[1];
    const start = tag === "ol" ? Number(token.attrGet("start") ?? 1) : 1;
    this.open({
      tag,
      children: [],
      ...(start === 1 ? {} : { start }),
      ...(align === undefined ? {} : { className: `align-${align}` }),
    });
  }

  private link(token: Token, next: Token | undefined): void {
    if (token.type === "link_open") {
      const safe = safeLink(String(token.attrGet("href") ?? ""));
      this.links.push(safe);
      if (safe) this.open({ tag: "link", href: safe.href, children: [] });
      return;
    }
    const safe = this.links.pop();
    if (!safe) return;
    const text = textOf(this.stack.at(-1) ?? []);
    this.close();
    const { host } = safe;
    const isSaid = text.includes(host) || next?.content.trimStart().startsWith(`(${host})`) === true;
    if (!isSaid) this.add({ tag: "span", className: "host", children: [` (${host})`] });
  }

  private leaf(token: Token): void {
    this.add(LEAVES[token.type]?.(token, this.lines) ?? token.content);
  }
}

const LEAVES: Readonly<Record<string, (token: Token, lines: readonly string[]) => Node>> = {
  code_inline: ({ content }) => ({ tag: "code", children: [content] }),
  softbreak: () => "\n",
  hardbreak: () => ({ tag: "br", children: [] }),
  hr: () => ({ tag: "hr", children: [] }),
  image: (token) => `![${token.content}](${String(token.attrGet("src") ?? "")})`,
  code_block: ({ content }) => ({ tag: "code-block", language: "", code: content.replace(/\n$/u, ""), closed: true }),
  fence: (token, lines) => ({
    tag: "code-block",
    language: languageOf(token.info),
    code: token.content.replace(/\n$/u, ""),
    closed: isClosed(token, lines),
  }),
};

function languageOf(info: string): string {
  const named = info.trim().split(/[\s:{]/u)[0] ?? "";
  return LANGUAGE.test(named) ? named : "";
}

/** Whether the last line of a fence is its end. */
function isClosed({ map, markup }: Token, lines: readonly string[]): boolean {
  const [first, end] = map ?? [0, 0];
  const last = (lines[end - 1] ?? "").replace(/^[\s>]+/u, "").trimEnd();
  return end - first > 1 && last.length >= markup.length && last === markup.charAt(0).repeat(last.length);
}

/** The blocks of a text, in order. */
export function blocks(source: string): Block[] {
  const tokens = parser.parse(source, {});
  const lines = source.split("\n");
  const found: Block[] = [];
  let group: Token[] = [];
  let depth = 0;
  for (const token of tokens) {
    group.push(token);
    depth += token.nesting;
    if (depth > 0) continue;
    const builder = new Builder(lines);
    builder.take(group);
    const node = builder.root[0];
    if (node !== undefined) found.push({ node, line: group[0]?.map?.[0] ?? 0 });
    group = [];
  }
  return found;
}

/** A text that grows: only its last block is read again. */
export class GrowingMarkdown {
  private source = "";
  private settled = 0;
  private offset = 0;

  /** Adds to the text. Blocks before `from` are as they were; those from there on are these. */
  update(source: string): { readonly from: number; readonly blocks: readonly Block[] } {
    if (!source.startsWith(this.source)) {
      this.settled = 0;
      this.offset = 0;
    }
    this.source = source;
    const tail = source.slice(this.offset);
    const found = blocks(tail);
    const from = this.settled;
    const last = found.at(-1);
    if (last && last.line > 0) {
      this.settled += found.length - 1;
      this.offset += lineStart(tail, last.line);
    }
    return { from, blocks: found };
  }
}

function lineStart(text: string, line: number): number {
  let at = 0;
  for (let count = 0; count < line; count += 1) at = text.indexOf("\n", at) + 1;
  return at;
}
