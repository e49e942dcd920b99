import assert from "node:assert/strict";
import { test } from "node:test";

import { find, type Machine, onPath, wrongSetting } from "../src/find";

function machine(files: readonly string[], path: string, more: Partial<Machine> = {}): Machine {
  const there = new Set(files);
  return { platform: "linux", env: { PATH: path }, home: "/home/me", executable: (file) => there.has(file), ...more };
}

const WHERE = { setting: "", privateFolder: "/own/server", folders: ["/work/repo"] };
const OWN = "/own/server/bin/polypilot";

test("the setting comes first, then PATH, then the environment of our own", () => {
  const files = ["/opt/polypilot", "/usr/bin/polypilot", OWN];
  const all = machine(files, "/usr/bin");
  assert.deepEqual(find({ ...WHERE, setting: "/opt/polypilot" }, all), { command: "/opt/polypilot", source: "setting" });
  assert.deepEqual(find(WHERE, all), { command: "/usr/bin/polypilot", source: "path" });
  assert.deepEqual(find(WHERE, machine([OWN], "/usr/bin")), { command: OWN, source: "private" });
  assert.equal(find(WHERE, machine([], "/usr/bin")), undefined);
});

test("a setting that is wrong is said to be, and nothing else is started in its place", () => {
  const there = machine(["/usr/bin/polypilot"], "/usr/bin");
  assert.equal(find({ ...WHERE, setting: "/gone/polypilot" }, there), undefined);
  assert.match(wrongSetting("/gone/polypilot", there) ?? "", /no program/);
  assert.match(wrongSetting("bin/polypilot", there) ?? "", /absolute/);
  assert.equal(wrongSetting("/usr/bin/polypilot", there), undefined);
  assert.equal(wrongSetting("", there), undefined);
});

test("a program in an open folder is not started, whatever PATH says", () => {
  const files = ["/work/repo/.venv/bin/polypilot", "/work/repo2/bin/polypilot"];
  assert.equal(find(WHERE, machine(files, "/work/repo/.venv/bin:/work/repo")), undefined);
  assert.equal(find(WHERE, machine(files, "/work/repo2/bin"))?.command, "/work/repo2/bin/polypilot");
  assert.equal(onPath("uv", ["/work/repo"], machine(["/work/repo/uv"], "/work/repo")), undefined);
});

test("PATH's relative and empty entries mean the current folder, and are passed over", () => {
  const files = ["polypilot", "./polypilot", "bin/polypilot", "/polypilot"];
  assert.equal(find(WHERE, machine(files, ":.:bin")), undefined);
});

test("what pipx and uv install is found where the shell's PATH is not known", () => {
  const files = ["/home/me/.local/bin/polypilot"];
  assert.equal(find(WHERE, machine(files, "/usr/bin"))?.command, files[0]);
  assert.equal(find({ ...WHERE, setting: "~/.local/bin/polypilot" }, machine(files, ""))?.source, "setting");
});

test("Windows: its own separators, names and spelling of PATH", () => {
  const files = ["C:\\tools\\polypilot.exe", "C:\\repo\\polypilot.exe"];
  const more = { platform: "win32" as const, home: "C:\\Users\\me", env: { Path: "c:\\REPO;.;C:\\tools" } };
  const there = machine(files, "", more);
  assert.equal(find({ ...WHERE, folders: ["C:\\repo"] }, there)?.command, files[0]);
});
