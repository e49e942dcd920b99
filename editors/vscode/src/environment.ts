/** The folder of the server's own Python environment while one is made in it. No editor. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";

/** An empty folder; what was there before comes back if nothing comes of it. */
export class Environment {
  readonly #folder: string;
  readonly #before: string;
  /** Whether nothing was there. */
  readonly #made: boolean;

  constructor(folder: string) {
    this.#folder = folder;
    this.#before = `${folder}.before`;
    this.#made = !existsSync(folder);
    if (!this.#made) {
      remove(this.#before);
      try {
        renameSync(folder, this.#before);
      } catch {
        // In use, where files that are in use can't be moved: it is renewed where it is.
      }
    }
    mkdirSync(folder, { recursive: true });
  }

  /** It was made: the one before is not wanted any more. */
  keep(): void {
    remove(this.#before);
  }

  /** It was not: the one before, if there was one, is there again. */
  takeBack(): void {
    if (existsSync(this.#before)) {
      remove(this.#folder);
      renameSync(this.#before, this.#folder);
    } else if (this.#made) {
      remove(this.#folder);
    }
  }
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
