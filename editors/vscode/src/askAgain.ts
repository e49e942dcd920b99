/** When a suggestion is asked for without the user's doing anything. Pure. */
import type { ServerState } from "./api";

/** Where a suggestion would be shown. */
export interface Place {
  /** The document, its version and the cursor. */
  readonly at: string;
  /** Whether the document has been changed since it was opened. */
  readonly edited: boolean;
}

/** VS Code does not ask by itself when a server is there (again). */
export class AskAgain {
  #ran = false;
  #asked: string | undefined;

  /**
   * Whether to ask, at each new state of the server. `place`: undefined where no suggestion would
   * be shown. At the first start only what was typed before it is asked for.
   */
  wanted(state: ServerState, place: () => Place | undefined): boolean {
    if (state === "stopped") {
      this.#asked = undefined; // it was stopped on purpose
    }
    if (state !== "running") {
      return false;
    }
    const again = this.#ran;
    this.#ran = true;
    const here = place();
    // The same once more might be what the server ended over.
    if (here === undefined || !(again || here.edited) || here.at === this.#asked) {
      return false;
    }
    this.#asked = here.at;
    return true;
  }
}
