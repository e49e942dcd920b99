/** Edits that answers propose: looked at, accepted whole or by the hunk, turned down. */
import { defined } from "./fields";
import type { CodeBlock } from "./messages";
import type { Applied, Edit } from "./protocol";
import type { Stage } from "./stage";
import type { Chat, ShownState } from "./state";

const MOST_EDITS = 40;

export class Proposals {
  constructor(private readonly stage: Stage) {}

  /** Proposed edits live as long as the server's process: what has become of those shown? */
  async look(chat: Chat): Promise<void> {
    const parts = chat.messages.flatMap((message) => message.parts);
    const ids = parts.flatMap((part) => (part.kind === "edit" && part.edit.id !== undefined ? [part.edit.id] : []));
    for (const id of ids.slice(-MOST_EDITS).filter((each) => !(each in chat.edits))) {
      const edit = await this.stage.host.request<Edit>("polypilot/edit/get", { id }).catch(() => undefined);
      if (this.stage.chat !== chat) return;
      if (edit) this.told(edit);
      else this.mark(id, "gone", []);
    }
  }

  async get(id: string): Promise<Edit> {
    const edit = await this.stage.host.request<Edit>("polypilot/edit/get", { id });
    this.told(edit);
    return edit;
  }

  private told(edit: Edit): void {
    const applied = edit.hunks.filter((hunk) => hunk.applied).map((hunk) => hunk.index);
    const before = this.stage.chat.edits[edit.id];
    if (before?.state === edit.state && before.applied.length === applied.length) return;
    this.mark(edit.id, edit.state, applied);
  }

  private mark(id: string, state: ShownState, applied: readonly number[]): void {
    this.stage.chat.edits[id] = { state, applied };
    this.stage.say({ type: "edit", id, state, applied });
  }

  /** A code block that is no proposal yet becomes one, for what is in front; its diff is shown. */
  async apply(block: CodeBlock): Promise<Edit> {
    const edit = await this.stage.host.request<Edit>("polypilot/edit/propose", {
      ...block,
      scene: this.stage.desk.scene(),
      ...defined({ sessionId: this.stage.chat.sessionId, root: this.stage.root() }),
    });
    await this.stage.desk.showDiff(edit);
    return edit;
  }

  async accept(id: string, hunks?: readonly number[]): Promise<void> {
    const applied = await this.stage.host.request<Applied>("polypilot/edit/accept", { id, ...defined({ hunks }) });
    if (!applied.applied) throw new Error(applied.reason ?? "the editor did not apply the edit");
    this.stage.desk.edited(await this.get(id));
  }

  async reject(id: string): Promise<void> {
    await this.stage.host.request("polypilot/edit/reject", { id });
    this.stage.desk.edited(await this.get(id));
  }
}
