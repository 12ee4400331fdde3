import type Docker from "dockerode";
import { Label } from "../../api/labels.ts";
import type { Owner } from "../backend.ts";
import type { CallOptions, EngineClient } from "./engine/engine-client.ts";
import { isLeftover } from "./stdio/own-processes.ts";
import { joined } from "./workloads/joined-network.ts";
import { DockerLabel, labelFilters, type Maker, makerLabels, ownerFromLabels } from "./workloads/object-labels.ts";
import { isFilesVolume } from "./workloads/object-names.ts";
import { isGone, removeVolume } from "./workloads/workloads.ts";

const REMOVE_TIMEOUT_MS = 60_000;
/** A helper lives for a second, as does a sandbox that no workload joins. One this old was left by an interruption. */
const LEFTOVER_AGE_S = 600;

interface Removal {
  readonly engine: EngineClient;
  readonly maker: Maker;
  /** Whether a container of this name is a process of a client that is there. */
  readonly isLive: (name: string) => boolean;
}

/** Removes all of an owner's containers and its volumes, but those that are retained. True once none is left. */
export async function purgeOwner(removal: Removal, owner: Owner, options: CallOptions): Promise<boolean> {
  const ofOwner = { ...makerLabels(removal.maker), [Label.Uid]: owner.uid };
  const containers = await listContainers(removal, ofOwner, options);
  await Promise.all(containers.map(({ Id }) => removeContainer(removal.engine, Id, options)));
  const volumes = (await listVolumes(removal, ofOwner, options)).filter(isExpendable);
  await Promise.all(volumes.map(({ Name }) => removeVolume(removal.engine, Name, options)));
  if (containers.length === 0 && volumes.length === 0) return true;
  const [containersLeft, volumesLeft] = await Promise.all([
    listContainers(removal, ofOwner, options),
    listVolumes(removal, ofOwner, options),
  ]);
  return containersLeft.length === 0 && !volumesLeft.some(isExpendable);
}

/**
 * Removes what this backend made for owners that `isAlive` does not know, and what an interrupted creation left of
 * those that live. Answers the owners that are gone.
 */
export async function collectOrphans(
  removal: Removal,
  isAlive: (owner: Owner) => boolean,
  options: CallOptions,
): Promise<readonly Owner[]> {
  const made = makerLabels(removal.maker);
  const [containers, volumes] = await Promise.all([
    listContainers(removal, made, options),
    listVolumes(removal, made, options),
  ]);
  const orphans = new Map<string, Owner>();
  const judge = (labels: Record<string, string>): void => {
    const owner = ownerFromLabels(labels, removal.maker);
    if (owner && !isAlive(owner)) orphans.set(owner.uid, owner);
  };
  for (const { Labels } of containers) judge(Labels);
  for (const volume of volumes) if (isExpendable(volume)) judge(volume.Labels);
  for (const owner of orphans.values()) await purgeOwner(removal, owner, options);
  await removeLeftovers(removal, { containers, volumes, orphans }, options);
  return [...orphans.values()];
}

/** What lives on of an interrupted creation or deletion, of owners that still exist. */
async function removeLeftovers(
  { engine, maker, isLive }: Removal,
  found: { containers: Docker.ContainerInfo[]; volumes: Docker.VolumeInspectInfo[]; orphans: Map<string, Owner> },
  options: CallOptions,
): Promise<void> {
  const ofLiving = (labels: Record<string, string>): boolean =>
    !found.orphans.has(ownerFromLabels(labels, maker)?.uid ?? "");
  const before = Date.now() / 1000 - LEFTOVER_AGE_S;
  const helpers = found.containers.filter(
    ({ Labels, Names, Created }) =>
      Labels[Label.Role] === "helper" &&
      ofLiving(Labels) &&
      (Labels[DockerLabel.AttachedTo] === undefined ? Created < before : isLeftover(Labels, Names, isLive)),
  );
  const networks = new Set(found.containers.map(({ HostConfig }) => HostConfig.NetworkMode));
  const idle = found.containers.filter(
    ({ Id, Labels, Created }) =>
      Labels[Label.Role] === "sandbox" && Created < before && !networks.has(joined(Id)) && ofLiving(Labels),
  );
  await Promise.all([...helpers, ...idle].map(({ Id }) => removeContainer(engine, Id, options)));
  const used = new Set(found.containers.flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name)));
  const unused = found.volumes.filter(
    ({ Name, Labels, ...volume }) =>
      isFilesVolume(Name) && !used.has(Name) && ofLiving(Labels) && createdBefore(volume, before),
  );
  await Promise.all(unused.map(({ Name }) => removeVolume(engine, Name, options)));
}

/** The library's types do not know this field, which the Engine has sent since version 17.06. */
function createdBefore(volume: object, seconds: number): boolean {
  const { CreatedAt } = volume as { CreatedAt?: unknown };
  return typeof CreatedAt === "string" && Date.parse(CreatedAt) / 1000 < seconds;
}

function isExpendable({ Labels }: Docker.VolumeInspectInfo): boolean {
  return Labels?.[DockerLabel.Retain] !== "true";
}

async function listContainers(
  { engine }: Removal,
  labels: Record<string, string>,
  options: CallOptions,
): Promise<Docker.ContainerInfo[]> {
  const filters = { label: labelFilters(labels) };
  return await engine.call("list containers", (docker) => docker.listContainers({ all: true, filters }), options);
}

async function listVolumes(
  { engine }: Removal,
  labels: Record<string, string>,
  options: CallOptions,
): Promise<Docker.VolumeInspectInfo[]> {
  const filters = { label: labelFilters(labels) };
  const { Volumes } = await engine.call("list volumes", (docker) => docker.listVolumes({ filters }), options);
  return Volumes ?? [];
}

async function removeContainer(engine: EngineClient, id: string, { signal }: CallOptions): Promise<void> {
  const remove = (docker: Docker) => docker.getContainer(id).remove({ force: true, v: true });
  try {
    await engine.call("remove a container", remove, { signal, timeoutMs: REMOVE_TIMEOUT_MS });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
