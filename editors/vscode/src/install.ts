/** Installs the server, and the embedded model's file: each only after the user has said yes. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";

import type { Api } from "./api";
import { Environment } from "./environment";
import { onPath } from "./find";
import { type Plan, plan, pullLine, requirementOf, type Step, type Tools, wheelVersion } from "./installPlan";
import { machine } from "./machine";
import { openFolders, type Program, userSetting } from "./ownProgram";
import { run } from "./program";
import type { Server } from "./server";

export interface InstallParts {
  readonly api: Api;
  readonly server: Server;
  readonly program: Program;
}

const PYTHONS = ["python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"];
const NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))";
const HELP = "https://docs.astral.sh/uv/getting-started/installation/";

export function registerInstall(parts: InstallParts): vscode.Disposable {
  let offered = false;
  return vscode.Disposable.from(
    vscode.commands.registerCommand("polypilot.install", () => install(parts)),
    vscode.commands.registerCommand("polypilot.pullModel", () => pullModel(parts)),
    parts.api.onDidChangeServerState((state) => {
      if (state === "running" && !offered) {
        offered = true;
        void offerUpdate(parts);
      }
    }),
  );
}

async function install(parts: InstallParts): Promise<boolean> {
  const { program } = parts;
  const there = program.find();
  if (there !== undefined && there.source !== "private") {
    void vscode.window.showInformationMessage(`Polypilot: the server is there already: ${there.command}`);
    return false;
  }
  const wanted = userSetting("server.installer") || "auto";
  const requirement = requirementOf(userSetting("server.package"), bundledWheel(program));
  const chosen = plan(wanted, await tools(), program.folder, requirement, process.platform);
  if (chosen === undefined) {
    await nothingToInstallWith(wanted);
    return false;
  }
  const detail = `It goes into a Python environment of the extension's own, made with ${chosen.installer}:\n${program.folder}\n\nPython packages are downloaded for it, among them the runtime of the embedded model; they take about 150 MB. Nothing else on this machine is changed.`;
  const question = there === undefined ? "Install Polypilot's server?" : "Install Polypilot's server again?";
  const yes = await vscode.window.showInformationMessage(question, { modal: true, detail }, "Install");
  return yes === "Install" && (await carriedOut(parts, chosen));
}

/** An extension that was updated brings another server than the one in its environment. */
async function offerUpdate({ server, program }: InstallParts): Promise<void> {
  const brought = wheelVersion(bundledWheel(program) ?? "");
  if (program.find()?.source !== "private" || brought === undefined || brought === server.version) {
    return;
  }
  const text = `Polypilot: the server is ${server.version ?? "of another version"}, the extension brings ${brought}.`;
  if ((await vscode.window.showInformationMessage(text, "Update")) !== undefined) {
    await vscode.commands.executeCommand("polypilot.install");
  }
}

async function carriedOut({ api, server, program }: InstallParts, { steps }: Plan): Promise<boolean> {
  await server.stop();
  const environment = new Environment(program.folder);
  const progress = { location: vscode.ProgressLocation.Notification, title: "Polypilot's server", cancellable: true };
  const problem = await vscode.window.withProgress(progress, (report, token) =>
    performed(api, steps, report, token),
  );
  if (problem !== undefined && problem !== "") {
    void tellFailed(api, problem);
  }
  if (problem === undefined) {
    environment.keep();
  } else {
    environment.takeBack();
  }
  await server.restart();
  return problem === undefined;
}

async function tellFailed(api: Api, problem: string): Promise<void> {
  const text = `Polypilot: the server was not installed: ${problem}`;
  if ((await vscode.window.showErrorMessage(text, "Show Log")) !== undefined) {
    api.log.show();
  }
}

/** Why it went wrong; empty: the user has stopped it. */
async function performed(
  api: Api,
  steps: readonly Step[],
  report: vscode.Progress<{ message?: string }>,
  token: vscode.CancellationToken,
): Promise<string | undefined> {
  for (const { title, command, args, env } of steps) {
    report.report({ message: title });
    api.log.info(`$ ${[command, ...args].join(" ")}`);
    const onLine = (line: string): void => {
      api.log.info(line);
      report.report({ message: `${title}: ${line.trim().slice(0, 60)}` });
    };
    const outcome = await run(command, args, { env: { ...process.env, ...env }, onLine, token });
    if (token.isCancellationRequested) {
      return "";
    }
    if (outcome.code !== 0) {
      return outcome.stderr.trim().split("\n").at(-1) ?? `${title} failed`;
    }
  }
  return undefined;
}

async function tools(): Promise<Tools> {
  const found = (name: string): string | undefined => onPath(name, openFolders(), machine());
  return { uv: found("uv"), pipx: found("pipx"), python: await python(found) };
}

async function python(found: (name: string) => string | undefined): Promise<string | undefined> {
  for (const name of PYTHONS) {
    const command = found(name);
    if (command !== undefined && (await run(command, ["-c", NEW_ENOUGH])).code === 0) {
      return command;
    }
  }
  return undefined;
}

/** The wheel that was packed with the extension: the server that it was tested with. */
function bundledWheel(program: Program): string | undefined {
  const folder = join(program.extensionFolder, "server");
  try {
    const name = readdirSync(folder).find((each) => each.endsWith(".whl"));
    return name === undefined ? undefined : join(folder, name);
  } catch {
    return undefined;
  }
}

async function nothingToInstallWith(wanted: string): Promise<void> {
  const means = wanted === "auto" ? "uv, pipx or Python 3.11 or newer" : wanted === "venv" ? "Python 3.11 or newer" : wanted;
  const text = `Polypilot: to install the server, ${means} is needed, and was not found.`;
  const chosen = await vscode.window.showErrorMessage(text, "Get uv", "Set Path");
  if (chosen === "Get uv") {
    await vscode.env.openExternal(vscode.Uri.parse(HELP));
  } else if (chosen === "Set Path") {
    await vscode.commands.executeCommand("workbench.action.openSettings", "polypilot.server.path");
  }
}

/** Fetches the embedded model's file; what has arrived is kept when it is stopped. */
async function pullModel({ api, program, server }: InstallParts): Promise<boolean> {
  const detail = "About 0.5 GB is downloaded, once. It runs on this machine: with it nothing you write leaves it, and no key is needed.";
  const yes = await vscode.window.showInformationMessage("Download the embedded model?", { modal: true, detail }, "Download");
  if (yes !== "Download") {
    return false;
  }
  const progress = { location: vscode.ProgressLocation.Notification, title: "Embedded model", cancellable: true };
  const outcome = await vscode.window.withProgress(progress, async (report, token) => {
    let shown = 0;
    const onLine = (line: string): void => {
      const { message, percent } = pullLine(line);
      report.report({ message, increment: percent === undefined ? 0 : Math.max(0, percent - shown) });
      shown = Math.max(shown, percent ?? 0);
    };
    const done = await program.run(["models", "pull"], { onLine, token });
    return { ...done, stopped: token.isCancellationRequested };
  });
  if (outcome.stopped) {
    void vscode.window.showInformationMessage("Polypilot: stopped. What has arrived is kept; the download goes on from there.");
    return false;
  }
  if (outcome.code !== 0) {
    api.log.error(outcome.stderr);
    const why = outcome.stderr.trim().split("\n").at(-1) ?? "";
    void vscode.window.showErrorMessage(`Polypilot: the model was not downloaded: ${why}`);
    return false;
  }
  await server.restart();
  return true;
}
