/** A proposed edit: its diff, and what the user may do with it. */
import type { ShownState } from "../state";
import type { PageContext } from "./context";
import { counted, hunksOf, placeOf, type ShownHunk } from "./diff";
import { countBadge, diffLines } from "./diffView";
import { button, h, iconButton } from "./dom";
import { fileName } from "./figures";
import { icon } from "./icons";

export interface CardEdit {
  readonly id?: string;
  readonly uri: string;
  readonly diff: string;
  readonly refused?: string;
}

const SAID: Readonly<Record<ShownState, string>> = { open: "", applied: "Applied", rejected: "Rejected", gone: "Not available any more" };

export function editCard(edit: CardEdit, page: PageContext): HTMLElement {
  const name = fileName(edit.uri);
  if (edit.refused !== undefined) {
    return h("div", { class: "note warning" }, icon("warning"), h("span", {}, `No edit of ${name}: ${edit.refused}`));
  }
  const hunks = hunksOf(edit.diff);
  const card = h("section", { class: "card edit", aria: { label: `Proposed edit of ${name}` } });
  edits.set(card, edit);
  fill(card, edit, hunks, page);
  return card;
}

function fill(card: HTMLElement, edit: CardEdit, hunks: readonly ShownHunk[], page: PageContext): void {
  const id = edit.id ?? "";
  const { state, applied } = page.chat().edits[id] ?? { state: "open" as const, applied: [] };
  const { added, removed } = counted(hunks);
  const name = fileName(edit.uri);
  const path = h("button", { class: "link file", title: edit.uri, onClick: () => { page.tell("openPlace", { uri: edit.uri }); } }, name);
  path.type = "button";
  const tools =
    state === "open"
      ? h(
          "div",
          { class: "edit-actions", role: "group", aria: { label: `Decide about the edit of ${name}` } },
          button("Accept", () => { page.tell("acceptEdit", { id }); }, "primary", "check"),
          button("Review", () => { page.tell("showDiff", { id }); }, "", "diff"),
          iconButton("close", "Reject", () => { page.tell("rejectEdit", { id }); }),
        )
      : h("span", { class: `state ${state}` }, icon(state === "applied" ? "check" : "close"), SAID[state]);
  card.classList.toggle("settled", state !== "open");
  const several = hunks.length > 1;
  card.replaceChildren(
    h("header", { class: "card-head" }, icon("file"), path, countBadge(added, removed), h("span", { class: "spacer" }), tools),
    ...hunks.map((hunk, index) => {
      const done = applied.includes(index) || state === "applied";
      const own =
        several && state === "open" && !done
          ? button("Accept this change", () => { page.tell("acceptEdit", { id, hunks: [index] }); }, "small")
          : several && done ? h("span", { class: "state applied" }, icon("check"), "Applied") : undefined;
      return h("div", { class: `hunk${done ? " done" : ""}` }, h("div", { class: "hunk-head" }, h("span", { title: hunk.header }, placeOf(hunk.header)), own), diffLines(hunk));
    }),
  );
}

const edits = new WeakMap<HTMLElement, CardEdit>();

/** Draws the cards of an edit again, after its state has changed. */
export function refreshCards(root: ParentNode, id: string, page: PageContext): void {
  for (const card of root.querySelectorAll<HTMLElement>("section.edit")) {
    const edit = edits.get(card);
    if (edit?.id === id) fill(card, edit, hunksOf(edit.diff), page);
  }
}
