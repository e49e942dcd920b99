import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { KNOWN } from "../src/settings.generated";

interface Entry {
  readonly command: string;
}
interface Step {
  readonly title: string;
  readonly description: string;
  readonly media: { readonly markdown: string };
}
interface Manifest {
  readonly enabledApiProposals?: unknown;
  readonly engines: { readonly vscode: string };
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly capabilities: { readonly untrustedWorkspaces: { readonly supported: unknown } };
  readonly contributes: {
    readonly commands: readonly Entry[];
    readonly menus: Readonly<Record<string, readonly Partial<Entry>[]>>;
    readonly keybindings: readonly Entry[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, { scope: string; markdownDescription: string }>> }[];
    readonly walkthroughs: readonly { readonly description: string; readonly steps: readonly Step[] }[];
  };
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const commands = new Set(manifest.contributes.commands.map((each) => each.command));
const code = sources("src").join("\n");

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((each) => {
    const path = join(folder, each.name);
    return each.isDirectory() ? sources(path) : path.endsWith(".ts") ? [readFileSync(path, "utf8")] : [];
  });
}

test("menus, keys and the walkthrough name commands that there are", () => {
  const named = [...Object.values(manifest.contributes.menus).flat(), ...manifest.contributes.keybindings]
    .map((each) => each.command)
    .filter((each) => each !== undefined);
  const steps = manifest.contributes.walkthroughs.flatMap((each) => each.steps);
  const linked = steps.flatMap((each) => [...each.description.matchAll(/\(command:([\w.]+)\)/g)].map((found) => found[1] ?? ""));
  assert.ok(linked.length > 5);
  assert.deepEqual([...named, ...linked].filter((each) => !commands.has(each)), []);
  assert.deepEqual(steps.map((each) => each.media.markdown).filter((each) => !existsSync(each)), []);
});

test("the walkthrough has no backquotes: VS Code shows them as they are", () => {
  const all = manifest.contributes.walkthroughs.flatMap((each) => [each.description, ...each.steps.flatMap((step) => [step.title, step.description])]);
  assert.ok(all.length > 5);
  assert.deepEqual(all.filter((each) => each.includes("`")), []);
});

test("every command stands in the code", () => {
  const missing = [...commands].filter((each) => {
    const last = each.split(".").at(-1) ?? "";
    return !new RegExp(`"(?:polypilot\\.)?(?:chat\\.)?${last}"|^\\s+${last}: `, "m").test(code);
  });
  assert.deepEqual(missing, []);
});

test("none of our commands has a name that the server registers", () => {
  const servers = ["accepted", "partiallyAccepted", "dismissed", "action", "stop"];
  assert.deepEqual(servers.filter((each) => commands.has(`polypilot.${each}`)), []);
});

test("no proposed API, and limited in workspaces that are not trusted", () => {
  assert.equal(manifest.enabledApiProposals, undefined);
  assert.equal(manifest.capabilities.untrustedWorkspaces.supported, "limited");
  assert.equal(`^${manifest.devDependencies["@types/vscode"] ?? ""}`, manifest.engines.vscode);
});

test("a setting that a workspace must not set is machine-scoped; each is described", () => {
  const restricting = new Set(KNOWN.filter((each) => each.workspace !== undefined).map((each) => `polypilot.${each.section}.${each.setting}`));
  const properties = manifest.contributes.configuration.flatMap((each) => Object.entries(each.properties));
  assert.ok(properties.length > KNOWN.length);
  for (const [name, { scope, markdownDescription }] of properties) {
    assert.equal(scope, restricting.has(name) ? "window" : "machine", name);
    assert.ok(markdownDescription.length > 10, name);
  }
});

test("the lock file names no registry, and versions are exact", () => {
  const lock = readFileSync("package-lock.json", "utf8");
  assert.ok(!lock.includes('"resolved"'));
  const packages = (JSON.parse(lock) as { packages: Record<string, { integrity?: string }> }).packages;
  const loose = Object.entries(packages).filter(([name, each]) => name !== "" && each.integrity === undefined);
  assert.deepEqual(loose.map(([name]) => name), []);
  const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
  assert.deepEqual(versions.filter((each) => !/^\d/.test(each)), []);
});
