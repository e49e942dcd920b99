import assert from "node:assert/strict";
import { test } from "node:test";

import { plan, pullLine, requirementOf, wheelVersion } from "../src/installPlan";

const TOOLS = { uv: "/bin/uv", pipx: "/bin/pipx", python: "/bin/python3" };

test("uv, then pipx, then venv; or what the user has chosen", () => {
  const made = (wanted: string, tools: object): string | undefined => plan(wanted, tools, "/own", "polypilot", "linux")?.installer;
  assert.equal(made("auto", TOOLS), "uv");
  assert.equal(made("auto", { ...TOOLS, uv: undefined }), "pipx");
  assert.equal(made("auto", { python: "/bin/python3" }), "venv");
  assert.equal(made("auto", {}), undefined);
  assert.equal(made("pipx", TOOLS), "pipx");
  assert.equal(made("pipx", { uv: "/bin/uv" }), undefined);
});

test("every way ends with the program where it is looked for, and touches nothing else", () => {
  for (const wanted of ["uv", "pipx", "venv"]) {
    const steps = plan(wanted, TOOLS, "/own/server", "polypilot", "linux")?.steps ?? [];
    const text = JSON.stringify(steps);
    assert.ok(text.includes("/own/server"), text);
    assert.ok(!steps.some((each) => each.args.includes("--user") || each.args.includes("--system")));
    assert.equal(steps.at(-1)?.args.at(-1), "polypilot");
  }
  const pipx = plan("pipx", TOOLS, "/own/server", "polypilot", "linux")?.steps[0];
  assert.deepEqual(pipx?.env, { PIPX_HOME: "/own/server/pipx", PIPX_BIN_DIR: "/own/server/bin" });
  const windows = plan("venv", TOOLS, "C:\\own", "polypilot", "win32")?.steps[1];
  assert.equal(windows?.command, "C:\\own\\Scripts\\python.exe");
});

test("what is installed: the user's word, the wheel that came along, or the name", () => {
  assert.equal(requirementOf("", undefined), "polypilot[embedded]");
  assert.equal(requirementOf("", "/x y/p.whl"), "polypilot[embedded] @ file:///x%20y/p.whl");
  assert.equal(requirementOf("polypilot==9", "/x/p.whl"), "polypilot==9");
  assert.equal(requirementOf("polypilot @ file:///x.whl", "/x/p.whl"), "polypilot @ file:///x.whl");
  assert.equal(requirementOf("/mine/p.whl", "/x/p.whl"), "polypilot[embedded] @ file:///mine/p.whl");
});

test("a line of the model's download", () => {
  assert.deepEqual(pullLine("qwen: from hub 120 of 480 MB"), { message: "qwen: from hub 120 of 480 MB", percent: 25 });
  assert.deepEqual(pullLine("qwen: checking"), { message: "qwen: checking" });
});

test("the version that a wheel's name has", () => {
  assert.equal(wheelVersion("/x/server/polypilot-0.1.0-py3-none-any.whl"), "0.1.0");
  assert.equal(wheelVersion("C:\\x\\polypilot-1.2rc1-py3-none-any.whl"), "1.2rc1");
  assert.equal(wheelVersion("/x/other-0.1.0-py3-none-any.whl"), undefined);
  assert.equal(wheelVersion(""), undefined);
});
