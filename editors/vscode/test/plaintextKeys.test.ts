import assert from "node:assert/strict";
import { test } from "node:test";

import { plaintextKeys } from "../src/plaintextKeys";

const NONE = new Set<string>();
const IDS = ["openai", "anthropic", "mistral"];

function paths(tree: unknown, ours: ReadonlySet<string> = NONE): string[] {
  return plaintextKeys(tree, IDS, ours).map((each) => `${each.path.join(".")} ${each.provider ?? "?"}`);
}

test("keys by the name they are given, at any depth and in any spelling", () => {
  assert.deepEqual(paths({ providers: { openai: { apiKey: "abcdefghijklmnop" } } }), ["providers.openai.apiKey openai"]);
  assert.deepEqual(paths({ "anthropic.api_key": "abcdefghijklmnop" }), ["anthropic.api_key anthropic"]);
  assert.deepEqual(paths({ MistralToken: "abcdefghijklmnop" }), ["MistralToken mistral"]);
  assert.deepEqual(paths({ secrets: ["abcdefghijklmnop"] }), ["secrets.0 ?"]);
});

test("keys by their shape, under whatever name", () => {
  assert.deepEqual(paths({ chat: { model: "sk-abcdefghijklmnopqrst" } }), ["chat.model ?"]);
});

test("what is none", () => {
  const fine = { completion: { provider: "openai", maxTokens: 400 }, chat: { system: "Never print an api key of the user", model: "claude" }, apiKey: "" };
  assert.deepEqual(paths(fine), []);
  assert.deepEqual(paths({ key: { mode: "a-very-long-value" } }, new Set(["key.mode"])), []);
  assert.deepEqual(paths(undefined), []);
});
