import assert from "node:assert/strict";
import { test } from "node:test";

import type { Status } from "../src/api";
import { bare } from "../src/commitText";
import { checksText } from "../src/doctorText";
import { environmentVariable, storedText, withoutKey } from "../src/keyText";
import { modelItem, providerItem } from "../src/labels";
import { acceptedLength } from "../src/partial";
import { edited } from "../src/textEdits";
import { costText, shown } from "../src/statusText";
import { nameOnly } from "../src/traceText";

const STATUS: Status = {
  state: "ready",
  paused: false,
  completion: { provider: "mistral", model: "codestral-latest" },
  chat: { provider: "anthropic", model: "claude" },
};

test("the status item: model, state, cost", () => {
  assert.equal(shown("running", STATUS).text, "$(sparkle) codestral-latest");
  assert.equal(shown("running", { ...STATUS, state: "busy" }).text, "$(loading~spin) codestral-latest");
  assert.equal(shown("running", { ...STATUS, state: "paused", paused: true }).text, "$(debug-pause) codestral-latest: paused");
  assert.equal(shown("running", { ...STATUS, state: "needsKey" }).text, "$(key) codestral-latest: needs a key");
  const spent = [{ provider: "mistral", requests: 3, cost: "0.5", unpriced: 0 }, { provider: "x", requests: 1, cost: "1.234", unpriced: 2 }];
  assert.equal(shown("running", { ...STATUS, spent }).text, "$(sparkle) codestral-latest $1.73+");
  assert.match(shown("running", { ...STATUS, spent }).tooltip, /4 requests/);
});

test("the status item without a server", () => {
  assert.equal(shown("missing", undefined).kind, "warning");
  assert.equal(shown("failed", undefined, "it is another program").tooltip, "it is another program");
  assert.match(shown("starting", undefined).text, /spin/);
  assert.equal(shown("starting", STATUS).text, "$(loading~spin) codestral-latest: starting");
});

test("the status item: errors and cures in the tooltip, suppliers' names without effect", () => {
  const error = { code: "auth", message: "key refused [x](http://evil)", cure: "enter it *again*" };
  const found = shown("running", { ...STATUS, state: "error", error });
  assert.equal(found.kind, "error");
  assert.ok(!found.tooltip.includes("](http"));
  assert.ok(!found.tooltip.includes("*again*"));
  assert.equal(found.label, "Polypilot: codestral-latest: error. key refused [x](http://evil)");
  const model = { provider: "p", model: "$(bug) [a](b)\u202e" };
  const named = shown("running", { ...STATUS, completion: model });
  assert.equal(named.text, "$(sparkle) $ (bug) [a](b)");
  assert.ok(!named.tooltip.includes("$(bug)") && !named.tooltip.includes("](b)"));
});

test("cost: nothing spent is nothing shown, little is shown exactly", () => {
  assert.equal(costText([]), "");
  assert.equal(costText([{ provider: "embedded", requests: 9, cost: "0" }]), "");
  assert.equal(costText([{ provider: "a", requests: 1, cost: "0.0012" }]), "$0.0012");
  assert.equal(costText([{ provider: "a", requests: 1, cost: null, unpriced: 1 }]), "");
  assert.equal(costText([], "0.25"), "$0.25");
  assert.equal(costText([{ provider: "a", requests: 1, cost: "0.5", unpriced: 1 }], "0.25"), "$0.50+");
});

test("labels of providers and models", () => {
  const provider = providerItem({ id: "openai", name: "OpenAI", auth: "keyring", keyStored: false, selectedFor: ["chat"] });
  assert.deepEqual(provider, { label: "$(check) OpenAI", description: "openai · needs a key", detail: "selected for chat" });
  const model = modelItem({ id: "m-1", name: "M $(x)", contextTokens: 128_000, inputPrice: "1", outputPrice: "2", default: true });
  assert.deepEqual(model, { label: "M $ (x)", description: "m-1 · default · 128k tokens · $1 in, $2 out per million tokens" });
});

test("an environment variable's name out of the list of keys", () => {
  const list = '[{"provider": "openai", "source": "environment (OPENAI_API_KEY)"}, {"provider": "xai", "source": "SecretService"}]';
  assert.equal(environmentVariable(list, "openai"), "OPENAI_API_KEY");
  assert.equal(environmentVariable(list, "xai"), undefined);
  assert.equal(environmentVariable("no JSON", "openai"), undefined);
  assert.equal(environmentVariable('{"a": 1}', "openai"), undefined);
});

test("a key that something repeats is not shown", () => {
  assert.equal(withoutKey("refused: sk-1 (sk-1)", "sk-1"), "refused: … (…)");
  assert.equal(withoutKey("fine", ""), "fine");
});

test("what is said of a stored key", () => {
  assert.equal(storedText("Stored in Secret Service.\nThe key works.\n\nUse it with: polypilot use team\n"), "Stored in Secret Service. The key works.");
});

test("how much of a suggestion was taken", () => {
  assert.equal(acceptedLength("return a + b", "return "), 7);
  assert.equal(acceptedLength("a\r\nb", "a\nb"), 4);
  assert.equal(acceptedLength("a\r\nb", "a\r\n"), 3);
  assert.equal(acceptedLength("return a", "something else"), 0);
  assert.equal(acceptedLength("return a", ""), 0);
});

test("a commit message without its fence", () => {
  assert.equal(bare("```text\nFix it\n\nBecause.\n```\n"), "Fix it\n\nBecause.");
  assert.equal(bare("  Fix `it`\n"), "Fix `it`");
  assert.equal(bare("````\nA\n```\n````"), "A\n```");
  const ticks = "`".repeat(50_000); // an expression would take hours
  assert.equal(bare(`${ticks}x\ny`), `${ticks}x\ny`);
});

test("the doctor's page", () => {
  const checks = [{ check: "keyring", ok: true, detail: "fine" }, { check: "model", ok: false, detail: "none\n# x", cure: "pull" }, { check: "net", ok: null }];
  const text = checksText(checks, { command: "/usr/bin/polypilot", source: "path" });
  assert.deepEqual(text.split("\n"), ["# Polypilot: checks", "", "Program: /usr/bin/polypilot (path)", "", "- ✓ keyring: fine", "- ✗ model: none # x", "  - pull", "- ? net: ", ""]);
});

test("edits on plain text", () => {
  const at = (line: number, character: number, endLine: number, end: number, newText: string): Parameters<typeof edited>[1][number] => ({
    range: { start: { line, character }, end: { line: endLine, character: end } },
    newText,
  });
  assert.equal(edited("ab\r\ncd\n", [at(1, 0, 1, 2, "X"), at(0, 1, 0, 1, "-")]), "a-b\r\nX\n");
  assert.equal(edited("ab\ncd", [at(0, 99, 9, 0, "!")]), "ab!");
  assert.equal(edited("a😀b", [at(0, 3, 0, 4, "c")]), "a😀c");
  assert.equal(edited("x", [at(0, 0, 0, 0, "1"), at(0, 0, 0, 0, "2")]), "12x");
  assert.equal(edited("", []), "");
});

test("of a message its name is logged, never what is in it", () => {
  assert.equal(nameOnly("[Trace] Sending request 'a/b - (1)'."), "[Trace] Sending request 'a/b - (1)'.");
  assert.equal(
    nameOnly("Sending notification 'textDocument/didOpen'.\nParams: {\n  \"text\": \"secret\"\n}"),
    "Sending notification 'textDocument/didOpen'.",
  );
  assert.equal(nameOnly('{"isLSPMessage":true,"message":{"params":{"text":"secret"}}}'), "A message passed.");
});
