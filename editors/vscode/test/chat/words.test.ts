import assert from "node:assert/strict";
import { test } from "node:test";

import { hunkAt } from "../../src/chat/hunks";
import { between, counted, hunksOf, placeOf } from "../../src/chat/page/diff";
import { ago, dollars, fileName, period, tokens } from "../../src/chat/page/figures";
import { Speech } from "../../src/chat/page/speech";
import { mentionsIn, pieceAt, without } from "../../src/chat/page/typed";
import { selectionName } from "../../src/chat/places";
import { messageWith } from "../../src/chat/references";

test("what is being typed", () => {
  const piece = (text: string): unknown => pieceAt(text, text.length);
  assert.deepEqual(piece("/ex"), { kind: "command", start: 0, typed: "/ex" });
  assert.equal(piece("see /ex"), undefined);
  assert.deepEqual(piece("see #fi"), { kind: "mention", start: 4, typed: "#fi" });
  assert.deepEqual(piece("see #file:src/a"), { kind: "mention", start: 4, typed: "#file:src/a" });
  assert.deepEqual(piece('see #file:"my no'), { kind: "mention", start: 4, typed: '#file:"my no' });
  assert.deepEqual(piece("see @sel"), { kind: "mention", start: 4, typed: "#sel" });
  assert.equal(piece("a@b"), undefined);
  assert.equal(piece("C#"), undefined);
  assert.equal(piece("see #file:a "), undefined);
});

test("mentions in a message stand apart", () => {
  const words = mentionsIn("See #file:src/a.py, #selection and #42 or C#open.").filter((each) => each.mention);
  assert.deepEqual(words.map((each) => each.text), ["#file:src/a.py", "#selection"]);
  assert.equal(mentionsIn("a #diff:staged b").map((each) => each.text).join(""), "a #diff:staged b");
  assert.equal(without("see #selection here", "#selection"), "see here");
  assert.equal(without("#buffer", "#buffer"), "");
});

test("a screen reader hears whole sentences, and of code its size", () => {
  const speech = new Speech();
  const text = "First **line**.\nThen code:\n```py\na = 1\nb = 2\n```\nDone";
  const said: string[] = [];
  for (let end = 1; end <= text.length; end += 1) {
    const next = speech.next(text.slice(0, end), false);
    if (next !== "") said.push(next);
  }
  assert.deepEqual(said, ["First line.", "Then code:", "Code, 2 lines."]);
  assert.equal(speech.next(text, true), "Done");
  assert.equal(speech.next(text, true), "");
});

test("a long paragraph is said by its sentences", () => {
  const speech = new Speech();
  const text = `${"This sentence is of some length and it goes on. ".repeat(4)}And then`;
  assert.ok(speech.next(text, false).endsWith("goes on."));
  assert.equal(speech.next(text, true), "And then");
});

test("figures", () => {
  assert.deepEqual([0, 999, 1000, 1250, 15_132, 1_200_000].map(tokens), ["0", "999", "1k", "1.3k", "15k", "1.2M"]);
  assert.deepEqual(["0.0551", "12.3", "0.0012", "0.00001", "0", undefined, "x"].map(dollars), ["$0.055", "$12.30", "$0.0012", "< $0.0001", undefined, undefined, undefined]);
  assert.deepEqual([30, 120, 7200, 3 * 86_400].map((past) => ago(1_000_000 - past, 1_000_000)), ["now", "2 min", "2 h", "3 d"]);
  const noon = new Date(2026, 10, 20, 12).getTime() / 1000;
  assert.deepEqual([1, 20, 90, 300, 2000].map((hours) => period(noon - hours * 3600, noon)), ["Today", "Yesterday", "This week", "This month", "Older"]);
  assert.equal(fileName("file:///a/b%20c.py"), "b c.py");
  assert.equal(fileName("file:///a/%E0%A4%A"), "%E0%A4%A");
  assert.equal(selectionName("a.py", { start: { line: 2, character: 0 }, end: { line: 5, character: 0 } }), "a.py:3-5");
});

const DIFF = "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -9 +10,0 @@\n-z\n\\ No newline\n";

test("a diff by hunks", () => {
  const hunks = hunksOf(DIFF);
  assert.deepEqual(hunks.map((hunk) => hunk.lines.length), [3, 1]);
  assert.deepEqual(counted(hunks), { added: 1, removed: 1 });
  assert.equal(placeOf("@@ -1,2 +1,3 @@"), "Lines 1\u20133");
  const changed = between("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n");
  assert.deepEqual(changed.lines.map((line) => line.sign + line.text), [" a", " b", "-c", "+X", " d", " e"]);
});

test("the hunk at a line, of those that are open", () => {
  const hunk = (index: number, header: string, applied = false): { index: number; header: string; diff: string; applied: boolean } => ({ index, header, diff: "", applied });
  const hunks = [hunk(0, "@@ -1,4 +1,5 @@"), hunk(1, "@@ -20,3 +21,3 @@"), hunk(2, "@@ -40 +41 @@", true)];
  assert.equal(hunkAt(hunks, 2, false), 0);
  assert.equal(hunkAt(hunks, 21, true), 1);
  assert.equal(hunkAt(hunks, 41, true), 1);
  assert.equal(hunkAt([hunk(0, "@@ -1 +1 @@", true)], 1, true), undefined);
});

test("references of VS Code's chat become mentions where they stand, and attachments beside", () => {
  const range = { start: { line: 9, character: 0 }, end: { line: 20, character: 0 } };
  assert.deepEqual(
    messageWith("why is #sel in #file:a.py so?", "explain", [
      { range: [7, 11], uri: "file:///w/src/b c.py", relative: "src/b c.py", selection: range },
      { range: [15, 25], uri: "file:///w/src/a.py", relative: "src/a.py" },
      { uri: "file:///else/x.py" },
      { uri: "file:///w/y.py", relative: "y.py", selection: range },
      { text: "plain ``` text" },
    ]),
    {
      text: '/explain why is #file:"src/b c.py":10-20 in #file:src/a.py so?\n\n````\nplain ``` text\n````',
      context: [
        { kind: "document", uri: "file:///else/x.py" },
        { kind: "selection", uri: "file:///w/y.py", range },
      ],
    },
  );
});
