/** The menus below a message: mode, model and effort of the conversation. */
import type { LmModel } from "../lmProtocol";
import { EFFORTS, MODES, type Effort, type Mode } from "../protocol";
import type { PageContext } from "./context";
import { h } from "./dom";
import { tokens } from "./figures";
import { icon } from "./icons";
import { menuButton, type Item } from "./popup";

const MODE_NAMES: Readonly<Record<Mode, readonly [string, string]>> = {
  plain: ["Plain", "answers without tools"],
  ask: ["Ask", "may read the workspace"],
  edit: ["Edit", "may also propose changes and use your tools"],
};
const EFFORT_NAMES: Readonly<Record<Effort, string>> = {
  none: "None",
  minimal: "Minimal",
  low: "Low",
  medium: "Medium",
  high: "High",
  xhigh: "Very high",
  max: "Maximum",
};

function choiceButton(): HTMLButtonElement {
  const made = h("button", { class: "choice" });
  made.type = "button";
  return made;
}

function label(target: HTMLButtonElement, text: string, title: string): void {
  target.replaceChildren(h("span", { class: "choice-text" }, text), icon("chevronDown"));
  target.title = title;
  target.setAttribute("aria-label", title);
}

/** The models in groups of their providers. */
function modelItems(known: readonly LmModel[], page: PageContext): Item[] {
  const chat = page.chat();
  const groups = new Map<string, LmModel[]>();
  for (const each of known) groups.set(each.providerName, [...(groups.get(each.providerName) ?? []), each]);
  const items = [...groups].flatMap(([name, models]) => [
    heading(name),
    ...models.map((each): Item => {
      const window = each.contextTokens === undefined ? [] : [tokens(each.contextTokens)];
      return {
        label: each.name,
        detail: [...window, ...(each.local ? ["on this machine"] : [])].join(" · "),
        icon: each.local ? "laptop" : "cloud",
        chosen: each.id === chat.model && each.provider === chat.provider,
        pick: () => { page.tell("configure", { provider: each.provider, model: each.id }); },
      };
    }),
  ]);
  return [...items, heading("Other"), { label: "Choose a provider…", icon: "more", pick: () => { page.tell("run", { command: "chooseProvider" }); } }];
}

function heading(label: string): Item {
  return { label, heading: true, pick: () => undefined };
}

function modeItems(page: PageContext): Item[] {
  return MODES.map((mode) => ({
    label: MODE_NAMES[mode][0],
    detail: MODE_NAMES[mode][1],
    chosen: mode === page.chat().mode,
    pick: () => { page.tell("configure", { mode }); },
  }));
}

function effortItems(known: readonly LmModel[], page: PageContext): Item[] {
  const chat = page.chat();
  const own = known.find((each) => each.id === chat.model && each.provider === chat.provider)?.efforts ?? [];
  return EFFORTS.filter((each) => own.length === 0 || own.includes(each)).map((effort) => ({
    label: EFFORT_NAMES[effort],
    chosen: effort === chat.effort,
    pick: () => { page.tell("configure", { effort }); },
  }));
}

export class Choices {
  readonly elements: HTMLElement[];
  private readonly mode = choiceButton();
  private readonly model = choiceButton();
  private readonly effort = choiceButton();
  private known: readonly LmModel[] = [];

  constructor(private readonly page: PageContext) {
    this.elements = [
      menuButton(this.mode, "What the model may do", () => modeItems(page)),
      menuButton(this.model, "Model", async () => modelItems(await this.models(), page)),
      menuButton(this.effort, "How much to reason", async () => effortItems(this.known.length > 0 ? this.known : await this.models(), page)),
    ];
  }

  update(): void {
    const { mode, model, provider, effort } = this.page.chat();
    const modeName = mode === undefined ? undefined : MODE_NAMES[mode][0];
    const effortName = effort === undefined ? undefined : EFFORT_NAMES[effort];
    label(this.mode, modeName ?? "Mode", `What the model may do: ${modeName ?? "as set"}`);
    // Empty: as the settings choose, at each message.
    label(this.model, model || "Model", model ? `Model: ${provider ?? ""} / ${model}` : "Model: as set");
    label(this.effort, effortName ?? "Effort", `How much to reason: ${effortName ?? "as set"}`);
  }

  private async models(): Promise<readonly LmModel[]> {
    this.known = await this.page.call("models", {}).catch(() => this.known);
    return this.known;
  }
}
