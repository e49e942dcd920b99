import assert from "node:assert/strict";
import { test } from "node:test";

import { Controller } from "../../src/chat/controller";
import type { Method, Params, ToPage } from "../../src/chat/messages";
import type { Conversation, Question } from "../../src/chat/protocol";
import { Answer, NotingDesk, RefusedError, ScriptedServer, Token, until } from "./scripted";

const LOADED: Conversation = {
  session: { sessionId: "old", title: "Old", provider: "p", model: "m", messages: 2, created: 1, updated: 2, mode: "ask" },
  messages: [
    { id: "q", role: "user", text: "why?", created: 1, branches: ["q", "q2"] },
    { id: "a", role: "assistant", text: "so", created: 1, stopReason: "end", events: [{ kind: "edit", id: "e9", uri: "file:///a", diff: "" }] },
  ],
};

class Rig {
  readonly server = new ScriptedServer();
  readonly desk = new NotingDesk();
  readonly told: ToPage[] = [];
  remembered: string | undefined;
  readonly controller = new Controller(this.server, this.desk, { get: () => this.remembered, set: (id) => { this.remembered = id; } });
  private calls = 0;

  constructor() {
    this.controller.attach((message) => this.told.push(structuredClone(message)));
  }

  async call<M extends Method>(method: M, params: Params<M>): Promise<Extract<ToPage, { type: "answer" }>> {
    const call = (this.calls += 1);
    await this.controller.take({ type: "call", call, method, params });
    const answer = this.told.find((each) => each.type === "answer" && each.call === call);
    assert.ok(answer?.type === "answer");
    return answer;
  }

  last<T extends ToPage["type"]>(type: T): Extract<ToPage, { type: T }> {
    const found = this.told.findLast((each) => each.type === type);
    assert.ok(found, `no ${type}`);
    return found as Extract<ToPage, { type: T }>;
  }
}

test("a question goes out with the scene, the chips and what was chosen", async () => {
  const rig = new Rig();
  const answer = new Answer();
  rig.server.on("polypilot/chat/send", answer.serve);
  rig.desk.sceneNow = { buffer: "file:///work/a.py" };
  await rig.controller.take({ type: "ready" });
  await rig.call("configure", { mode: "edit" });
  await rig.call("send", { text: "why?", chips: [{ kind: "document", uri: "file:///work/b.py", name: "b.py" }] });
  assert.deepEqual(rig.server.of<Question>("polypilot/chat/send")[0], { text: "why?", scene: { buffer: "file:///work/a.py" }, mode: "edit", root: "file:///work", context: [{ kind: "document", uri: "file:///work/b.py" }] });
  await answer.started();
  answer.write({ kind: "text", text: "so" });
  answer.finish();
  await until(() => rig.told.some((each) => each.type === "ended"));
  assert.equal(rig.remembered, "s1");
  await rig.call("send", { text: "and?", chips: [] });
  assert.equal(rig.server.of<Question>("polypilot/chat/send")[1]?.sessionId, "s1");
});

test("the settings' model is shown and not pinned; one that the user chose is", async () => {
  const rig = new Rig();
  rig.server.on("polypilot/chat/send", new Answer().serve);
  await rig.controller.take({ type: "ready" });
  assert.deepEqual(rig.last("configured").choice, { provider: "anthropic", model: "claude-sonnet-5" });
  rig.server.settings = { provider: "p", model: "m" };
  rig.controller.fillChoice();
  assert.deepEqual(rig.last("configured").choice, { provider: "p", model: "m" });
  await rig.call("configure", { provider: "x", model: "y" });
  await rig.call("send", { text: "why?", chips: [] });
  const [question] = rig.server.of<Question>("polypilot/chat/send");
  assert.deepEqual([question?.provider, question?.model], ["x", "y"]);
});

test("stop cancels the request, and the answer says so", async () => {
  const rig = new Rig();
  const answer = new Answer();
  rig.server.on("polypilot/chat/send", answer.serve);
  await rig.call("send", { text: "why?", chips: [] });
  await answer.started();
  await rig.call("stop", null);
  await until(() => rig.told.some((each) => each.type === "ended"));
  assert.equal(rig.last("ended").sent.stopReason, "cancelled");
});

test("an error of the server's keeps its cure", async () => {
  const rig = new Rig();
  rig.server.on("polypilot/chat/send", () => { throw new RefusedError("no key", -32803, { code: "auth", cure: "set one" }); });
  await rig.call("send", { text: "why?", chips: [] });
  await until(() => rig.told.some((each) => each.type === "ended"));
  assert.deepEqual(rig.last("ended").sent, { stopReason: "error", error: { code: "auth", message: "no key", cure: "set one" } });
});

