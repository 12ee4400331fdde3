import type { Owner } from "../backend.ts";
import type { ProjectClient } from "./client/project-client.ts";
import type { CallOptions } from "./client/transport.ts";
import { belongsTo, type Maker, marksOf, PREFIX } from "./workloads/marks.ts";
import { decodeRecord } from "./workloads/record.ts";
import type { Workloads } from "./workloads/workloads.ts";

export interface RemovalParts {
  readonly project: ProjectClient;
  readonly maker: Maker;
  readonly workloads: Workloads;
}

/** Removes all that an owner has, also what lost answers have left. True once nothing is left. */
export async function purgeOwner(
  { project, maker, workloads }: RemovalParts,
  owner: Owner,
  options: CallOptions,
): Promise<boolean> {
  const name = workloads.nameOf(owner);
  if (!(await workloads.remove(project, name, options))) return false;
  for await (const app of project.apps.list(options)) {
    if (app.name !== name || marksOf(app, maker)?.owner.uid !== owner.uid) continue;
    if (!(await workloads.removeUnrecorded(project, name, options))) return false;
  }
  for (const collection of [project.secrets, project.configMaps]) {
    for await (const part of collection.list(options)) {
      if (part.name !== name && belongsTo(part.name, name)) await collection.delete(part.name, options);
    }
  }
  return true;
}

/** Removes what belongs to owners that are no more; what is not ours is never touched. */
export async function collectOrphans(
  parts: RemovalParts,
  isAlive: (owner: Owner) => boolean,
  options: CallOptions,
): Promise<readonly Owner[]> {
  const { project, maker } = parts;
  const owners = new Map<string, Owner>();
  for await (const configMap of project.configMaps.list(options)) {
    const record = configMap.name.startsWith(PREFIX) ? decodeRecord(configMap, maker) : undefined;
    if (record) owners.set(record.owner.uid, record.owner);
  }
  for await (const app of project.apps.list(options)) {
    const marks = marksOf(app, maker);
    if (marks) owners.set(marks.owner.uid, marks.owner);
  }
  const removed: Owner[] = [];
  for (const owner of owners.values()) {
    if (!isAlive(owner) && (await purgeOwner(parts, owner, options))) removed.push(owner);
  }
  return removed;
}
