/** The conversation in the view: what the page asks for is done here, what the server says goes to it. */
import { Answering, questionOf } from "./answering";
import type { Desk } from "./desk";
import { defined } from "./fields";
import { failureOf, isCancelled, type Cancelling, type ChatHost } from "./host";
import type { LmModel } from "./lmProtocol";
import type { Call, Chip, Choice, Draft, FromPage, Method, Params, Result, ToPage } from "./messages";
import { Proposals } from "./proposals";
import type { Conversation, PermissionAsked, PermissionOutcome, Session } from "./protocol";
import { Stage, type Remembered } from "./stage";
import { emptyChat, opened, type Chat } from "./state";

const HISTORY_PAGE = 50;

type Handlers = { readonly [M in Method]: (params: Params<M>) => Promise<Result<M>> };

export class Controller {
  private readonly stage: Stage;
  private readonly answering: Answering;
  private readonly proposals: Proposals;
  private serverRuns = true;

  constructor(
    private readonly host: ChatHost,
    private readonly desk: Desk,
    private readonly remembered: Remembered,
  ) {
    this.stage = new Stage(host, desk, remembered);
    this.answering = new Answering(this.stage);
    this.proposals = new Proposals(this.stage);
  }

  /** A page is there, or none any more. */
  attach(post: ((message: ToPage) => void) | undefined): void {
    this.stage.post = post;
  }

  private get chat(): Chat {
    return this.stage.chat;
  }

  async take(message: FromPage): Promise<void> {
    if (message.type === "ready") return this.ready(message.sessionId);
    const { call, method } = message;
    try {
      const result = await this.handle(message);
      this.say({ type: "answer", call, result });
    } catch (error) {
      this.say({ type: "answer", call, failure: isCancelled(error) ? { message: `${method} was cancelled` } : failureOf(error) });
    }
  }

  /** The server has (re)started, or is gone. */
  serverState(running: boolean): void {
    this.serverRuns = running;
    this.say({ type: "server", running });
  }

  /** What is in front in the editor has changed. */
  frontChanged(): void {
    this.say({ type: "front", front: this.desk.front() });
  }

  addChips(chips: readonly Chip[]): void {
    this.say({ type: "attach", chips });
  }

  showHistory(): void {
    this.say({ type: "showHistory" });
  }

  focus(): void {
    this.say({ type: "focus" });
  }

  /** A message of another part of the extension: sent at once, or put where the user writes. */
  async ask(text: string, chips: readonly Chip[], send: boolean): Promise<void> {
    if (!send || this.chat.running) {
      this.say({ type: "prefill", text });
      this.addChips(chips);
      return;
    }
    await this.answering.send({ text, chips });
  }

  stopAnswer(): void {
    this.answering.stopAnswer();
  }

  newChat(): void {
    const { mode, effort, provider, model } = this.chat;
    this.answering.leave();
    this.show({ ...emptyChat(), ...defined({ mode, effort, provider, model }) });
    this.focus();
  }

  async exportChat(): Promise<void> {
    if (this.chat.sessionId !== undefined) await this.export(this.chat.sessionId);
  }

  acceptEdit(id: string, hunks?: readonly number[]): Promise<void> {
    return this.proposals.accept(id, hunks);
  }

  rejectEdit(id: string): Promise<void> {
    return this.proposals.reject(id);
  }

  /** Whether a permission is for the conversation in the view. */
  owns(sessionId: string): boolean {
    return sessionId === this.chat.sessionId;
  }

  permission(wanted: PermissionAsked, token: Cancelling): Promise<PermissionOutcome> {
    return this.answering.permission(wanted, token);
  }

  dispose(): void {
    this.answering.leave();
    this.stage.post = undefined;
  }

  // -- the page ----------------------------------------------------------------------------

  private say(message: ToPage): void {
    this.stage.say(message);
  }

  private async ready(sessionId: string | undefined): Promise<void> {
    this.say({ type: "server", running: this.serverRuns });
    this.say({ type: "front", front: this.desk.front() });
    const wanted = sessionId ?? this.remembered.get();
    const alive = this.chat.sessionId !== undefined || this.chat.messages.length > 0;
    if (alive || wanted === undefined) {
      this.say({ type: "chat", chat: this.chat });
      if (!alive) this.fillChoice();
      return;
    }
    try {
      await this.load(wanted);
    } catch {
      // It was deleted meanwhile, or is on another machine.
      this.remembered.set(undefined);
      this.show(emptyChat());
    }
  }

