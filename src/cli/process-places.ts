import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

export interface PlacesInput {
  /** Tells this Slipway from others of the machine. */
  readonly installation: string;
  /** Undefined: there is none, since the API is somebody else's. */
  readonly dataDir: string | undefined;
  readonly isRoot: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of the RuntimeBackend. */
  readonly backend: string;
}

export interface ProcessPlaces {
  /** Of Slipway alone. */
  readonly stateDirectory: string;
  /** Homes and packages. */
  readonly sharedDirectory: string;
  /** What no process is to see, where it runs as Slipway's own user. */
  readonly hidden: readonly string[];
}

/** For what root's Slipways keep outside of their data directories, by the Filesystem Hierarchy Standard. */
const ROOTS = "/var/lib/slipway";

/**
 * Pure. Where processes have their homes and packages. As root other users have to reach them, and a data directory is closed to
 * these (0700): so they are below /var/lib/slipway, in a folder that belongs to that data directory. Else they are below the data
 * directory, which a sandbox hides but for what is the process's own.
 */
export function processPlaces({ installation, dataDir, isRoot, environment, backend }: PlacesInput): ProcessPlaces {
  const absolute = dataDir === undefined ? undefined : resolve(dataDir);
  const id = createHash("sha256")
    .update(JSON.stringify([installation, absolute]))
    .digest("hex")
    .slice(0, 16);
  const own = join(absolute === undefined ? join(stateHome(environment, isRoot), id) : absolute, "processes", backend);
  const stateDirectory = join(own, "state");
  if (isRoot) return { stateDirectory, sharedDirectory: join(ROOTS, id, backend), hidden: [] };
  return { stateDirectory, sharedDirectory: join(own, "shared"), hidden: [absolute ?? own] };
}

/** @see https://specifications.freedesktop.org/basedir-spec/latest/: a relative path is invalid, and is passed over. */
function stateHome({ XDG_STATE_HOME, HOME }: PlacesInput["environment"], isRoot: boolean): string {
  if (isRoot) return ROOTS;
  const given = XDG_STATE_HOME?.startsWith("/") ? XDG_STATE_HOME : undefined;
  return join(given ?? join(HOME ?? "/var/tmp", ".local/state"), "slipway");
}