test("a page that comes back while an answer runs gets all of it", async () => {
  const rig = new Rig();
  const answer = new Answer();
  rig.server.on("polypilot/chat/send", answer.serve);
  await rig.call("send", { text: "why?", chips: [] });
  await answer.started();
  answer.write({ kind: "text", text: "half" });
  rig.controller.attach(undefined);
  answer.write({ kind: "text", text: " and half" });
  rig.controller.attach((message) => rig.told.push(structuredClone(message)));
  await rig.controller.take({ type: "ready", sessionId: "s1" });
  const { chat } = rig.last("chat");
  assert.equal(chat.running, true);
  assert.deepEqual(chat.messages[1]?.parts, [{ kind: "text", text: "half and half", version: 1 }]);
});

test("after the window is loaded again the conversation is opened, and its edits are looked at", async () => {
  const rig = new Rig();
  rig.remembered = "old";
  rig.server.on("polypilot/chat/load", () => LOADED).on("polypilot/edit/get", () => { throw new RefusedError("unknown", -32803); });
  await rig.controller.take({ type: "ready" });
  assert.equal(rig.last("chat").chat.title, "Old");
  assert.deepEqual(rig.last("edit"), { type: "edit", id: "e9", state: "gone", applied: [] });
});

test("a conversation that is gone is an empty one", async () => {
  const rig = new Rig();
  rig.remembered = "old";
  rig.server.on("polypilot/chat/load", () => { throw new RefusedError("unknown", -32803); });
  await rig.controller.take({ type: "ready" });
  assert.deepEqual([rig.last("chat").chat.messages, rig.remembered], [[], undefined]);
});

test("a permission waits for the user, and goes with its request", async () => {
  const rig = new Rig();
  const asked = { sessionId: "s", toolCall: { id: "t", name: "n", title: "Write a.py", arguments: "{}" }, options: [{ optionId: "o", name: "Allow", kind: "allow_once" as const }] };
  const first = rig.controller.permission(asked, new Token());
  await rig.call("decide", { id: rig.last("ask").ask.id, optionId: "o" });
  assert.deepEqual(await first, { outcome: { outcome: "selected", optionId: "o" } });
  const token = new Token();
  const second = rig.controller.permission(asked, token);
  token.cancel();
  assert.deepEqual(await second, { outcome: { outcome: "cancelled" } });
  assert.equal(rig.last("unask").id, rig.last("ask").ask.id);
  assert.deepEqual(rig.desk.did.filter(([name]) => name === "callUser").length, 2);
});

test("an edit is accepted by the hunk, and one that the editor refused is an error", async () => {
  const rig = new Rig();
  const hunks = [{ index: 0, header: "", diff: "", applied: true }, { index: 1, header: "", diff: "", applied: false }];
  rig.server
    .on("polypilot/edit/accept", ({ id }: { id: string }) => (id === "e1" ? { applied: true, state: "open" } : { applied: false, reason: "it was changed" }))
    .on("polypilot/edit/get", ({ id }: { id: string }) => ({ id, uri: "file:///a", diff: "", hunks, state: "open", newText: "" }));
  assert.equal((await rig.call("acceptEdit", { id: "e1", hunks: [0] })).failure, undefined);
  assert.deepEqual(rig.server.of("polypilot/edit/accept"), [{ id: "e1", hunks: [0] }]);
  assert.deepEqual(rig.last("edit"), { type: "edit", id: "e1", state: "open", applied: [0] });
  assert.equal((await rig.call("acceptEdit", { id: "e2" })).failure?.message, "it was changed");
});

test("deleting asks first", async () => {
  const rig = new Rig();
  rig.desk.yes = false;
  rig.server.on("polypilot/chat/delete", () => null);
  assert.equal((await rig.call("remove", { sessionId: "s", title: "T" })).result, false);
  assert.equal(rig.server.of("polypilot/chat/delete").length, 0);
  rig.desk.yes = true;
  assert.equal((await rig.call("remove", { sessionId: "s", title: "T" })).result, true);
});

test("after an answer is given again its versions are told", async () => {
  const rig = new Rig();
  const answer = new Answer("s1", "a", "q");
  rig.server.on("polypilot/chat/send", answer.serve).on("polypilot/chat/load", () => LOADED);
  await rig.call("send", { text: "why?", chips: [], replaces: "x" });
  await answer.started();
  answer.finish();
  await until(() => rig.told.some((each) => each.type === "branches"));
  assert.deepEqual(rig.last("branches").branches, { q: ["q", "q2"] });
});

test("no method but those there are is called", async () => {
  const rig = new Rig();
  for (const method of ["constructor", "__proto__", "nothing"]) {
    const answer = await rig.call(method as Method, null);
    assert.equal(answer.failure?.message, "no such method");
  }
});
