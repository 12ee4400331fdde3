import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { labelJson } from "../../../guardrails/guardrails-json.ts";
import type { Workload, WorkloadSpec } from "../../backend.ts";
import { isPublished, joined } from "./joined-network.ts";
import { engineMounts } from "./mounts.ts";
import { DockerLabel, type Maker, ownerLabels } from "./object-labels.ts";
import { containerName } from "./object-names.ts";
import { ENGINE_RESTART_POLICY } from "./restart-policy.ts";
import { type Confiners, securityOptions } from "./security-options.ts";

/** Where and how a container is placed, beyond what its spec says. */
export interface Placement {
  readonly role: Workload["role"];
  /** Undefined: nothing is published, since MCP is spoken over standard input and output. */
  readonly hostPort: number | undefined;
  /** The port was given, not chosen here. */
  readonly hostPortKept: boolean;
  readonly bindAddress: string;
  /** What it is connected to, unless it lives in a sandbox. */
  readonly network: string;
  /** Container whose network it joins; undefined: it has one of its own. */
  readonly sandbox: string | undefined;
  /** What the Engine knows the image by. */
  readonly image: string;
  /** Who the image's USER is. */
  readonly uid: number;
  /** Whether the Engine has an init process to give. */
  readonly init: boolean;
  readonly confiners: Confiners;
}

/** 30 MB of logs for each container. */
const LOG_CONFIG = { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } };

/**
 * The Engine writes standard output, too, which is the protocol: it is what bounds how far back standard error goes. JSON
 * compresses to a tenth, so that this is about as much of the disk, and 100 MB at most.
 */
const STDIO_LOG_CONFIG = { Type: "json-file", Config: { "max-size": "20m", "max-file": "5", compress: "true" } };

/** Pure. Nothing in a spec can ask for privileges, devices or a namespace of the host: there is no way to say so. */
export function containerOptions(
  spec: WorkloadSpec,
  placement: Placement,
  maker: Maker,
): Docker.ContainerCreateOptions & { name: string } {
  const ports = network(spec, placement);
  return {
    name: containerName(spec.owner, placement.role),
    Image: placement.image,
    ...process(spec),
    ...(spec.stdio && OPEN_STDIN),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ...ports.exposed,
    Labels: { ...ownerLabels(maker, spec.owner, "workload"), ...placementLabels(spec, placement) },
    // Readiness is what MCP answers; a check of the image's own would only cost processes.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...limits(spec.limits),
      ...engineMounts(spec, placement.uid, maker),
      ...securityOptions(spec.confinement, placement.confiners),
      Init: placement.init,
      RestartPolicy: { Name: ENGINE_RESTART_POLICY[restartPolicy(spec, placement)] },
      ...ports.host,
      Privileged: false,
      IpcMode: "private",
      LogConfig: spec.stdio ? STDIO_LOG_CONFIG : LOG_CONFIG,
    },
  };
}

/** Whoever lets go of its input does not end it: the next one finds the same process. */
const OPEN_STDIN = { OpenStdin: true, StdinOnce: false, Tty: false } as const;

/** Kubernetes' rule: a command replaces ENTRYPOINT and drops CMD, arguments replace CMD. */
function process({ command, args }: WorkloadSpec): Pick<Docker.ContainerCreateOptions, "Entrypoint" | "Cmd"> {
  if (command && command.length > 0) return { Entrypoint: [...command], Cmd: [...(args ?? [])] };
  return args && args.length > 0 ? { Cmd: [...args] } : {};
}

/**
 * The Engine refuses ports on what joins another's network: they are the sandbox's then. Nothing is published where the rules
 * let nothing in, sandbox or not.
 */
function network(
  spec: WorkloadSpec,
  { sandbox, network: name, bindAddress, hostPort }: Placement,
): { exposed: Pick<Docker.ContainerCreateOptions, "ExposedPorts">; host: Docker.HostConfig } {
  if (sandbox !== undefined) return { exposed: {}, host: { NetworkMode: joined(sandbox) } };
  if (hostPort === undefined || !isPublished(spec.confinement.network))
    return { exposed: {}, host: { NetworkMode: name } };
  const port = `${spec.port}/tcp`;
  const PortBindings = { [port]: [{ HostIp: bindAddress, HostPort: String(hostPort) }] };
  return { exposed: { ExposedPorts: { [port]: {} } }, host: { NetworkMode: name, PortBindings } };
}

/**
 * A candidate whose process ends has failed its trial. What lives in a sandbox is started again by the controller, which
 * waits for the sandbox's rules; the Engine would not.
 */
function restartPolicy(spec: WorkloadSpec, { role, sandbox }: Placement): WorkloadSpec["restartPolicy"] {
  return role === "candidate" || sandbox !== undefined ? "Never" : spec.restartPolicy;
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

/** Pure. What a container tells of how it was made, beside its owner. */
function placementLabels(spec: WorkloadSpec, placement: Placement): Record<string, string> {
  const { network: rules } = spec.confinement;
  return {
    [Label.SpecHash]: spec.hash,
    ...revisionLabels(spec, placement),
    [DockerLabel.Image]: spec.image.pinned,
    [DockerLabel.RestartPolicy]: restartPolicy(spec, placement),
    [DockerLabel.Guardrails]: labelJson(spec.guardrails),
    ...(rules && { [DockerLabel.NetworkRules]: labelJson(rules) }),
  };
}

/** Pure. What a workload and its sandbox both tell. */
function revisionLabels(
  spec: Pick<WorkloadSpec, "generation" | "port" | "stdio">,
  { hostPort, hostPortKept, role }: Pick<Placement, "hostPort" | "hostPortKept" | "role">,
): Record<string, string> {
  return {
    [DockerLabel.Generation]: String(spec.generation),
    ...(spec.stdio && { [DockerLabel.Stdio]: "true" }),
    ...(hostPort !== undefined && {
      [DockerLabel.Port]: String(spec.port),
      [DockerLabel.HostPort]: String(hostPort),
      [DockerLabel.HostPortKept]: String(hostPortKept),
    }),
    [DockerLabel.Candidate]: String(role === "candidate"),
  };
}
