import assert from "node:assert/strict";
import { test } from "node:test";

import type { Conversation, Delta } from "../../src/chat/protocol";
import { asked, emptyChat, ended, opened, PENDING_ANSWER, received, type Chat } from "../../src/chat/state";

const SESSION: Delta = { kind: "session", sessionId: "s", messageId: "a1", questionId: "q1", provider: "p", model: "m" };

function begun(...deltas: Delta[]): Chat {
  const chat = emptyChat();
  asked(chat, "why?", undefined, 1);
  for (const delta of [SESSION, ...deltas]) received(chat, delta);
  return chat;
}

test("a question and its answer are there before the server has said anything", () => {
  const chat = emptyChat();
  asked(chat, "why?", undefined, 1);
  assert.deepEqual(chat.messages.map((message) => [message.role, message.id]), [["user", "pending-question"], ["assistant", PENDING_ANSWER]]);
  assert.equal(chat.running, true);
  received(chat, SESSION);
  assert.deepEqual(chat.messages.map((message) => message.id), ["q1", "a1"]);
  assert.deepEqual([chat.sessionId, chat.provider, chat.model], ["s", "p", "m"]);
});

test("texts grow, and what is between them parts them", () => {
  const chat = begun({ kind: "thought", text: "hm" }, { kind: "thought", text: "m" }, { kind: "text", text: "a" }, { kind: "toolCall", id: "t", name: "n", arguments: "{}" }, { kind: "text", text: "b" }, { kind: "text", text: "c" });
  assert.deepEqual(chat.messages[1]?.parts.map((part) => ("text" in part ? part.text : part.kind)), ["hmm", "a", "tool", "bc"]);
});

test("a tool call is brought up to date; what is absent stays", () => {
  const chat = begun(
    { kind: "toolCall", id: "t", name: "n", arguments: "{}", title: "Read", locations: [{ uri: "u" }] },
    { kind: "toolUpdate", id: "t", status: "in_progress", text: "half" },
    { kind: "toolUpdate", id: "t", status: "completed", proposals: ["e"] },
    { kind: "toolUpdate", id: "unknown", status: "failed" },
  );
  const part = chat.messages[1]?.parts[0];
  assert.ok(part?.kind === "tool");
  assert.deepEqual([part.status, part.text, part.locations, part.proposals, part.version], ["completed", "half", [{ uri: "u" }], ["e"], 2]);
});

test("a plan takes the place of the one before; sources are listed once", () => {
  const source: Delta = { kind: "citation", url: "https://a.example", title: "A", text: "" };
  const chat = begun({ kind: "plan", entries: [{ content: "x", status: "pending" }] }, source, { kind: "plan", entries: [{ content: "x", status: "completed" }] }, source);
  const [plan, sources] = chat.messages[1]?.parts ?? [];
  assert.ok(plan?.kind === "plan" && plan.entries[0]?.status === "completed");
  assert.ok(sources?.kind === "sources" && sources.sources.length === 1);
});

test("unknown kinds are passed over", () => {
  const chat = begun({ kind: "dance", text: "x" } as unknown as Delta);
  assert.equal(chat.messages[1]?.parts.length, 0);
});

test("an end settles everything that was open", () => {
  const chat = begun({ kind: "toolCall", id: "t", name: "n", arguments: "" }, { kind: "usage", inputTokens: 3, used: 10, window: 100, sessionCost: "0.1" });
  chat.asks.push({ id: "x", callId: "t", title: "", toolKind: "", arguments: "", diffs: [], options: [] });
  ended(chat, { stopReason: "error", error: { code: "auth", message: "no key", cure: "set one" }, usage: { outputTokens: 4 } });
  const answer = chat.messages[1];
  assert.ok(answer);
  assert.deepEqual([chat.running, chat.asks.length, answer.stopReason, answer.error?.cure], [false, 0, "error", "set one"]);
  assert.deepEqual(answer.usage, { kind: "usage", inputTokens: 3, outputTokens: 4, used: 10, window: 100, sessionCost: "0.1" });
  assert.deepEqual([chat.used, chat.window, chat.sessionCost], [10, 100, "0.1"]);
  const [call] = answer.parts;
  assert.equal(call?.kind === "tool" && call.status, "failed");
});

test("a message in another's place takes away what followed", () => {
  const chat = begun({ kind: "text", text: "x" });
  ended(chat, { stopReason: "end" });
  asked(chat, "second", undefined, 2);
  received(chat, { ...SESSION, messageId: "a2", questionId: "q2" });
  ended(chat, { stopReason: "end" });
  asked(chat, "otherwise", "q1", 3);
  assert.deepEqual(chat.messages.map((message) => message.text), ["otherwise", ""]);
});

test("an answer given again keeps its question", () => {
  const chat = begun({ kind: "text", text: "x" });
  ended(chat, { stopReason: "end" });
  asked(chat, "", "a1", 3);
  assert.deepEqual(chat.messages.map((message) => [message.role, message.text]), [["user", "why?"], ["assistant", ""]]);
});

test("a conversation is opened from the server's account of it", () => {
  const conversation: Conversation = {
    session: { sessionId: "s", title: "T", provider: "p", model: "m", messages: 4, created: 1, updated: 2, mode: "ask" },
    used: 5,
    window: 50,
    messages: [
      { id: "sum", role: "summary", text: "before", created: 0 },
      { id: "q", role: "user", text: "why?", created: 1, branches: ["q", "q0"], context: [{ uri: "u", tokens: 1, redacted: 0 }] },
      { id: "a", role: "assistant", text: "so", created: 1, stopReason: "end", events: [{ kind: "thought", text: "hm" }, { kind: "text", text: "so" }, { kind: "usage", inputTokens: 9 }] },
      { id: "b", role: "assistant", text: "cut", created: 1 },
    ],
  };
  const chat = opened(conversation);
  assert.deepEqual([chat.sessionId, chat.title, chat.used, chat.mode, chat.running], ["s", "T", 5, "ask", false]);
  assert.deepEqual(chat.messages.map((message) => message.parts.map((part) => part.kind)), [["text"], [], ["thought", "text"], ["text"]]);
  assert.deepEqual(chat.messages.map((message) => message.stopReason), [undefined, undefined, "end", "cancelled"]);
  assert.deepEqual([chat.messages[1]?.branches, chat.messages[2]?.usage?.inputTokens], [["q", "q0"], 9]);
});
