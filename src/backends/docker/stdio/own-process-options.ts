import type Docker from "dockerode";

/** What a client writes and reads would be in it. It goes with the process, and so is only for who looks meanwhile. */
const LOG_CONFIG = { Type: "json-file", Config: { "max-size": "1m", "max-file": "1" } };

/**
 * Pure. One more container of a workload, by what the Engine tells of it: its image, environment, mounts, limits and confinement,
 * in the same network or sandbox. The Engine removes it when it ends, and ends its input when who is attached goes, also where
 * that is a controller that was killed.
 */
export function ownProcessOptions(
  { Config, HostConfig }: Pick<Docker.ContainerInspectInfo, "Config" | "HostConfig">,
  { name, labels }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): Docker.ContainerCreateOptions & { name: string } {
  return {
    ...(Config as Docker.ContainerCreateOptions),
    name,
    Hostname: "",
    Labels: { ...labels },
    // The image's, too: the Engine refuses them in another's network, and nobody asks for any.
    ExposedPorts: {},
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: {
      ...HostConfig,
      PortBindings: {},
      RestartPolicy: { Name: "no" },
      AutoRemove: true,
      LogConfig: LOG_CONFIG,
    },
  };
}