  private readonly handlers: Handlers = {
    send: (draft) => this.begin(draft),
    stop: () => done(() => { this.stopAnswer(); }),
    newChat: () => done(() => { this.newChat(); }),
    open: async ({ sessionId }) => (await this.load(sessionId), null),
    select: async ({ messageId }) => (await this.select(messageId), null),
    history: ({ query, before }) => this.host.request<Session[]>("polypilot/chat/sessions", { query, limit: HISTORY_PAGE, ...defined({ before }) }),
    rename: async ({ sessionId, title }) => (await this.rename(sessionId, title), null),
    remove: ({ sessionId, title }) => this.remove(sessionId, title),
    export: async ({ sessionId }) => (await this.export(sessionId), null),
    configure: async (choice) => (await this.configure(choice), null),
    models: (params) => this.host.request<LmModel[]>("polypilot/lm/models", params),
    commands: () => this.host.request("polypilot/chat/commands", defined({ root: this.stage.root() })),
    mentions: ({ typed }) => this.host.request("polypilot/chat/mentions", { typed, ...defined({ root: this.stage.root() }) }),
    preview: (draft) => this.host.request("polypilot/chat/preview", questionOf(this.stage, draft)),
    copy: async ({ text }) => (await this.desk.copy(text), null),
    insert: async (block) => (await this.desk.insert(block), null),
    newFile: async (block) => (await this.desk.newFile(block), null),
    apply: (block) => this.proposals.apply(block),
    openLink: async ({ url }) => (await this.desk.openLink(url), null),
    openPlace: async (place) => (await this.desk.openPlace(place), null),
    edit: ({ id }) => this.proposals.get(id),
    acceptEdit: async ({ id, hunks }) => (await this.proposals.accept(id, hunks), null),
    rejectEdit: async ({ id }) => (await this.proposals.reject(id), null),
    showDiff: async ({ id }) => (await this.desk.showDiff(await this.proposals.get(id)), null),
    decide: ({ id, optionId }) => done(() => { this.answering.decide(id, optionId); }),
    pickFiles: () => this.desk.pickFiles(),
    run: async ({ command }) => (await this.desk.run(command), null),
  };

  private handle<M extends Method>(message: Extract<FromPage, { type: "call" }> & Call<M>): Promise<unknown> {
    if (!Object.hasOwn(this.handlers, message.method)) return Promise.reject(new Error("no such method"));
    const handler = this.handlers[message.method] as (params: Params<M>) => Promise<unknown>;
    return handler(message.params);
  }

  // -- answers -----------------------------------------------------------------------------

  /** Returns once the question is shown: its answer goes on by itself. */
  private begin(draft: Draft): Promise<null> {
    if (this.chat.running) return Promise.reject(new Error("an answer is being written"));
    void this.answering.send(draft);
    return Promise.resolve(null);
  }

  // -- conversations -----------------------------------------------------------------------

  private show(chat: Chat): void {
    this.stage.chat = chat;
    this.remembered.set(chat.sessionId);
    this.say({ type: "chat", chat });
    if (chat.sessionId === undefined) this.fillChoice();
  }

  /** Who will answer by the settings in a conversation that is not begun, for the menus below it. */
  fillChoice(): void {
    const { chat } = this;
    const selected = this.host.selected();
    if (!selected || chat.sessionId !== undefined || chat.running || this.stage.isChosen) return;
    const { provider, model } = selected;
    if (provider !== chat.provider || model !== chat.model) this.set({ provider, model });
  }

  private set(choice: Choice): void {
    Object.assign(this.chat, choice);
    this.say({ type: "configured", choice });
  }

  private async load(sessionId: string): Promise<void> {
    const conversation = await this.host.request<Conversation>("polypilot/chat/load", { sessionId });
    this.answering.leave();
    const chat = opened(conversation);
    this.show(chat);
    await this.proposals.look(chat);
  }

  private async select(messageId: string): Promise<void> {
    const { sessionId } = this.chat;
    if (sessionId === undefined || this.chat.running) return;
    const { edits } = this.chat;
    const chat = { ...opened(await this.host.request<Conversation>("polypilot/chat/select", { sessionId, messageId })), edits };
    this.show(chat);
    await this.proposals.look(chat);
  }

  private async rename(sessionId: string, title: string): Promise<void> {
    await this.host.request("polypilot/chat/rename", { sessionId, title });
    if (sessionId !== this.chat.sessionId) return;
    this.chat.title = title;
    this.say({ type: "configured", choice: {}, title });
  }

  private async remove(sessionId: string, title: string): Promise<boolean> {
    const name = title === "" ? "this conversation" : `“${title}”`;
    if (!(await this.desk.confirm(`Delete ${name}? It is gone from the disk too.`, "Delete"))) return false;
    await this.host.request("polypilot/chat/delete", { sessionId });
    if (sessionId === this.chat.sessionId) this.newChat();
    return true;
  }

  private async export(sessionId: string): Promise<void> {
    const { markdown } = await this.host.request<{ markdown: string }>("polypilot/chat/export", { sessionId });
    await this.desk.saveMarkdown(markdown, sessionId === this.chat.sessionId ? this.chat.title : "");
  }

  private async configure(choice: Choice): Promise<void> {
    const { sessionId } = this.chat;
    if (sessionId !== undefined) {
      const session = await this.host.request<Session>("polypilot/chat/configure", { sessionId, ...choice });
      this.set(defined({ provider: session.provider, model: session.model, mode: session.mode, effort: session.effort }));
    } else {
      this.stage.isChosen ||= choice.model !== undefined;
      this.set(choice);
    }
  }
}

function done(action: () => void): Promise<null> {
  action();
  return Promise.resolve(null);
}
