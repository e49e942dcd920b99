/** What the page is shown in its tests. */
import { existsSync } from "node:fs";

import { ScriptedServer, type Answer } from "./scripted";
import { CHROMIUM, type Window } from "./window";

export const LIMIT = { timeout: 120_000 };
export const MISSING = !existsSync(CHROMIUM) && process.env.POLYPILOT_REQUIRE_SYSTEM !== "1" ? `${CHROMIUM} is not installed` : false;

const MODELS = [
  { id: "claude-sonnet-5", name: "Claude Sonnet 5", provider: "anthropic", providerName: "Anthropic", local: false, selected: true, contextTokens: 200_000, tools: true, images: true, efforts: ["low", "medium", "high"] },
  { id: "claude-haiku-5", name: "Claude Haiku 5", provider: "anthropic", providerName: "Anthropic", local: false, selected: false, contextTokens: 200_000 },
  { id: "qwen2.5-coder-0.5b", name: "Qwen2.5 Coder 0.5B", provider: "embedded", providerName: "Embedded", local: true, selected: false, contextTokens: 8192 },
];

export function scripted(): ScriptedServer {
  return new ScriptedServer()
    .on("polypilot/lm/models", () => MODELS)
    .on("polypilot/chat/commands", () => [
      { name: "explain", description: "Explain code", source: "builtin" },
      { name: "fix", description: "Find what is wrong and mend it", source: "builtin" },
    ])
    .on("polypilot/chat/mentions", ({ typed }: { typed: string }) =>
      [
        { label: "#selection", insert: "#selection", detail: "what is selected" },
        { label: "#buffer", insert: "#buffer", detail: "the document in front" },
        { label: "#file", insert: "#file:", detail: "a file of the workspace" },
      ].filter((each) => each.label.startsWith(typed)),
    )
    .on("polypilot/chat/preview", ({ text }: { text: string }) => ({
      provider: "anthropic", model: "claude-sonnet-5", tokens: 1830 + text.length, window: 200_000, notices: [],
      parts: [
        { name: "instructions", text: "You are a programming assistant.", tokens: 640, redacted: 0 },
        { name: "src/retry.py", text: "KEY = \"[hidden]\"\n", tokens: 1180, redacted: 1 },
        { name: ".env", text: "", tokens: 0, redacted: 0, refused: "excluded: .env" },
        { name: "message", text, tokens: 10, redacted: 0 },
      ],
    }));
}

export const TEXT = [
  "The retry loop never waits, so a busy server is asked again **at once**. Two things are wrong:\n\n",
  "1. `delay` is computed and thrown away.\n2. A `Retry-After` header is ignored. See [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110) (www.rfc-editor.org).\n\n",
  "```python\nimport random\nimport time\n\n\ndef fetch(url: str, tries: int = 5) -> bytes:\n    \"\"\"Ask until it answers.\"\"\"\n    for attempt in range(tries):\n        answer = ask(url)\n        if answer.ok:\n            return answer.body\n        time.sleep(min(30, 2**attempt) * random.random())  # full jitter\n    raise TimeoutError(url)\n```\n\n",
  "| case | before | after |\n|---|---:|---:|\n| busy | 5 requests in 40 ms | 5 in 31 s |\n| down | 5 | 5 |\n\n> The header is a wish, not a promise.\n",
];
export const DIFF = "--- a/src/retry.py\n+++ b/src/retry.py\n@@ -1,4 +1,5 @@\n import random\n+import time\n \n \n def fetch(url, tries=5):\n@@ -8,3 +9,3 @@\n         if answer.ok:\n             return answer.body\n-        delay = 2 ** attempt\n+        time.sleep(min(30, 2**attempt) * random.random())\n";

/** A question, and an answer with all kinds of parts; it is not ended. */
export async function conversation(window: Window, answer: Answer): Promise<void> {
  const { page } = window;
  await page.locator("#message").fill("Why does the retry in #file:src/retry.py hammer the server? /etc/hosts is fine.");
  await page.keyboard.press("Enter");
  await answer.started();
  answer.write(
    { kind: "title", title: "Retry hammers the server" },
    { kind: "context", items: [{ uri: "file:///work/src/retry.py", name: "src/retry.py", tokens: 1180, redacted: 1 }, { uri: "file:///work/.env", name: ".env", tokens: 0, redacted: 0, refused: "excluded: .env" }] },
    { kind: "thought", text: "The loop computes a delay but never sleeps.\nSo it must be the missing call." },
    { kind: "toolCall", id: "t1", name: "read_file", title: "Read src/retry.py", toolKind: "read", arguments: "{\"path\":\"src/retry.py\"}", locations: [{ uri: "file:///work/src/retry.py", line: 3 }] },
    { kind: "toolUpdate", id: "t1", status: "completed", text: "import random\n…" },
    { kind: "toolCall", id: "t2", name: "run", title: "Run the tests of src/retry.py", toolKind: "execute", arguments: "{\"command\":\"pytest -q\"}" },
  );
  for (const text of TEXT) answer.write({ kind: "text", text });
}
