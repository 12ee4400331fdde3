import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { DockerConfig } from "./docker-config.ts";
import { type EngineAddress, isLoopback } from "./engine/engine-address.ts";
import { dialHost } from "./workloads/dial-host.ts";

/** Why a backend is not available, in the words of its condition. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/**
 * Pure. Ports on the loopback of another machine, or of the machine around a pod, are out of reach. What is bound beyond it is
 * reached from an address of this side's, and sandboxes take connections only from where they are told.
 */
export function endpointProblem(
  address: EngineAddress,
  { spec, sharesLoopback }: Pick<DockerConfig, "spec" | "sharesLoopback">,
): Problem | undefined {
  if (sharesLoopback && (address.kind === "unix" || isLoopback(address.host))) return undefined;
  const { bindAddress, advertiseAddress, allowedSources = [] } = spec.publish;
  const machine = address.kind === "unix" ? "the Engine's machine" : address.host;
  if (!advertiseAddress && isLoopback(dialHost(spec.publish, address))) {
    return notReachable(
      `ports are published on ${bindAddress} of ${machine}, which cannot be reached from here; set spec.docker.publish.bindAddress to an address of that machine, advertiseAddress to the one by which it is known here, and allowedSources`,
    );
  }
  // What is bound to its loopback comes by a proxy of that machine, and so from where the Engine's own proxy does.
  if (isLoopback(bindAddress) || allowedSources.length > 0) return undefined;
  return notReachable(
    `restricted workloads take no connections from here; set spec.docker.publish.allowedSources to the addresses that this controller and its gateway have on the way to ${machine}`,
  );
}

function notReachable(message: string): Problem {
  return { reason: Reason.EndpointsNotReachable, message };
}
