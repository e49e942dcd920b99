/** Colours of code as a tree of plain values: a highlighter's HTML is read, never trusted. */
import hljs from "highlight.js/lib/common";
import clojure from "highlight.js/lib/languages/clojure";
import cmake from "highlight.js/lib/languages/cmake";
import dart from "highlight.js/lib/languages/dart";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import elixir from "highlight.js/lib/languages/elixir";
import erlang from "highlight.js/lib/languages/erlang";
import haskell from "highlight.js/lib/languages/haskell";
import julia from "highlight.js/lib/languages/julia";
import latex from "highlight.js/lib/languages/latex";
import lisp from "highlight.js/lib/languages/lisp";
import nix from "highlight.js/lib/languages/nix";
import ocaml from "highlight.js/lib/languages/ocaml";
import powershell from "highlight.js/lib/languages/powershell";
import protobuf from "highlight.js/lib/languages/protobuf";
import scala from "highlight.js/lib/languages/scala";
import vim from "highlight.js/lib/languages/vim";

const MORE = {
  clojure, cmake, dart, dockerfile, elixir, erlang, haskell, julia, latex, lisp, nix, ocaml, powershell, protobuf,
  scala, vim,
};
for (const [name, language] of Object.entries(MORE)) hljs.registerLanguage(name, language);
hljs.registerAliases(["jsonc", "json5"], { languageName: "json" });
hljs.registerAliases(["vue", "svelte"], { languageName: "xml" });

/** A run of code with one colour. */
export interface Run {
  readonly text: string;
  readonly className: string;
}

const LONGEST = 60_000;
const PIECE = /<span class="([\w -]+)">|(<\/span>)|&(amp|lt|gt|quot|#x27);|[^<&]+/gu;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

/** What a highlighter wrote, if it is nothing but spans and text. */
export function runsOf(html: string): Run[] | undefined {
  const runs: Run[] = [];
  const open: string[] = [];
  let at = 0;
  for (const match of html.matchAll(PIECE)) {
    if (match.index !== at) return undefined;
    at += match[0].length;
    if (match[1] !== undefined) open.push(match[1]);
    else if (match[2] !== undefined) open.pop();
    else add(runs, match[3] === undefined ? match[0] : (ENTITIES[match[3]] ?? ""), open.at(-1) ?? "");
  }
  return at === html.length && open.length === 0 ? runs : undefined;
}

function add(runs: Run[], text: string, className: string): void {
  const last = runs.at(-1);
  if (last?.className === className) runs[runs.length - 1] = { text: last.text + text, className };
  else runs.push({ text, className });
}

/** The code in runs of one colour; one run where the language is not known or the code is long. */
export function highlighted(code: string, language: string): Run[] {
  const plain = [{ text: code, className: "" }];
  if (code.length > LONGEST || hljs.getLanguage(language) === undefined) return plain;
  const runs = runsOf(hljs.highlight(code, { language, ignoreIllegals: true }).value);
  return runs?.map((run) => run.text).join("") === code ? runs : plain;
}

/** A language's name for the head of a block. */
export function languageName(language: string): string {
  return hljs.getLanguage(language)?.name?.replace(/,.*$/u, "") ?? language;
}
