import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { WorkloadSpec } from "../../backend.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { DockerLabel } from "./object-labels.ts";
import { volumeName } from "./object-names.ts";

/**
 * Refuses to mount as retained a volume that was made as one that is not: its label cannot change, so it would be removed
 * with the deployment. The schema refuses the change itself, but not that a volume is taken out and put back.
 * @throws {TerminalError} `VolumeNotAllowed`
 */
export async function checkRetained(
  engine: EngineClient,
  { owner, mounts }: Pick<WorkloadSpec, "owner" | "mounts">,
  options: CallOptions,
): Promise<void> {
  const retained = mounts.filter((mount) => mount.kind === "volume" && mount.retain);
  await Promise.all(
    retained.map(async ({ name }) => {
      const labels = await labelsOf(engine, volumeName(owner, name), options);
      if (labels === undefined || labels[DockerLabel.Retain] === "true") return;
      throw new TerminalError(
        Reason.VolumeNotAllowed,
        `spec.volumes[${name}].volume.retain: the volume exists and was made to be removed with the deployment; use a volume of another name and copy the data`,
      );
    }),
  );
}

/** Undefined where the volume does not exist. */
async function labelsOf(
  engine: EngineClient,
  name: string,
  options: CallOptions,
): Promise<Record<string, string> | undefined> {
  const inspect = (docker: Docker) => docker.getVolume(name).inspect();
  try {
    const { Labels } = await engine.call("inspect a volume", inspect, options);
    return Labels ?? {};
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
