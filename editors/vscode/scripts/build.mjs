// Bundles the extension into dist/; with --test, its unit tests into dist/test/.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const common = { bundle: true, logLevel: "warning", absWorkingDir: ROOT };
const node = { ...common, platform: "node", format: "cjs", target: "node20", conditions: ["node"], external: ["vscode"] };

export async function buildAll() {
  const options = { entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", minify: true, legalComments: "none" };
  const made = [await build({ ...node, ...options, metafile: true }), await buildPage()];
  writeFileSync(join(ROOT, "dist", "THIRD-PARTY-NOTICES.txt"), notices(made.flatMap((each) => Object.keys(each.metafile.inputs))));
}

/** The licences of the packages that are in the bundles. */
function notices(inputs) {
  const found = inputs.map((each) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(each)?.[1]).filter((each) => each !== undefined);
  return [...new Set(found)].sort().map(notice).join(`\n${"-".repeat(80)}\n\n`);
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
  const file = readdirSync(join(ROOT, folder)).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? "" : readFileSync(join(ROOT, folder, file), "utf8");
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

async function buildPage() {
  const page = { platform: "browser", format: "iife", target: "es2022" };
  const options = { entryPoints: ["src/chat/page/main.ts"], outfile: "dist/chat.js", minify: true, legalComments: "none" };
  return build({ ...common, ...page, ...options, metafile: true });
}

export async function buildTests() {
  rmSync(join(ROOT, "dist", "test"), { recursive: true, force: true });
  const found = readdirSync(join(ROOT, "test"), { recursive: true }).filter((name) => name.endsWith(".test.ts"));
  // All of them in one folder: chat/page.test.ts is chat-page.test.js.
  const entryPoints = found.map((name) => ({ in: join("test", name), out: name.replaceAll(sep, "-").slice(0, -3) }));
  await build({ ...node, external: ["vscode", "playwright-core"], entryPoints, outdir: "dist/test", sourcemap: "inline" });
  await buildPage();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await (process.argv.includes("--test") ? buildTests() : buildAll());
}
