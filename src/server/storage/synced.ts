import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes what was written to a file, or which names a folder has, survive power loss. */
export function synced(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
