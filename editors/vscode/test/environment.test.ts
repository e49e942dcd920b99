import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Environment } from "../src/environment";

function place(): string {
  return join(mkdtempSync(join(tmpdir(), "environment-")), "server");
}

function fill(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "program"), text);
}

test("an environment that was not made leaves nothing", () => {
  const folder = place();
  const made = new Environment(folder);
  fill(folder, "half");
  made.takeBack();
  assert.deepEqual(readdirSync(join(folder, "..")), []);
});

test("a newer one that was not made leaves the one before, byte for byte", () => {
  const folder = place();
  fill(folder, "before");
  const made = new Environment(folder);
  assert.deepEqual(readdirSync(folder), []);
  fill(folder, "half");
  made.takeBack();
  assert.equal(readFileSync(join(folder, "program"), "utf8"), "before");
  assert.deepEqual(readdirSync(join(folder, "..")), ["server"]);
});

test("a newer one that was made takes its place", () => {
  const folder = place();
  fill(folder, "before");
  const made = new Environment(folder);
  fill(folder, "after");
  made.keep();
  assert.equal(readFileSync(join(folder, "program"), "utf8"), "after");
  assert.ok(!existsSync(`${folder}.before`));
});
