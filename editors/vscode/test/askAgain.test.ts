import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServerState } from "../src/api";
import { AskAgain } from "../src/askAgain";

/** Whether it asks, after these states, where the cursor is. */
function asks(asking: AskAgain, states: readonly ServerState[], at: string | undefined, edited = false): boolean[] {
  return states.map((state) => asking.wanted(state, () => (at === undefined ? undefined : { at, edited })));
}

test("a suggestion is asked for once when the server runs again, not when it first does", () => {
  const asking = new AskAgain();
  assert.deepEqual(asks(asking, ["starting", "running"], "a:1"), [false, false]);
  assert.deepEqual(asks(asking, ["starting", "running"], "a:1"), [false, true]);
  assert.deepEqual(asks(asking, ["stopped", "starting", "running"], "a:2"), [false, false, true]);
});

test("what was typed while the server first started is asked for", () => {
  const asking = new AskAgain();
  assert.deepEqual(asks(asking, ["starting", "running"], "a:2", true), [false, true]);
  assert.deepEqual(asks(asking, ["starting", "running"], "a:2", true), [false, false]);
});

test("nothing is asked for where no suggestion would be shown", () => {
  const asking = new AskAgain();
  assert.deepEqual(asks(asking, ["starting", "running", "starting", "running"], undefined), [false, false, false, false]);
});

test("a server that ends over what it is asked is not asked for the same again", () => {
  const asking = new AskAgain();
  asks(asking, ["starting", "running", "starting", "running"], "a:1");
  assert.deepEqual(asks(asking, ["starting", "running"], "a:1"), [false, false]);
  assert.deepEqual(asks(asking, ["starting", "failed", "starting", "running"], "a:1"), [false, false, false, false]);
  assert.deepEqual(asks(asking, ["starting", "running"], "a:2"), [false, true]);
});

test("a user who restarts the server twice gets a suggestion each time", () => {
  const asking = new AskAgain();
  asks(asking, ["starting", "running", "stopped", "starting", "running"], "a:1");
  assert.deepEqual(asks(asking, ["stopped", "starting", "running"], "a:1"), [false, false, true]);
});
