import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../src/backoff";

test("three ends while typing bring the server back quickly and say nothing", () => {
  const backoff = new Backoff();
  const nexts = [0, 4_000, 8_000].map((now) => backoff.ended(now));
  assert.deepEqual(nexts.map((each) => each.delayMs), [0, 500, 1_000]);
  assert.deepEqual(nexts.map((each) => each.tell), [false, false, false]);
});

test("a server that keeps ending is told of once, and started at longer intervals", () => {
  const backoff = new Backoff();
  const nexts = Array.from({ length: 20 }, (_, at) => backoff.ended(at * 1_000));
  assert.equal(nexts.filter((each) => each.tell).length, 1);
  const delays = nexts.map((each) => each.delayMs);
  assert.deepEqual(delays, [...delays].sort((one, other) => one - other));
  assert.equal(delays.at(-1), 60_000);
  assert.deepEqual(nexts.map((each) => each.often), nexts.map((_, at) => at >= 4));
});

test("after a quiet time all is as at first", () => {
  const backoff = new Backoff();
  for (let at = 0; at < 6; at += 1) {
    backoff.ended(at);
  }
  assert.deepEqual(backoff.ended(400_000), { delayMs: 0, tell: false, often: false });
});

test("ends that are spread over hours never count as a run of them", () => {
  const backoff = new Backoff();
  const nexts = Array.from({ length: 20 }, (_, at) => backoff.ended(at * 3_600_000));
  assert.ok(nexts.every((each) => each.delayMs === 0 && !each.tell));
});

test("what the user starts anew has no past", () => {
  const backoff = new Backoff();
  for (let at = 0; at < 6; at += 1) {
    backoff.ended(at);
  }
  backoff.reset();
  assert.deepEqual(backoff.ended(7), { delayMs: 0, tell: false, often: false });
});
