/** Where the keyboard's focus goes when what has it is hidden: keys typed next must not be lost. */

interface Hideable {
  hidden: boolean;
}

interface Focus {
  /** What has it now. */
  readonly active: unknown;
  /** Who gets it when what has it is hidden. */
  readonly heir: { focus(): void };
}

export function showOnly(shown: readonly Hideable[], hidden: readonly Hideable[], { active, heir }: Focus): void {
  for (const each of shown) each.hidden = false;
  if (hidden.some((each) => each === active)) heir.focus();
  for (const each of hidden) each.hidden = true;
}
