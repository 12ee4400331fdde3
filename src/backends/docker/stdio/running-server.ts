import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Owner } from "../../backend.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { isStdio, type Maker, ownerFromLabels } from "../workloads/object-labels.ts";

export interface StdioParts {
  readonly engine: EngineClient;
  readonly maker: Maker;
}

/** For the Engine to open a stream, which is at once where it is well. */
export const ATTACH_TIMEOUT_MS = 10_000;

/**
 * A workload of this backend that speaks MCP over its streams, and runs. Nobody gets the streams of anything else, whatever id
 * they have. @throws {TransientError}
 */
export async function runningServer(
  { engine, maker }: StdioParts,
  id: string,
  options: CallOptions,
): Promise<{ readonly owner: Owner; readonly inspected: Docker.ContainerInspectInfo }> {
  const inspected = await inspect(engine, id, options);
  const { Config, State } = inspected;
  const owner = ownerFromLabels(Config.Labels, maker);
  if (!owner || Config.Labels[Label.Role] !== "workload" || !isStdio(Config.Labels))
    throw new TransientError(Reason.BackendError, `container ${id.slice(0, 12)} is no server of stdio`);
  if (!State.Running || State.Restarting || State.Paused) throw notRunning(id, State.Status);
  return { owner, inspected };
}

export function notRunning(id: string, status: string): TransientError {
  return new TransientError(Reason.BackendError, `container ${id.slice(0, 12)} does not run: it is ${status}`);
}

async function inspect(engine: EngineClient, id: string, options: CallOptions): Promise<Docker.ContainerInspectInfo> {
  try {
    return await engine.call("inspect a container", (docker) => docker.getContainer(id).inspect(), options);
  } catch (error) {
    throw hasStatus(error, 404) ? notRunning(id, "gone") : error;
  }
}

/** Its streams, of which standard error stays in the log. */
export function attachPath(id: string): string {
  return `/containers/${id}/attach?stream=1&stdin=1&stdout=1`;
}
