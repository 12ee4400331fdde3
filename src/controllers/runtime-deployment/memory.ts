import type { ObjectKey } from "../../api/meta.ts";
import { formatKey } from "../../api/meta.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Upkeep } from "../../effective-spec/upkeep.ts";
import type { Note } from "./facts.ts";
import type { MadeVersion } from "./gate/version.ts";
import { Holds } from "./holds.ts";
import type { StartRecord } from "./restarts.ts";

/**
 * What the controller remembers of one deployment between two reconciles. Losing it (a restart) costs an attempt or two,
 * never the truth: that stands in the API and at the backend.
 */
export interface Memory {
  readonly uid: string;
  readonly holds: Holds<"revision" | "start" | "backend" | "image">;
  /** The instance of the backend that the workload was last seen at. */
  instance: number | undefined;
  starts: StartRecord | undefined;
  /** The image of a generation, so that a tag is resolved once. */
  pinned: { readonly generation: number; readonly image: string } | undefined;
  /** What a reference stood for when approvals were asked about it. */
  resolved: { readonly generation: number; readonly reference: string; readonly image: string } | undefined;
  /** The workload that was seen to run, where approvals play a part, and was not stopped since on request. */
  alive: string | undefined;
  /** The version that runs and the one that is being made, where approvals play a part. */
  made: readonly MadeVersion[];
  /** Hash of a revision that has passed its trial. */
  proven: string | undefined;
  /** A current workload that was seen to work, and when it was first found not to any more (monotonic). */
  worked: { readonly id: string; readonly lostAt: number | undefined } | undefined;
  /** The spec that a current workload, by its hash, was last seen to match, as far as it says how to ask it. */
  served: { readonly hash: string; readonly upkeep: Upkeep } | undefined;
  /** Hash of the revision of which it was told that a changed profile asks for it. */
  announced: string | undefined;
  /** The process of a workload that scales to zero which has answered a probe. */
  answered: string | undefined;
  /** The attempt of a place to replace by itself whose failure is taken into account already. */
  failedRollout: string | undefined;
  /** Progress of a pull or a build as it was last written, and when (monotonic). */
  progress: { readonly note: Note; readonly at: number } | undefined;
  /** When a process was first seen (monotonic); at most the current one and a candidate. */
  firstSeen: readonly { readonly instance: string; readonly at: number }[];
  /** The object as this controller wrote it last, and the versions that it replaces. */
  written: { readonly object: RuntimeDeployment; readonly stale: ReadonlySet<string> } | undefined;
}

/** The memories of all deployments, by key. One that was deleted and made again under its name starts afresh. */
export class Memories {
  readonly #memories = new Map<string, Memory>();

  of(deployment: RuntimeDeployment): Memory {
    const key = formatKey({ namespace: deployment.metadata.namespace ?? "", name: deployment.metadata.name });
    const found = this.#memories.get(key);
    if (found?.uid === deployment.metadata.uid) return found;
    const fresh: Memory = {
      uid: deployment.metadata.uid,
      holds: new Holds(),
      instance: undefined,
      starts: undefined,
      pinned: undefined,
      resolved: undefined,
      alive: undefined,
      made: [],
      proven: undefined,
      worked: undefined,
      served: undefined,
      announced: undefined,
      answered: undefined,
      failedRollout: undefined,
      progress: undefined,
      firstSeen: [],
      written: undefined,
    };
    this.#memories.set(key, fresh);
    return fresh;
  }

  forget(key: ObjectKey): void {
    this.#memories.delete(formatKey(key));
  }
}

/**
 * The newest version of a deployment that this controller knows: the cache's, unless that is still a version which the
 * controller itself has replaced. A status computed from an older one would count a restart twice.
 */
export function newest(cached: RuntimeDeployment, memory: Memory): RuntimeDeployment {
  const { written } = memory;
  if (!written) return cached;
  if (written.stale.has(cached.metadata.resourceVersion)) return written.object;
  memory.written = undefined;
  return cached;
}

/** Whether a version is the one that was written last, or one that it replaced: no news, either way. */
export function isKnown({ written }: Memory, { metadata }: RuntimeDeployment): boolean {
  if (!written) return false;
  const { resourceVersion } = metadata;
  return written.object.metadata.resourceVersion === resourceVersion || written.stale.has(resourceVersion);
}

/** Forgets what was written once the cache has it: no version that it replaces comes any more. */
export function caughtUp(memory: Memory, { metadata }: RuntimeDeployment): void {
  if (memory.written?.object.metadata.resourceVersion === metadata.resourceVersion) memory.written = undefined;
}

/** Remembers what a write answered. */
export function wrote(memory: Memory, replaced: RuntimeDeployment, object: RuntimeDeployment): void {
  const stale = new Set(memory.written?.stale);
  stale.add(replaced.metadata.resourceVersion);
  memory.written = { object, stale };
}

/** Milliseconds since the process was first seen. */
export function ageMs(memory: Memory, instance: string, now: number): number {
  const seen = memory.firstSeen.find((each) => each.instance === instance);
  if (seen) return now - seen.at;
  memory.firstSeen = memory.firstSeen.concat({ instance, at: now });
  return 0;
}

/** Keeps the ages of these processes only. */
export function keepAges(memory: Memory, instances: ReadonlySet<string>): void {
  const isKept = ({ instance }: { readonly instance: string }) => instances.has(instance);
  if (!memory.firstSeen.every(isKept)) memory.firstSeen = memory.firstSeen.filter(isKept);
}
