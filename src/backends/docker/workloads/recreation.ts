import type Docker from "dockerode";
import { joined } from "./joined-network.ts";
import { DockerLabel } from "./object-labels.ts";

/** What differs in a container that takes the place of another. */
export interface Change {
  /** Undefined where it has none. */
  readonly hostPort: number | undefined;
  /** The container whose network it joins; undefined: it has one of its own, as before. */
  readonly sandbox: string | undefined;
}

/** Pure. The same container once more, by what the Engine tells of it, on another port or in another sandbox. */
export function recreation(
  { Config, HostConfig, Name }: Docker.ContainerInspectInfo,
  { hostPort, sandbox }: Change,
): Docker.ContainerCreateOptions & { name: string } {
  return {
    ...(Config as Docker.ContainerCreateOptions),
    // The name that the Engine gave for want of another, or the sandbox's; the new container gets its own.
    Hostname: "",
    name: Name.replace(/^\//, ""),
    Labels: {
      ...Config.Labels,
      ...(hostPort !== undefined && { [DockerLabel.HostPort]: String(hostPort) }),
      ...(sandbox !== undefined && { [DockerLabel.RestartPolicy]: "Never" }),
    },
    ...(sandbox === undefined
      ? { HostConfig: { ...HostConfig, PortBindings: onPort(HostConfig, hostPort) } }
      : inSandbox(HostConfig, sandbox)),
  };
}

function onPort({ PortBindings }: Docker.HostConfig, hostPort: number | undefined): Docker.PortMap {
  if (hostPort === undefined) return {};
  const bindings = Object.entries((PortBindings ?? {}) as Record<string, Docker.PortBinding[]>);
  return Object.fromEntries(
    bindings.map(([port, list]) => [port, list.map((binding) => ({ ...binding, HostPort: String(hostPort) }))]),
  );
}

/** The Engine refuses ports, its own and the image's, on what joins another's network. */
function inSandbox(
  HostConfig: Docker.HostConfig,
  sandbox: string,
): Pick<Docker.ContainerCreateOptions, "ExposedPorts" | "HostConfig"> {
  return {
    ExposedPorts: {},
    HostConfig: { ...HostConfig, NetworkMode: joined(sandbox), PortBindings: {}, RestartPolicy: { Name: "no" } },
  };
}
