import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import type { Workload, WorkloadSpec } from "../../backend.ts";
import { engineMounts } from "./mounts.ts";
import { DockerLabel, type Maker, ownerLabels } from "./object-labels.ts";
import { containerName } from "./object-names.ts";
import { ENGINE_RESTART_POLICY } from "./restart-policy.ts";

/** Where and how a container is placed, beyond what its spec says. */
export interface Placement {
  readonly role: Workload["role"];
  readonly hostPort: number;
  /** The port was given, not chosen here. */
  readonly hostPortKept: boolean;
  readonly bindAddress: string;
  readonly network: string;
  /** What the Engine knows the image by. */
  readonly image: string;
  /** Whether the Engine has an init process to give. */
  readonly init: boolean;
}

/** 30 MB of logs for each container. */
const LOG_CONFIG = { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } };

/** Pure. Nothing in a spec can ask for privileges, devices or a namespace of the host: there is no way to say so. */
export function containerOptions(
  spec: WorkloadSpec,
  placement: Placement,
  maker: Maker,
): Docker.ContainerCreateOptions & { name: string } {
  const port = `${spec.port}/tcp`;
  return {
    name: containerName(spec.owner, placement.role),
    Image: placement.image,
    ...process(spec),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [port]: {} },
    Labels: labels(spec, placement, maker),
    // Readiness is what MCP answers; a check of the image's own would only cost processes.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...limits(spec.limits),
      ...engineMounts(spec, maker),
      Init: placement.init,
      RestartPolicy: { Name: ENGINE_RESTART_POLICY[restartPolicy(spec, placement)] },
      NetworkMode: placement.network,
      PortBindings: { [port]: [{ HostIp: placement.bindAddress, HostPort: String(placement.hostPort) }] },
      Privileged: false,
      SecurityOpt: ["no-new-privileges"],
      IpcMode: "private",
      LogConfig: LOG_CONFIG,
    },
  };
}

/** Kubernetes' rule: a command replaces ENTRYPOINT and drops CMD, arguments replace CMD. */
function process({ command, args }: WorkloadSpec): Pick<Docker.ContainerCreateOptions, "Entrypoint" | "Cmd"> {
  if (command && command.length > 0) return { Entrypoint: [...command], Cmd: [...(args ?? [])] };
  return args && args.length > 0 ? { Cmd: [...args] } : {};
}

/** A candidate whose process ends has failed its trial. */
function restartPolicy(spec: WorkloadSpec, { role }: Placement): WorkloadSpec["restartPolicy"] {
  return role === "candidate" ? "Never" : spec.restartPolicy;
}

function limits({ cpuMillis, memoryBytes, pids }: WorkloadSpec["limits"]): Docker.HostConfig {
  return {
    NanoCpus: cpuMillis * 1_000_000,
    Memory: memoryBytes,
    // Both equal: no swap on top.
    MemorySwap: memoryBytes,
    PidsLimit: pids,
  };
}

function labels(spec: WorkloadSpec, placement: Placement, maker: Maker): Record<string, string> {
  return {
    ...ownerLabels(maker, spec.owner, "workload"),
    [Label.SpecHash]: spec.hash,
    [DockerLabel.Generation]: String(spec.generation),
    [DockerLabel.Image]: spec.image.pinned,
    [DockerLabel.Port]: String(spec.port),
    [DockerLabel.HostPort]: String(placement.hostPort),
    [DockerLabel.HostPortKept]: String(placement.hostPortKept),
    [DockerLabel.RestartPolicy]: restartPolicy(spec, placement),
    [DockerLabel.Candidate]: String(placement.role === "candidate"),
  };
}
