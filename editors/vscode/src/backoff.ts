/** When a server that ended is started again, and when the user is told. */

const DELAYS_MS = [0, 500, 1_000, 2_000, 5_000, 15_000, 30_000, 60_000];
const WINDOW_MS = 180_000;
const OFTEN = 5;

export interface Next {
  readonly delayMs: number;
  /** Whether this end is the one that the user hears of: at most one in a run of them. */
  readonly tell: boolean;
  /** Whether it ends so often that nobody is to wait for it. */
  readonly often: boolean;
}

export class Backoff {
  #ends: number[] = [];
  #told = false;

  /** The server has ended at `now`, in milliseconds of a clock that only goes forward. */
  ended(now: number): Next {
    this.#ends = this.#ends.filter((each) => now - each < WINDOW_MS);
    if (this.#ends.length === 0) {
      this.#told = false;
    }
    this.#ends.push(now);
    const count = this.#ends.length;
    const often = count >= OFTEN;
    const tell = often && !this.#told;
    this.#told ||= tell;
    return { delayMs: DELAYS_MS[Math.min(count, DELAYS_MS.length) - 1] ?? 0, tell, often };
  }

  /** The user has started it anew, or changed what made it end. */
  reset(): void {
    this.#ends = [];
    this.#told = false;
  }
}
