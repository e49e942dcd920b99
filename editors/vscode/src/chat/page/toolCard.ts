/** A tool call: what it does and what came of it, folded; and the question whether it may. */
import type { Place } from "../protocol";
import type { ToolPart } from "../parts";
import type { Ask } from "../state";
import type { PageContext } from "./context";
import { between, counted } from "./diff";
import { countBadge, diffLines } from "./diffView";
import { button, h } from "./dom";
import { editCard } from "./editCard";
import { fileName } from "./figures";
import { icon, type IconName } from "./icons";

const KINDS: Readonly<Record<string, IconName>> = {
  read: "eye",
  edit: "edit",
  delete: "trash",
  move: "file",
  search: "search",
  execute: "terminal",
  think: "bulb",
  fetch: "link",
};
const STATES = { pending: "waiting", in_progress: "running", completed: "done", failed: "failed" } as const;

/** What a call was given, as a person reads it. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function labelled(label: string, text: string): HTMLElement {
  return h("div", { class: "field" }, h("span", { class: "field-name" }, label), h("pre", { tabIndex: 0 }, text));
}

/** What the call was given, and what it said. */
function told(part: ToolPart): HTMLElement[] {
  const fields: HTMLElement[] = [];
  if (part.arguments !== "" && part.arguments !== "{}") fields.push(labelled("Asked", pretty(part.arguments)));
  if (part.text) fields.push(labelled(part.status === "failed" ? "Failed" : "Said", part.text));
  return fields;
}

function placeLink(place: Place, page: PageContext): HTMLElement {
  const label = place.line === undefined ? fileName(place.uri) : `${fileName(place.uri)}:${String(place.line + 1)}`;
  const open = h("button", { class: "link file", title: place.uri, onClick: () => { page.tell("openPlace", place); } }, label);
  open.type = "button";
  return open;
}

export function toolCard(part: ToolPart, page: PageContext, wasOpen: boolean): HTMLElement {
  const said = STATES[part.status];
  const head = h(
    "summary",
    {},
    icon("chevron"),
    icon(KINDS[part.toolKind] ?? "tool"),
    h("span", { class: "tool-title" }, part.title),
    h("span", { class: `tool-state ${part.status}`, aria: { label: said } }, stateIcon(part.status)),
  );
  const body = h("div", { class: "tool-body" }, ...told(part), ...(part.locations ?? []).map((place) => placeLink(place, page)));
  const details = h("details", { class: `tool ${part.status}` }, head, body);
  details.open = wasOpen;
  const card = h("div", { class: "tool-part" }, details);
  card.append(...(part.proposals ?? []).map((id) => proposal(id, page)));
  return card;
}

function stateIcon(status: ToolPart["status"]): globalThis.Node {
  if (status === "completed") return icon("check");
  if (status === "failed") return icon("error");
  return h("span", { class: "spinner" });
}

/** An edit that a tool has proposed: asked for by its id. */
function proposal(id: string, page: PageContext): HTMLElement {
  const place = h("div", { class: "proposal" });
  page.call("edit", { id }).then(
    (edit) => { place.replaceChildren(editCard(edit, page)); },
    () => { place.replaceChildren(h("div", { class: "note" }, "This edit is not known any more.")); },
  );
  return place;
}

const ORDER = ["allow_once", "allow_always", "reject_once", "reject_always"];
const LABELS: Readonly<Record<string, string>> = {
  allow_once: "Allow once",
  allow_always: "Allow in this conversation",
  reject_once: "Refuse once",
  reject_always: "Never in this conversation",
};

/** The question whether a tool may do what it is about to do. */
export function askCard(ask: Ask, page: PageContext): HTMLElement {
  const options = [...ask.options].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const actions = options.map((option, index) =>
    button(
      LABELS[option.kind] ?? option.name,
      () => { page.tell("decide", { id: ask.id, optionId: option.optionId }); },
      index === 0 ? "primary" : option.kind.startsWith("reject") ? "quiet" : "",
    ),
  );
  const title = h("span", { class: "ask-title", id: `ask-${ask.id}` }, ask.title);
  const card = h(
    "section",
    { class: "card ask", role: "alertdialog", aria: { labelledby: `ask-${ask.id}` }, data: { ask: ask.id } },
    h("header", { class: "card-head" }, icon("shield"), title),
    ask.diffs.length === 0 && ask.arguments !== "" && ask.arguments !== "{}" ? h("pre", { class: "ask-arguments", tabIndex: 0 }, pretty(ask.arguments)) : undefined,
    ...ask.diffs.map((diff) => {
      const hunk = between(diff.oldText, diff.newText);
      const { added, removed } = counted([hunk]);
      return h("div", { class: "hunk" }, h("div", { class: "hunk-head" }, h("span", {}, fileName(diff.uri)), countBadge(added, removed)), diffLines(hunk));
    }),
    h("div", { class: "ask-actions", role: "group" }, ...actions),
  );
  return card;
}
