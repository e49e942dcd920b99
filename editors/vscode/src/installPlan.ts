/** How the server gets into an environment of the extension's own. Pure. */
import { pathToFileURL } from "node:url";

export type Installer = "uv" | "pipx" | "venv";

export interface Tools {
  readonly uv?: string | undefined;
  readonly pipx?: string | undefined;
  /** Python 3.11 or newer. */
  readonly python?: string | undefined;
}

export interface Step {
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Plan {
  readonly installer: Installer;
  readonly steps: readonly Step[];
}

const ORDER: readonly Installer[] = ["uv", "pipx", "venv"];
const PUBLISHED = "polypilot[embedded]";

/** undefined: there is nothing to install with, or not what the user has chosen. */
export function plan(
  wanted: string,
  tools: Tools,
  folder: string,
  requirement: string,
  platform: NodeJS.Platform,
): Plan | undefined {
  const possible: Record<Installer, readonly Step[] | undefined> = {
    uv: tools.uv === undefined ? undefined : withUv(tools.uv, folder, requirement, platform),
    pipx: tools.pipx === undefined ? undefined : withPipx(tools.pipx, folder, requirement, platform),
    venv: tools.python === undefined ? undefined : withVenv(tools.python, folder, requirement, platform),
  };
  for (const installer of ORDER) {
    const steps = possible[installer];
    if (steps !== undefined && (wanted === "auto" || wanted === installer)) {
      return { installer, steps };
    }
  }
  return undefined;
}

/** What pip and its like are asked for: the user's word, the wheel that came along, or the name. */
export function requirementOf(setting: string, bundledWheel: string | undefined): string {
  const isFile = /^(?:\/|[A-Za-z]:\\).*\.whl$/.test(setting);
  const wheel = isFile ? setting : bundledWheel;
  if (wheel !== undefined && (isFile || setting === "")) {
    return `${PUBLISHED} @ ${pathToFileURL(wheel).href}`;
  }
  return setting === "" ? PUBLISHED : setting;
}

/** A line of `polypilot models pull`, as it prints them for a log. */
export function pullLine(line: string): { message: string; percent?: number } {
  const size = /(\d+) of (\d+) MB/.exec(line);
  const percent = size === null ? undefined : Math.round((100 * Number(size[1])) / Math.max(1, Number(size[2])));
  return { message: line.trim().slice(0, 80), ...(percent !== undefined && { percent }) };
}

/** The version in a wheel's file name. */
export function wheelVersion(wheel: string): string | undefined {
  return /(?:^|[/\\])polypilot-([^-/\\]+)-[^/\\]+\.whl$/.exec(wheel)?.[1];
}

function withUv(uv: string, folder: string, requirement: string, platform: NodeJS.Platform): Step[] {
  const python = pythonOf(folder, platform);
  return [
    { title: "making an environment", command: uv, args: ["venv", "--allow-existing", "--python", ">=3.11", folder] },
    { title: "installing", command: uv, args: ["pip", "install", "--python", python, "--upgrade", requirement] },
  ];
}

function withPipx(pipx: string, folder: string, requirement: string, platform: NodeJS.Platform): Step[] {
  const bin = joined(platform, folder, platform === "win32" ? "Scripts" : "bin");
  const env = { PIPX_HOME: joined(platform, folder, "pipx"), PIPX_BIN_DIR: bin };
  return [{ title: "installing", command: pipx, args: ["install", "--force", requirement], env }];
}

function withVenv(python: string, folder: string, requirement: string, platform: NodeJS.Platform): Step[] {
  const own = pythonOf(folder, platform);
  return [
    { title: "making an environment", command: python, args: ["-m", "venv", folder] },
    { title: "installing", command: own, args: ["-m", "pip", "install", "--disable-pip-version-check", "--upgrade", requirement] },
  ];
}

function pythonOf(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32"
    ? joined(platform, folder, "Scripts", "python.exe")
    : joined(platform, folder, "bin", "python");
}

function joined(platform: NodeJS.Platform, ...parts: string[]): string {
  return parts.join(platform === "win32" ? "\\" : "/");
}
