/** Finds keys that someone wrote into settings. Pure. */

export interface PlaintextKey {
  /** Where it stands, below `polypilot`. */
  readonly path: readonly string[];
  readonly value: string;
  /** The provider it is for, if the place says so. */
  readonly provider?: string;
}

const NAMES = /(?:api|access|secret|private|auth|subscription)?keys?$|tokens?$|secret|passw|authori[sz]ation|bearer|credential/;
const SHAPES = /^(?:sk-|sk_|xai-|gsk_|AIza|AKIA|ghp_|github_pat_|hf_|r8_|pplx-|nvapi-|fw_|csk-|glpat-)[\w.-]{12,}$/;
const SHORTEST = 12;
const DEEPEST = 12;

/** `ours`: names of settings that the extension has, which are no keys whatever they are called. */
export function plaintextKeys(
  tree: unknown,
  providers: readonly string[],
  ours: ReadonlySet<string>,
): PlaintextKey[] {
  const found: PlaintextKey[] = [];
  const look = (value: unknown, path: readonly string[]): void => {
    if (typeof value === "string") {
      if (isKey(path, value, ours)) {
        found.push({ path, value, ...providerOf(path, providers) });
      }
    } else if (typeof value === "object" && value !== null && path.length < DEEPEST) {
      for (const [name, below] of Object.entries(value)) {
        look(below, [...path, name]);
      }
    }
  };
  look(tree, []);
  return found;
}

function isKey(path: readonly string[], value: string, ours: ReadonlySet<string>): boolean {
  const text = value.trim();
  if (text.length < SHORTEST || /\s/.test(text)) {
    return false;
  }
  if (SHAPES.test(text)) {
    return true;
  }
  return !ours.has(path.join(".")) && path.some((each) => NAMES.test(squashed(each)));
}

function providerOf(path: readonly string[], providers: readonly string[]): { provider?: string } {
  const provider = path
    .flatMap((each) => [each, ...each.split(".")])
    .map((each) => providers.find((id) => id === each || squashed(each).startsWith(squashed(id))))
    .find((each) => each !== undefined);
  return provider === undefined ? {} : { provider };
}

function squashed(name: string): string {
  return name.toLowerCase().replace(/[_\-\s.]/g, "");
}
