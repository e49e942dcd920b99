/** The view's page in a real browser: how it looks, and what it withstands. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";

import { Answer } from "./scripted";
import { conversation, DIFF, LIMIT, MISSING, scripted, TEXT } from "./story";
import { launch, Window } from "./window";

let browser: Browser;

before(async () => { if (MISSING === false) browser = await launch(); });
after(async () => { if (MISSING === false) await browser.close(); });

test("a conversation in four themes", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const server = scripted()
    .on("polypilot/chat/send", answer.serve)
    .on("polypilot/edit/get", () => ({ id: "e1", uri: "file:///work/src/retry.py", diff: DIFF, hunks: [], state: "open", newText: "" }));
  const window = await Window.open(browser, server);
  const { page } = window;
  await page.locator(".choice-text", { hasText: "claude-sonnet-5" }).waitFor();
  await window.shot("1-welcome");
  await conversation(window, answer);
  await page.locator(".code-block").waitFor();
  await window.shot("2-streaming");
  answer.write(
    { kind: "toolUpdate", id: "t2", status: "failed", text: "1 failed, 3 passed" },
    { kind: "plan", entries: [{ content: "Sleep between tries", status: "completed" }, { content: "Heed Retry-After", status: "in_progress" }, { content: "Test both", status: "pending" }] },
    { kind: "citation", url: "https://www.rfc-editor.org/rfc/rfc9110", title: "HTTP Semantics", text: "" },
    { kind: "notice", message: "Anthropic was overloaded; its second try answered." },
    { kind: "edit", id: "e1", uri: "file:///work/src/retry.py", diff: DIFF },
    { kind: "usage", inputTokens: 14_320, outputTokens: 812, cost: "0.0551", used: 15_132, window: 200_000, sessionCost: "0.0551" },
  );
  answer.finish();
  await page.locator(".answer-tools").waitFor();
  await window.shot("3-dark-end");
  for (const theme of ["light", "contrast", "contrastLight"] as const) {
    await window.theme(theme);
    await window.shot(`3-${theme}-end`);
    await page.locator(".transcript").evaluate((view) => { view.scrollTop = 0; });
    await window.shot(`3-${theme}-top`);
    await page.locator(".transcript").evaluate((view) => { view.scrollTop = view.scrollHeight; });
  }
  await window.theme("dark");
  await page.locator(".transcript").evaluate((view) => { view.scrollTop = 0; });
  await window.shot("3-dark-top");
  await page.setViewportSize({ width: 260, height: 760 });
  await window.shot("4-narrow-top");
  await page.locator(".transcript").evaluate((view) => { view.scrollTop = view.scrollHeight; });
  await window.shot("4-narrow-end");
  assert.deepEqual(window.errors, []);
  assert.deepEqual(window.violations, []);
  await window.close();
});

test("hostile text runs, loads and leads nowhere", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const window = await Window.open(browser, scripted().on("polypilot/chat/send", answer.serve));
  const { page } = window;
  await page.evaluate(() => { Object.assign(globalThis, { pwned: 0, alert: () => { Object.assign(globalThis, { pwned: 1 }); } }); });
  await page.locator("#message").fill("<img src=x onerror=alert(1)>");
  await page.keyboard.press("Enter");
  await answer.started();
  const bad = "<img src=https://evil.example/x onerror=alert(1)><script>alert(1)</script> [a](javascript:alert(1)) ![b](https://evil.example/b.png) <style>body{background:url(https://evil.example/c)}</style>";
  answer.write(
    { kind: "title", title: bad },
    { kind: "context", items: [{ uri: bad, name: bad, tokens: 1, redacted: 0 }] },
    { kind: "thought", text: bad },
    { kind: "toolCall", id: "t", name: bad, title: bad, arguments: bad, locations: [{ uri: bad }] },
    { kind: "toolUpdate", id: "t", status: "completed", text: bad },
    { kind: "plan", entries: [{ content: bad, status: "pending" }] },
    { kind: "citation", url: "javascript:alert(1)", title: bad, text: bad },
    { kind: "edit", id: "e", uri: bad, diff: `@@ -1 +1 @@\n-a\n+${bad}\n` },
    { kind: "notice", message: bad },
    { kind: "refusal", text: bad },
    { kind: "text", text: `${bad}\n\n\`\`\`html\n${bad}\n\`\`\`\n\n[out](https://example.org/path)` },
  );
  answer.finish({ stopReason: "error", error: { code: "x", message: bad, cure: bad } });
  await page.locator(".problem").waitFor();
  await window.shot("9-hostile");
  assert.equal(await page.evaluate(() => Reflect.get(globalThis, "pwned") as number), 0);
  assert.deepEqual(await page.evaluate(() => document.querySelectorAll("#app img, #app script, #app style, #app iframe, #app a[href^=javascript]").length), 0);
  assert.deepEqual(window.requested.filter((url) => !url.startsWith("http://127.0.0.1:")), []);
  assert.deepEqual(window.violations, []);
  const link = page.getByRole("link", { name: "out" });
  await link.click();
  await link.focus();
  assert.deepEqual(window.desk.did.filter(([name]) => name === "openLink"), [["openLink", "https://example.org/path"]]);
  assert.ok(page.url().startsWith("http://127.0.0.1:"));
  await window.close();
});

test("even if a script got in, the policy would not let it run", { ...LIMIT, skip: MISSING }, async () => {
  const window = await Window.open(browser, scripted());
  const { page } = window;
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.pwned = 2";
    document.body.append(script);
    const picture = document.createElement("img");
    picture.src = "https://evil.example/d.png";
    document.body.append(picture);
  });
  assert.equal(await page.evaluate(() => Reflect.get(globalThis, "pwned") as unknown), undefined);
  assert.ok(window.violations.length > 0);
  await window.close();
});

test("what is drawn stays drawn while an answer grows, and a screen reader hears it by sentences", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const server = scripted().on("polypilot/chat/send", answer.serve).on("polypilot/chat/load", () => ({
    session: { sessionId: "s1", title: "Long", provider: "p", model: "m", messages: 400, created: 1, updated: 1, mode: "ask" },
    messages: Array.from({ length: 400 }, (_, index) => ({ id: `m${String(index)}`, role: index % 2 === 0 ? "user" : "assistant", text: `Message ${String(index)}\n\n${TEXT.join("")}`, created: 1, stopReason: "end" })),
  }));
  const window = await Window.open(browser, server);
  const { page } = window;
  await window.controller.take({ type: "call", call: 0, method: "open", params: { sessionId: "s1" } });
  await page.getByText("Message 399").waitFor();
  assert.equal(await page.locator(".message").count(), 30);
  await page.locator("#message").fill("and now?");
  await page.keyboard.press("Enter");
  await answer.started();
  answer.write({ kind: "text", text: "First paragraph.\n\n" });
  await page.getByText("First paragraph.").first().waitFor();
  const count = await page.evaluate(() => {
    const changed = { nodes: 0 };
    Object.assign(globalThis, { changed });
    new MutationObserver((records) => { for (const record of records) changed.nodes += record.addedNodes.length; }).observe(document.querySelector(".messages") ?? document, { childList: true, subtree: true });
    return document.querySelectorAll(".messages *").length;
  });
  for (let index = 0; index < 200; index += 1) answer.write({ kind: "text", text: `Word${String(index)} ` });
  answer.write({ kind: "text", text: "end.\n" });
  await page.getByText("Word199").first().waitFor();
  const changed = await page.evaluate(() => (Reflect.get(globalThis, "changed") as { nodes: number }).nodes);
  assert.ok(count > 1000 && changed < 500, `${String(changed)} nodes added, ${String(count)} were there`);
  const said = await page.locator("[role=log]").evaluate((log) => [...log.children].map((each) => each.textContent));
  assert.ok(said.includes("First paragraph."), JSON.stringify(said));
  assert.ok(said.length < 6, JSON.stringify(said));
  answer.finish();
  await page.getByText("The answer is complete.").waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Earlier messages" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".message").length > 32);
  await window.close();
});

test("no movement for those who want none, and names for everything that can be pressed", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const window = await Window.open(browser, scripted().on("polypilot/chat/send", answer.serve));
  const { page } = window;
  await page.emulateMedia({ reducedMotion: "reduce" });
  await conversation(window, answer);
  await page.locator(".code-block").waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, textarea, summary, [role]")].filter((each) => {
      const name = each.getAttribute("aria-label") ?? each.getAttribute("aria-labelledby") ?? (each.textContent || each.getAttribute("title"));
      return (name ?? "") === "" && !["status", "log", "presentation", "listbox", "meter"].includes(each.getAttribute("role") ?? "");
    }).map((each) => each.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(nameless, []);
  await window.close();
});
