import assert from "node:assert/strict";
import { test } from "node:test";

import { infoOf, inputOf, messageOf, messagesOf, optionsOf, Proofs, toolsOf } from "../../src/chat/lmMessages";
import type { LmModel } from "../../src/chat/lmProtocol";

const none = new Proofs();

test("parts by their shape", () => {
  const parts = messageOf(
    {
      role: 1,
      content: [
        { value: "look" },
        { mimeType: "image/png", data: new Uint8Array([1, 2, 255]) },
        { mimeType: "cache_control", data: new Uint8Array([1]) },
        { mimeType: "text/plain", data: new TextEncoder().encode("é") },
        { value: "" },
        42,
        null,
      ],
    },
    none,
  )?.parts;
  assert.deepEqual(parts, [{ type: "text", text: "look" }, { type: "image", mediaType: "image/png", data: "AQL/" }, { type: "text", text: "é" }]);
});

test("calls and their results", () => {
  const made = messagesOf(
    [
      { role: 2, content: [{ value: "I read it" }, { callId: "c1", name: "read", input: { path: "a" } }] },
      { role: 1, content: [{ callId: "c1", content: [{ value: "text" }, { value: { node: 1 } }, { mimeType: "image/png", data: new Uint8Array([0]) }] }] },
      { role: 1, content: [] },
      { role: 3, content: [{ value: "be short" }] },
    ],
    none,
  );
  assert.deepEqual(made, [
    { role: "assistant", parts: [{ type: "text", text: "I read it" }, { type: "toolCall", id: "c1", name: "read", arguments: '{"path":"a"}' }] },
    { role: "user", parts: [{ type: "toolResult", id: "c1", text: 'text\n{"node":1}' }, { type: "image", mediaType: "image/png", data: "AA==" }] },
    { role: "system", parts: [{ type: "text", text: "be short" }] },
  ]);
});

test("what a supplier wants back with a call goes back with it", () => {
  const proofs = new Proofs();
  const follow = proofs.follow();
  follow({ kind: "thought", text: "I " });
  follow({ kind: "thought", text: "think" });
  follow({ kind: "proof", provider: "anthropic", signature: "sig" });
  follow({ kind: "proof", provider: "anthropic", redacted: "zzz" });
  follow({ kind: "text", text: "so" });
  follow({ kind: "toolCall", id: "c1", name: "read", arguments: "{}", signature: "g", provider: "gemini" });
  const message = { role: 2, content: [{ value: "so" }, { callId: "c1", name: "read", input: {} }] };
  assert.deepEqual(messageOf(message, proofs)?.parts, [
    { type: "thought", text: "I think", signature: "sig", provider: "anthropic" },
    { type: "thought", text: "", redacted: "zzz", provider: "anthropic" },
    { type: "text", text: "so" },
    { type: "toolCall", id: "c1", name: "read", arguments: "{}", signature: "g", provider: "gemini" },
  ]);
  assert.equal(messageOf({ role: 1, content: [{ callId: "c1", content: [] }] }, proofs)?.parts.length, 1);
});

test("proofs of long ago are forgotten", () => {
  const proofs = new Proofs();
  for (let index = 0; index < 1500; index += 1) proofs.set(`c${String(index)}`, { thoughts: [] });
  assert.equal(proofs.get("c0"), undefined);
  assert.ok(proofs.get("c1499"));
});

test("a model as the picker shows it", () => {
  const model: LmModel = { id: "m", name: "M", provider: "p", providerName: "P", local: false, selected: true };
  const info = infoOf(model);
  assert.deepEqual([info.id, info.maxInputTokens + info.maxOutputTokens, info.capabilities, info.isDefault], ["p/m", 32_768, { imageInput: false, toolCalling: true }, true]);
  const small = infoOf({ ...model, contextTokens: 4096, outputTokens: 8192, tools: false, images: true });
  assert.deepEqual([small.maxInputTokens, small.maxOutputTokens, small.capabilities], [2048, 2048, { imageInput: true, toolCalling: false }]);
});

test("options, tools and arguments", () => {
  assert.deepEqual(optionsOf({ temperature: 0.2, max_tokens: 10.7, stop: ["a", 1], other: true }), { temperature: 0.2, maxTokens: 10, stop: ["a"] });
  assert.deepEqual(optionsOf(undefined), {});
  assert.deepEqual(toolsOf([{ name: "a", description: "b", inputSchema: { type: "object" } }, { name: "c", description: "" }]), [{ name: "a", description: "b", inputSchema: { type: "object" } }, { name: "c", description: "" }]);
  assert.deepEqual(['{"a":1}', "", "{", "3"].map(inputOf), [{ a: 1 }, {}, {}, {}]);
});
