/** The answer that is being written: begun, followed, stopped, and what it has to ask for. */
import { defined } from "./fields";
import { failureOf, isCancelled, type Cancelling, type Disposed } from "./host";
import type { Draft } from "./messages";
import type { Attachment, Conversation, Delta, PermissionAsked, PermissionOutcome, Question, Sent } from "./protocol";
import type { Stage } from "./stage";
import { asked, ended, received, type Ask } from "./state";

/** A running answer, to be stopped. */
class Stop implements Cancelling {
  isCancellationRequested = false;
  private readonly listeners = new Set<() => void>();

  onCancellationRequested(listener: () => void): Disposed {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  now(): void {
    if (this.isCancellationRequested) return;
    this.isCancellationRequested = true;
    for (const listener of [...this.listeners]) listener();
  }
}

/** What is sent, or only looked at. */
export function questionOf(stage: Stage, { text, chips, replaces }: Draft): Question {
  const { sessionId, provider, model, mode, effort } = stage.chat;
  const context = chips.map(({ kind, uri, range }): Attachment => ({ kind, uri, ...defined({ range }) }));
  const chosen = stage.isChosen ? { provider, model } : {};
  const own = sessionId === undefined ? { ...chosen, mode, effort, root: stage.root() } : { sessionId };
  return { text, scene: stage.desk.scene(), ...defined({ ...own, replaces }), ...(context.length === 0 ? {} : { context }) };
}

export class Answering {
  private stop: Stop | undefined;
  private readonly decisions = new Map<string, (outcome: PermissionOutcome) => void>();
  private serial = 0;

  constructor(private readonly stage: Stage) {}

  async send(draft: Draft): Promise<void> {
    const question = questionOf(this.stage, draft);
    const now = Date.now() / 1000;
    const { chat } = this.stage;
    const stop = (this.stop = new Stop());
    asked(chat, draft.text, draft.replaces, now);
    this.stage.say({ type: "asked", text: draft.text, now, ...defined({ replaces: draft.replaces }) });
    this.stage.desk.running(true);
    const onPartial = (value: unknown): void => {
      const delta = value as Delta;
      if (this.stop !== stop) return;
      received(chat, delta);
      if (delta.kind === "session") this.stage.remembered.set(delta.sessionId);
      this.stage.say({ type: "deltas", deltas: [delta] });
    };
    let sent: Pick<Sent, "stopReason"> & Partial<Sent>;
    try {
      sent = await this.stage.host.request<Sent>("polypilot/chat/send", question, { token: stop, onPartial });
    } catch (error) {
      sent = isCancelled(error) ? { stopReason: "cancelled" } : { stopReason: "error", error: failureOf(error) };
    }
    if (this.stop !== stop) return;
    this.stop = undefined;
    ended(chat, sent);
    this.stage.say({ type: "ended", sent });
    this.stage.desk.running(false);
    if (draft.replaces !== undefined) await this.branches();
  }

  stopAnswer(): void {
    this.stop?.now();
  }

  /** Which messages have other versions, after one was given again. */
  private async branches(): Promise<void> {
    const { sessionId } = this.stage.chat;
    if (sessionId === undefined) return;
    try {
      const loaded = await this.stage.host.request<Conversation>("polypilot/chat/load", { sessionId });
      const branches = Object.fromEntries(loaded.messages.flatMap((each) => (each.branches ? [[each.id, each.branches] as const] : [])));
      if (this.stage.chat.sessionId !== sessionId || this.stage.chat.running) return;
      for (const message of this.stage.chat.messages) message.branches = branches[message.id] ?? message.branches ?? [];
      this.stage.say({ type: "branches", branches });
    } catch {
      // They are shown when the conversation is opened the next time.
    }
  }

  /** Another conversation is shown: what is being written ends, and what came of it is kept. */
  leave(): void {
    this.stop?.now();
    this.stop = undefined;
    for (const decide of [...this.decisions.values()]) decide({ outcome: { outcome: "cancelled" } });
    this.stage.desk.running(false);
  }

  permission(wanted: PermissionAsked, token: Cancelling): Promise<PermissionOutcome> {
    const { toolCall } = wanted;
    const ask: Ask = {
      id: `ask-${String((this.serial += 1))}`,
      callId: toolCall.id,
      title: toolCall.title,
      toolKind: toolCall.toolKind ?? "other",
      arguments: toolCall.arguments,
      diffs: toolCall.diffs ?? [],
      options: wanted.options,
    };
    this.stage.chat.asks.push(ask);
    this.stage.say({ type: "ask", ask });
    this.stage.desk.callUser(ask.title);
    return new Promise((resolve) => {
      const decide = (outcome: PermissionOutcome): void => {
        gone.dispose();
        this.decisions.delete(ask.id);
        this.stage.chat.asks = this.stage.chat.asks.filter((each) => each !== ask);
        this.stage.say({ type: "unask", id: ask.id });
        resolve(outcome);
      };
      const gone = token.onCancellationRequested(() => { decide({ outcome: { outcome: "cancelled" } }); });
      this.decisions.set(ask.id, decide);
    });
  }

  decide(id: string, optionId: string): void {
    this.decisions.get(id)?.({ outcome: { outcome: "selected", optionId } });
  }
}
