/** Runs the `polypilot` program, and the installers, without a shell. */
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { createInterface } from "node:readline";
import type * as vscode from "vscode";

export interface Outcome {
  /** -1: it could not be started, or was ended. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Written to its standard input, which is closed then. */
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Each line of standard output and standard error, as it comes. */
  readonly onLine?: (line: string) => void;
  readonly token?: vscode.CancellationToken;
}

const MOST = 200_000;

export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    // From the home folder: an installer must not read the configuration of what is open.
    const child = spawn(command, args, {
      cwd: homedir(),
      env: options.env ?? process.env,
      windowsHide: true,
    });
    const stopping = options.token?.onCancellationRequested(() => child.kill());
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      createInterface({ input: child[name] }).on("line", (line) => {
        if (texts[name].length < MOST) {
          texts[name] += `${line}\n`;
        }
        options.onLine?.(line);
      });
    }
    child.once("error", (error) => {
      stopping?.dispose();
      resolve({ code: -1, stdout: texts.stdout, stderr: error.message });
    });
    child.once("close", (code) => {
      stopping?.dispose();
      resolve({ code: code ?? -1, ...texts });
    });
    child.stdin.on("error", () => undefined); // it has gone before it read: its status tells
    child.stdin.end(options.stdin ?? "");
  });
}
