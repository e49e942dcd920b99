/** What a conversation shows before its first message. */
import { h } from "./dom";
import { icon, type IconName } from "./icons";

const IDEAS: readonly (readonly [IconName, string, string])[] = [
  ["eye", "Explain this file", "Explain #buffer: what it does, and what to know before changing it."],
  ["diff", "Review my changes", "Review #diff for mistakes, missing tests and unclear names."],
  ["warning", "Fix the problems", "Fix the problems in #diagnostics."],
  ["search", "Find my way", "How is this project laid out? #tree"],
];

export function welcome(fill: (text: string) => void): HTMLElement {
  const ideas = IDEAS.map(([name, label, text]) => {
    const made = h("button", { class: "idea", onClick: () => { fill(text); } }, icon(name), h("span", {}, label));
    made.type = "button";
    return made;
  });
  return h(
    "div",
    { class: "welcome" },
    h("div", { class: "mark" }, icon("spark")),
    h("h1", {}, "Ask about your code"),
    h("p", {}, "Add context with ", h("kbd", {}, "#"), ", commands with ", h("kbd", {}, "/"), ". Nothing in your files changes until you accept it."),
    h("div", { class: "ideas" }, ...ideas),
  );
}
