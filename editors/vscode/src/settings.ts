/**
 * The user's settings as the server gets them: only what was set, and of a workspace's only what
 * restricts. VS Code drops a workspace's values of machine-scoped settings where they are written
 * with dots, but not where they are nested; hence nothing is read but what `inspect` says is the
 * user's.
 */
import { KNOWN, type Known } from "./settings.generated";

/** What VS Code's `inspect` tells of one setting. */
export interface Inspection {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
}

export type Tree = Record<string, Record<string, unknown>>;

/** A setting's text as the user has it, never as a workspace has it. */
export function userText(inspection: Inspection | undefined): string {
  const value = inspection?.globalValue;
  return typeof value === "string" ? value.trim() : "";
}

/** `inspect` takes a name below `polypilot.`. */
export function settingsTree(
  inspect: (name: string) => Inspection | undefined,
  known: readonly Known[] = KNOWN,
): Tree {
  const tree: Tree = {};
  for (const each of known) {
    const value = valueOf(each, inspected(each, inspect));
    if (value !== undefined) {
      (tree[each.section] ??= {})[each.name] = value;
    }
  }
  return tree;
}

/** Both spellings count: the one that VS Code offers, and that of `config.toml`. */
function inspected(
  known: Known,
  inspect: (name: string) => Inspection | undefined,
): Inspection {
  const ours = inspect(`${known.section}.${known.setting}`) ?? {};
  const plain = known.setting === known.name ? {} : (inspect(`${known.section}.${known.name}`) ?? {});
  return {
    globalValue: ours.globalValue ?? plain.globalValue,
    workspaceValue: ours.workspaceValue ?? plain.workspaceValue,
  };
}

function valueOf(known: Known, { globalValue, workspaceValue }: Inspection): unknown {
  switch (known.workspace) {
    case "false":
      return workspaceValue === false ? false : globalValue;
    case "true":
      return workspaceValue === true ? true : globalValue;
    case "add":
      return added(globalValue, workspaceValue);
    default:
      return globalValue;
  }
}

function added(globalValue: unknown, workspaceValue: unknown): unknown {
  if (!Array.isArray(workspaceValue)) {
    return globalValue;
  }
  const more = workspaceValue.filter((each) => typeof each === "string");
  return Array.isArray(globalValue) ? [...new Set([...(globalValue as unknown[]), ...more])] : more;
}
