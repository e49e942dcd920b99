/** The machine that the extension runs on, as `find` wants it. */
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";

import type { Machine } from "./find";

export function machine(): Machine {
  return { platform: process.platform, env: process.env, home: homedir(), executable };
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
