import assert from "node:assert/strict";
import { test } from "node:test";

import { welcome } from "../src/welcome";

test("the walkthrough opens at the first start alone, and where VS Code's setting lets it", () => {
  assert.equal(welcome(true, true, false), "open");
  assert.equal(welcome(true, undefined, false), "open");
  assert.equal(welcome(false, true, false), "none");
  assert.equal(welcome(true, false, false), "none");
  assert.equal(welcome(true, false, true), "none");
});

test("an editor that the user is in is not covered: the walkthrough is offered", () => {
  assert.equal(welcome(true, true, true), "offer");
  assert.equal(welcome(false, true, true), "none");
});
