/** Finds the `polypilot` program. It is never looked for in the folders that are open. */
import * as path from "node:path";

export type Source = "setting" | "path" | "private";

export interface Found {
  readonly command: string;
  readonly source: Source;
}

/** What the search needs of the machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Whether a file is there that may be started. */
  readonly executable: (file: string) => boolean;
}

export interface Where {
  /** `polypilot.server.path`; empty: not set. */
  readonly setting: string;
  /** The environment that this extension has made, or would make. */
  readonly privateFolder: string;
  /** Open folders: a program in them is not ours, whatever PATH says. */
  readonly folders: readonly string[];
}

/** The setting, then PATH and where pipx and uv put programs, then our own environment. */
export function find(where: Where, machine: Machine): Found | undefined {
  if (where.setting !== "") {
    const command = expanded(where.setting, machine);
    return pathOf(machine).isAbsolute(command) && machine.executable(command)
      ? { command, source: "setting" }
      : undefined;
  }
  for (const folder of searched(where, machine)) {
    const command = inFolder(folder, machine);
    if (command !== undefined) {
      return { command, source: "path" };
    }
  }
  const own = privateProgram(where.privateFolder, machine.platform);
  return machine.executable(own) ? { command: own, source: "private" } : undefined;
}

/** A program by its name: in the folders of PATH that are absolute and not open. */
export function onPath(
  name: string,
  folders: readonly string[],
  machine: Machine,
): string | undefined {
  for (const folder of searched({ folders }, machine)) {
    const command = inFolder(folder, machine, name);
    if (command !== undefined) {
      return command;
    }
  }
  return undefined;
}

/** Where the program is in an environment of ours. */
export function privateProgram(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32"
    ? path.win32.join(folder, "Scripts", "polypilot.exe")
    : path.posix.join(folder, "bin", "polypilot");
}

/** Why a path that the user has set can't be used; undefined: it can, or there is none. */
export function wrongSetting(setting: string, machine: Machine): string | undefined {
  if (setting === "") {
    return undefined;
  }
  const command = expanded(setting, machine);
  if (!pathOf(machine).isAbsolute(command)) {
    return "polypilot.server.path has to be an absolute path";
  }
  return machine.executable(command) ? undefined : `there is no program at ${command}`;
}

function expanded(setting: string, machine: Machine): string {
  return /^~[/\\]/.test(setting) ? pathOf(machine).join(machine.home, setting.slice(2)) : setting;
}

function searched(where: Pick<Where, "folders">, machine: Machine): string[] {
  const kind = pathOf(machine);
  const name = Object.keys(machine.env).find((each) => each.toUpperCase() === "PATH") ?? "PATH";
  const listed = (machine.env[name] ?? "").split(kind.delimiter);
  // A program that was started from a dock or a menu often lacks what the shell adds.
  const usual = kind.join(machine.home, ".local", "bin");
  return [...listed, usual].filter(
    (each) => kind.isAbsolute(each) && !where.folders.some((open) => within(each, open, kind)),
  );
}

function inFolder(folder: string, machine: Machine, name = "polypilot"): string | undefined {
  const file = machine.platform === "win32" ? `${name}.exe` : name;
  const command = pathOf(machine).join(folder, file);
  return machine.executable(command) ? command : undefined;
}

function within(file: string, folder: string, kind: path.PlatformPath): boolean {
  const relative = kind.relative(folder, file);
  return relative === "" || (!/^\.\.(?:[/\\]|$)/.test(relative) && !kind.isAbsolute(relative));
}

function pathOf(machine: Machine): path.PlatformPath {
  return machine.platform === "win32" ? path.win32 : path.posix;
}
