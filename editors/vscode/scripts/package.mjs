// Makes dist/polypilot.vsix, with the wheel of this tree's server in it:
//   npm run package                 (--no-wheel: without; the published server is installed then)
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { createVSIX } from "@vscode/vsce";

import { buildAll } from "./build.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const TREE = join(ROOT, "..", "..");
const SERVER = join(ROOT, "server");
const VSIX = join(ROOT, "dist", "polypilot.vsix");

/** What can build a wheel, the quickest first. */
function builders(folder) {
  const bin = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const own = process.env.POLYPILOT_PYTHON ?? join(TREE, ".venv", ...bin);
  return [
    [own, ["-m", "hatchling", "build", "-t", "wheel", "-d", folder]],
    ["uv", ["build", "--quiet", "--wheel", "--out-dir", folder]],
    ["python3", ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, "."]],
  ];
}

function buildWheel() {
  rmSync(SERVER, { recursive: true, force: true });
  mkdirSync(SERVER);
  for (const [command, args] of builders(SERVER)) {
    const done = spawnSync(command, args, { cwd: TREE, stdio: ["ignore", "ignore", "inherit"] });
    if (done.status === 0 && readdirSync(SERVER).some((name) => name.endsWith(".whl"))) {
      return;
    }
  }
  throw new Error("no wheel could be built: uv, or Python 3.11 with pip, is needed (or --no-wheel)");
}

await buildAll();
if (process.argv.includes("--no-wheel")) {
  rmSync(SERVER, { recursive: true, force: true });
} else {
  buildWheel();
}
copyFileSync(join(TREE, "LICENSE"), join(ROOT, "LICENSE"));
try {
  // The page links to the project's other pages, which have no address of their own yet.
  const links = { allowMissingRepository: true, rewriteRelativeLinks: false };
  await createVSIX({ cwd: ROOT, packagePath: VSIX, dependencies: false, ...links });
} finally {
  rmSync(join(ROOT, "LICENSE"), { force: true });
}
if (!existsSync(VSIX)) {
  process.exitCode = 1;
}
