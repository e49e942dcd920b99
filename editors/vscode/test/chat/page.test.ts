/** The view's page in a real browser: what a user does with it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";

import { Answer, NotingDesk, RefusedError, Token } from "./scripted";
import { conversation, DIFF, LIMIT, MISSING, scripted } from "./story";
import { launch, Window } from "./window";

let browser: Browser;

before(async () => { if (MISSING === false) browser = await launch(); });
after(async () => { if (MISSING === false) await browser.close(); });

test("an answer can be stopped, asked for again and gone back to", { ...LIMIT, skip: MISSING }, async () => {
  const first = new Answer();
  const second = new Answer("s1", "a2", "q1");
  const answers = [first, second];
  const server = scripted()
    .on("polypilot/chat/send", (params, options) => answers.shift()?.serve(params, options))
    .on("polypilot/chat/load", () => ({ session: { sessionId: "s1" }, messages: [{ id: "a2", role: "assistant", text: "", created: 1, branches: ["a1", "a2"] }] }))
    .on("polypilot/chat/select", () => ({ session: { sessionId: "s1", title: "T" }, messages: [{ id: "q1", role: "user", text: "why?", created: 1 }, { id: "a1", role: "assistant", text: "The first answer.", created: 1, stopReason: "cancelled", branches: ["a1", "a2"] }] }));
  const window = await Window.open(browser, server);
  const { page } = window;
  await page.locator("#message").fill("why?");
  await page.keyboard.press("Enter");
  await first.started();
  first.write({ kind: "text", text: "The first" });
  await page.getByText("The first").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Stopped.", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Answer again" }).click();
  await second.started();
  second.write({ kind: "text", text: "Another answer." });
  second.finish();
  await page.getByText("2/2").waitFor();
  assert.equal(await page.locator(".messages").getByText("The first").count(), 0);
  await page.getByRole("button", { name: "The version before" }).click();
  await page.locator(".messages").getByText("The first answer.").waitFor();
  assert.deepEqual(server.of("polypilot/chat/select"), [{ sessionId: "s1", messageId: "a1" }]);
  // An earlier message is taken up again with the keyboard alone.
  await page.locator("#message").focus();
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.locator("#message").inputValue(), "why?");
  await page.getByText("Editing an earlier message").waitFor();
  answers.push(new Answer("s1", "a3", "q3"));
  await page.keyboard.type(" really?");
  await page.keyboard.press("Enter");
  await page.getByText("why? really?").waitFor();
  assert.equal(server.of<{ replaces?: string }>("polypilot/chat/send").at(-1)?.replaces, "q1");
  await window.close();
});

test("mentions and commands are completed by the keyboard, and seen before they are sent", { ...LIMIT, skip: MISSING }, async () => {
  const desk = new NotingDesk();
  desk.frontNow = { document: { kind: "document", uri: "file:///work/a.py", name: "a.py" } };
  const window = await Window.open(browser, scripted(), { desk });
  const { page } = window;
  await page.locator("#message").focus();
  await page.keyboard.type("/");
  await page.getByRole("option", { name: "/explain" }).waitFor();
  await window.shot("5-commands");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#message").inputValue(), "/fix ");
  await page.keyboard.type("@s");
  await page.getByRole("option", { name: "#selection" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.locator("#message").inputValue(), "/fix #selection ");
  await page.getByRole("button", { name: "Add a.py" }).click();
  await page.locator(".count-text", { hasText: "1.8k" }).waitFor();
  await page.getByRole("button", { name: "Show what will be sent" }).click();
  await page.getByText("About 1.8k of 200k tokens to anthropic / claude-sonnet-5").waitFor();
  await page.locator(".preview-part summary", { hasText: "retry.py" }).click();
  await page.getByText("1 hidden").waitFor();
  await window.shot("6-preview");
  await page.keyboard.press("Escape");
  await page.locator(".preview").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Remove #selection" }).click();
  assert.equal(await page.locator("#message").inputValue(), "/fix ");
  await page.getByRole("button", { name: /^Model/u }).click();
  await page.getByRole("option", { name: /Qwen/u }).waitFor();
  await window.shot("7-models");
  await page.getByRole("option", { name: /Qwen/u }).click();
  await page.locator(".choice-text", { hasText: "qwen2.5-coder-0.5b" }).waitFor();
  // The window is loaded again: what was typed and attached is there.
  await window.reload();
  assert.equal(await page.locator("#message").inputValue(), "/fix ");
  await page.getByRole("button", { name: "Remove a.py" }).waitFor();
  await window.close();
});

test("a permission is asked for with buttons, and decided by the keyboard", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const window = await Window.open(browser, scripted().on("polypilot/chat/send", answer.serve));
  const { page } = window;
  await conversation(window, answer);
  const decided = window.controller.permission(
    {
      sessionId: "s1",
      toolCall: { id: "t2", name: "write", title: "Write src/retry.py", arguments: "{}", diffs: [{ uri: "file:///work/src/retry.py", oldText: "a\nb\n", newText: "a\nc <img src=x onerror=alert(1)>\n" }] },
      options: [
        { optionId: "never", name: "Never", kind: "reject_always" },
        { optionId: "once", name: "Once", kind: "allow_once" },
        { optionId: "always", name: "Always", kind: "allow_always" },
        { optionId: "no", name: "No", kind: "reject_once" },
      ],
    },
    new Token(),
  );
  await page.getByRole("alertdialog").waitFor();
  await window.shot("8-permission");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Allow once");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.deepEqual(await decided, { outcome: { outcome: "selected", optionId: "always" } });
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  await window.close();
});

test("earlier conversations are found, renamed, exported and deleted", { ...LIMIT, skip: MISSING }, async () => {
  const now = Date.now() / 1000;
  const sessions = [
    { sessionId: "s1", title: "Retry hammers the server", provider: "anthropic", model: "claude-sonnet-5", messages: 4, created: now, updated: now - 200, mode: "ask" },
    { sessionId: "s2", title: "A parser for the log", provider: "embedded", model: "qwen2.5-coder-0.5b", messages: 9, created: now, updated: now - 90_000, mode: "edit" },
    { sessionId: "s3", title: "Types of the settings", provider: "anthropic", model: "claude-haiku-5", messages: 2, created: now, updated: now - 900_000, mode: "ask" },
  ];
  const server = scripted()
    .on("polypilot/chat/sessions", ({ query }: { query: string }) => sessions.filter((each) => each.title.toLowerCase().includes(query)))
    .on("polypilot/chat/rename", () => null)
    .on("polypilot/chat/delete", () => null)
    .on("polypilot/chat/export", () => ({ markdown: "# T" }))
    .on("polypilot/chat/load", () => ({ session: sessions[1], messages: [{ id: "q", role: "user", text: "parse it", created: 1 }] }));
  const window = await Window.open(browser, server);
  const { page } = window;
  await page.locator(".title").click();
  await page.getByText("Types of the settings").waitFor();
  await page.locator(".history-row").first().hover();
  await window.shot("10-history");
  await page.keyboard.type("parser");
  await page.getByText("Types of the settings").waitFor({ state: "detached" });
  const row = page.locator(".history-row", { hasText: "A parser" });
  await row.hover();
  await row.getByRole("button", { name: "Rename" }).click();
  await page.keyboard.type("Log parser");
  await page.keyboard.press("Enter");
  await page.getByText("Log parser").waitFor();
  assert.deepEqual(server.of("polypilot/chat/rename"), [{ sessionId: "s2", title: "Log parser" }]);
  await page.locator(".history-row").hover();
  await page.getByRole("button", { name: "Export as Markdown" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.locator(".history-row", { hasText: "Log parser" }).waitFor({ state: "detached" });
  assert.deepEqual(server.of("polypilot/chat/delete"), [{ sessionId: "s2" }]);
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.getByText("Types of the settings").waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByText("parse it").waitFor();
  await page.locator(".history").waitFor({ state: "hidden" });
  await window.close();
});

test("an edit is accepted by the hunk and then whole, and an error shows its cure", { ...LIMIT, skip: MISSING }, async () => {
  const answer = new Answer();
  const applied = new Set<number>();
  const edit = (): object => ({
    id: "e1", uri: "file:///work/src/retry.py", diff: DIFF, newText: "",
    hunks: [0, 1].map((index) => ({ index, header: "", diff: "", applied: applied.has(index) })),
    state: applied.size === 2 ? "applied" : "open",
  });
  const server = scripted()
    .on("polypilot/chat/send", answer.serve)
    .on("polypilot/edit/get", edit)
    .on("polypilot/edit/propose", () => { throw new RefusedError("it is not clear where it belongs", -32803, { code: "edit_unmatched", cure: "Select the lines that it is to take the place of." }); })
    .on("polypilot/edit/accept", ({ hunks }: { hunks?: number[] }) => {
      for (const hunk of hunks ?? [0, 1]) applied.add(hunk);
      return { applied: true, state: applied.size === 2 ? "applied" : "open" };
    });
  const window = await Window.open(browser, server);
  const { page } = window;
  await conversation(window, answer);
  answer.write({ kind: "edit", id: "e1", uri: "file:///work/src/retry.py", diff: DIFF });
  answer.finish();
  const card = page.getByRole("region", { name: "Proposed edit of retry.py" });
  await card.getByRole("button", { name: "Accept this change" }).first().click();
  await card.getByText("Applied").waitFor();
  assert.deepEqual(server.of("polypilot/edit/accept"), [{ id: "e1", hunks: [0] }]);
  await card.getByRole("button", { name: "Review" }).click();
  await card.getByRole("button", { name: "Accept", exact: true }).click();
  await page.locator(".card.edit.settled").waitFor();
  assert.ok(window.desk.did.some(([name]) => name === "showDiff"));
  await page.getByRole("button", { name: "Apply to the file in front, with a diff" }).click();
  await page.getByText("Select the lines that it is to take the place of.").waitFor();
  await window.shot("11-settled");
  await window.close();
});
