import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { synced } from "./synced.ts";

/**
 * A restore into a directory that no server uses exchanges several files. One rename decides that it happens; whoever locks
 * the directory after a crash takes the steps that were left, so there is the old state or the new one.
 */

/** Where the new state is built. Worth nothing until it has the next name. */
const BUILDING = "restoring";
/** The new state, whole: the old one is being put aside. */
const DECIDED = "restored";
/** The new state, while it moves in. */
const MOVING_IN = "moving-in";
/** A file beside the new state with the name of the folder that the old one goes to; empty where there is none. */
const ASIDE = "aside";
/** What of a data directory goes aside as one: the state, and what is made from it at the start. */
const STATE = /^(?:store\.db.*|[\w.-]+\.(?:key|crt|token)|kubeconfig|endpoints\.json|users)$/;

/** Answers an empty folder of the directory to build the new state in. */
export function beginRestore(dataDir: string): string {
  const folder = join(dataDir, BUILDING);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Puts what was built into the old state's place. Answers the folder that has the latter, if there was any. */
export function commitRestore(dataDir: string, now: Date): string | undefined {
  const building = join(dataDir, BUILDING);
  const isEmpty = stateIn(dataDir).length === 0;
  const aside = isEmpty ? "" : `before-restore-${now.toISOString().replaceAll(":", "-")}`;
  writeFileSync(join(building, ASIDE), aside, { mode: 0o600 });
  for (const name of readdirSync(building)) synced(join(building, name));
  synced(building);
  move(dataDir, BUILDING, DECIDED);
  settleRestore(dataDir);
  return isEmpty ? undefined : join(dataDir, aside);
}

/** Forgets a restore that was broken off before it was decided, and completes one that was. The directory must be locked. */
export function settleRestore(dataDir: string): void {
  rmSync(join(dataDir, BUILDING), { recursive: true, force: true });
  if (existsSync(join(dataDir, DECIDED))) {
    putAside(dataDir, readFileSync(join(dataDir, DECIDED, ASIDE), "utf8"));
    move(dataDir, DECIDED, MOVING_IN);
  }
  if (existsSync(join(dataDir, MOVING_IN))) moveIn(dataDir);
}

function stateIn(dataDir: string): string[] {
  return readdirSync(dataDir).filter((name) => STATE.test(name));
}

function putAside(dataDir: string, aside: string): void {
  if (aside === "") return;
  const folder = join(dataDir, aside);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of stateIn(dataDir)) renameSync(join(dataDir, name), join(folder, name));
  synced(folder);
}

function moveIn(dataDir: string): void {
  const folder = join(dataDir, MOVING_IN);
  for (const name of readdirSync(folder)) if (name !== ASIDE) renameSync(join(folder, name), join(dataDir, name));
  synced(dataDir);
  rmSync(folder, { recursive: true });
}

/** On disk with all renames before it. */
function move(dataDir: string, from: string, to: string): void {
  synced(dataDir);
  renameSync(join(dataDir, from), join(dataDir, to));
  synced(dataDir);
}
