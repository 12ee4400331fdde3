import type Docker from "dockerode";
import type { NetworkRules } from "../../../guardrails/confinement.ts";

const PREFIX = "container:";

/** Pure. The Engine's word for living in another container's network. */
export function joined(sandbox: string): string {
  return `${PREFIX}${sandbox}`;
}

/** Pure. The container whose network this one lives in; undefined: it has one of its own. */
export function joinedContainer({ HostConfig }: Pick<Docker.ContainerInspectInfo, "HostConfig">): string | undefined {
  const { NetworkMode = "" } = HostConfig;
  return NetworkMode.startsWith(PREFIX) ? NetworkMode.slice(PREFIX.length) : undefined;
}

/** Pure. Whether the server's port is to be reached from outside. */
export function isPublished(rules: NetworkRules | undefined): boolean {
  return rules === undefined || rules.ingressPorts.length > 0;
}
