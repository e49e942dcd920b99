/** How a newcomer is greeted. Pure. */

/** `open`: the walkthrough is shown; `offer`: a notification leads to it; `none`: the menu has it. */
export type Welcome = "open" | "offer" | "none";

/**
 * `openOnInstall` is VS Code's own setting for what installed extensions may open. An editor that
 * somebody is in keeps the focus: what is typed next is meant for it.
 */
export function welcome(first: boolean, openOnInstall: unknown, editing: boolean): Welcome {
  if (!first || openOnInstall === false) {
    return "none";
  }
  return editing ? "offer" : "open";
}
