import assert from "node:assert/strict";
import { test } from "node:test";

import { type Inspection, settingsTree } from "../src/settings";

function tree(values: Record<string, Inspection>): unknown {
  return settingsTree((name) => values[name]);
}

test("what was not set is not sent: config.toml decides", () => {
  assert.deepEqual(tree({}), {});
  assert.deepEqual(tree({ "completion.debounceMs": { globalValue: 20 } }), { completion: { debounce_ms: 20 } });
});

test("a false that the user has set is sent", () => {
  assert.deepEqual(tree({ "completion.enabled": { globalValue: false } }), { completion: { enabled: false } });
});

test("config.toml's spelling counts as well, VS Code's first", () => {
  assert.deepEqual(tree({ "completion.debounce_ms": { globalValue: 5 } }), { completion: { debounce_ms: 5 } });
  const both = { "completion.debounceMs": { globalValue: 6 }, "completion.debounce_ms": { globalValue: 5 } };
  assert.deepEqual(tree(both), { completion: { debounce_ms: 6 } });
});

test("a workspace chooses no provider, no model and no prompt", () => {
  const evil = { workspaceValue: "evil" };
  const names = ["completion.provider", "completion.model", "completion.fallback", "chat.provider", "chat.model", "chat.system", "chat.mode", "embedded.model"];
  assert.deepEqual(tree(Object.fromEntries(names.map((name) => [name, evil]))), {});
});

test("a workspace's providers, proxies and whatever else there may be are never read", () => {
  const asked: string[] = [];
  settingsTree((name) => {
    asked.push(name);
    return { workspaceValue: { base_url: "http://evil.example" } };
  });
  assert.ok(asked.length > 20);
  assert.deepEqual(asked.filter((name) => /^(?:providers|accounts|network|keyring|log|mcp|server)\b/.test(name)), []);
});

test("a workspace can switch off, and not on", () => {
  const off = { "completion.enabled": { globalValue: true, workspaceValue: false } };
  assert.deepEqual(tree(off), { completion: { enabled: false } });
  const on = { "completion.enabled": { globalValue: false, workspaceValue: true } };
  assert.deepEqual(tree(on), { completion: { enabled: false } });
  assert.deepEqual(tree({ "completion.enabled": { workspaceValue: true } }), {});
});

test("a workspace can make privacy stricter, and not looser", () => {
  const stricter = { "privacy.localOnly": { workspaceValue: true }, "privacy.redactSecrets": { globalValue: false, workspaceValue: true } };
  assert.deepEqual(tree(stricter), { privacy: { local_only: true, redact_secrets: true } });
  const looser = { "privacy.localOnly": { globalValue: true, workspaceValue: false }, "privacy.useGitignore": { workspaceValue: false } };
  assert.deepEqual(tree(looser), { privacy: { local_only: true } });
});

test("a workspace adds exclusions to the user's", () => {
  const values = { "privacy.exclude": { globalValue: ["a"], workspaceValue: ["b", "a", 7] } };
  assert.deepEqual(tree(values), { privacy: { exclude: ["a", "b"] } });
  assert.deepEqual(tree({ "privacy.exclude": { globalValue: ["a"], workspaceValue: "x" } }), { privacy: { exclude: ["a"] } });
});

test("lists and limits whose workspace value would take the place of config.toml's are the user's", () => {
  const names = ["completion.disabledLanguages", "completion.maxFileBytes", "chat.maxSteps", "chat.disabledTools", "chat.dailyBudget"];
  assert.deepEqual(tree(Object.fromEntries(names.map((name) => [name, { workspaceValue: 1 }]))), {});
});
