import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { readGuardrails } from "../../../guardrails/guardrails-json.ts";
import type { Drift, Workload, WorkloadSpec, WorkloadState } from "../../backend.ts";
import { isPublished, joinedContainer } from "./joined-network.ts";
import { networkRules } from "./network-rules.ts";
import {
  DockerLabel,
  hostPortFromLabels,
  isStdio,
  type Maker,
  ownerFromLabels,
  roleFromLabels,
} from "./object-labels.ts";
import { containerName, sandboxName } from "./object-names.ts";
import { type Company, sandboxDrift } from "./sandbox-drift.ts";

/** How workloads are reached and connected, the same for all of a backend. */
export interface Surroundings {
  readonly maker: Maker;
  readonly network: string;
  /** Host name or address that the controller dials. */
  readonly dialHost: string;
}

/** The Engine's "never" is the zero time of Go. */
const NEVER = "0001-01-01T00:00:00Z";

/** A workload that has nothing to do with sandboxes. */
const ALONE: Company = { sandboxes: [], canSandbox: false };

/** Pure. Undefined for a container that this backend did not make, or that is on its way out. */
export function toWorkload(
  inspected: Docker.ContainerInspectInfo,
  around: Surroundings,
  company: Company = ALONE,
): Workload | undefined {
  const labels = inspected.Config.Labels ?? {};
  const owner = ownerFromLabels(labels, around.maker);
  const state = toState(inspected.State);
  if (!owner || labels[Label.Role] !== "workload" || !state) return undefined;
  const hostPort = hostPortFromLabels(labels);
  const alive = state.kind === "running" || state.kind === "paused";
  const role = roleFromLabels(labels);
  const connection = alive ? connectionOf(inspected, around, company) : UNREACHABLE;
  return {
    id: inspected.Id,
    owner,
    role,
    hash: labels[Label.SpecHash] ?? "",
    generation: Number(labels[DockerLabel.Generation] ?? 0),
    image: { pinned: labels[DockerLabel.Image] ?? inspected.Image },
    guardrails: readGuardrails(labels[DockerLabel.Guardrails]),
    state,
    startedAt: inspected.State.StartedAt === NEVER ? undefined : inspected.State.StartedAt,
    platformRestarts: inspected.RestartCount,
    hostPort,
    address: connection.published && hostPort !== undefined ? dialAddress(around.dialHost, hostPort) : undefined,
    ...(isStdio(labels) && OVER_STDIO),
    drift: [
      ...nameDrift("it", inspected.Name, containerName(owner, role)),
      ...company.sandboxes.flatMap(({ name }) => nameDrift("its sandbox", name, sandboxName(owner, role))),
      ...connection.drift,
    ],
  };
}

/** What a container is right after the Engine made it, without asking. */
export function createdWorkload(
  id: string,
  spec: WorkloadSpec,
  { role, hostPort }: { role: Workload["role"]; hostPort: number | undefined },
): Workload {
  return {
    id,
    owner: spec.owner,
    role,
    hash: spec.hash,
    generation: spec.generation,
    image: spec.image,
    guardrails: spec.guardrails,
    state: { kind: "created" },
    startedAt: undefined,
    platformRestarts: 0,
    hostPort,
    address: undefined,
    ...(spec.stdio && OVER_STDIO),
    drift: [],
  };
}

const OVER_STDIO = { reach: { kind: "stdio" } } as const satisfies Pick<Workload, "reach">;

export function dialAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The current workload first; of several, which only a hand could have made, the youngest process first. */
export function byRole(a: Workload, b: Workload): number {
  if (a.role !== b.role) return a.role === "current" ? -1 : 1;
  return (b.startedAt ?? "").localeCompare(a.startedAt ?? "") || a.id.localeCompare(b.id);
}

function toState(state: Docker.ContainerInspectInfo["State"]): WorkloadState | undefined {
  const { ExitCode: exitCode, OOMKilled: outOfMemory } = state;
  const error = state.Error || meaningOf(exitCode);
  switch (state.Status) {
    case "created":
      return { kind: "created" };
    case "running":
      return { kind: "running" };
    case "paused":
      return { kind: "paused" };
    case "restarting":
      return { kind: "restarting", exitCode, outOfMemory, error };
    case "exited":
    case "dead":
      return { kind: "exited", exitCode, outOfMemory, error, at: state.FinishedAt };
    default:
      return undefined;
  }
}

/** What the init process, and any shell, says by an exit code when there is nothing to run. */
function meaningOf(exitCode: number): string {
  if (exitCode === 127) return "its program, or one that it calls, was not found in the image; correct spec.command";
  if (exitCode === 126) return "its program cannot be executed; correct spec.command, or the image's platform";
  return "";
}

interface Connection {
  /** Whether the server's port is open to whoever reaches the machine's address. */
  readonly published: boolean;
  readonly drift: readonly Drift[];
}

const UNREACHABLE: Connection = { published: false, drift: [] };

/** How a workload that runs is connected, by itself or by its sandbox. */
function connectionOf(inspected: Docker.ContainerInspectInfo, around: Surroundings, company: Company): Connection {
  const labels = inspected.Config.Labels;
  const rules = networkRules(labels);
  const wanted = !isStdio(labels) && isPublished(rules);
  const joined = joinedContainer(inspected);
  if (joined !== undefined) {
    const drift = sandboxDrift({ joined, startedAt: inspected.State.StartedAt }, company, around.network);
    return { published: wanted && drift.length === 0, drift };
  }
  if (rules && company.canSandbox)
    return {
      published: false,
      drift: [{ kind: "sandbox", message: "it runs without the sandbox that its rules need" }],
    };
  const port = labels[DockerLabel.Port] ?? "";
  const hostPort = labels[DockerLabel.HostPort] ?? "";
  const bindings = inspected.NetworkSettings.Ports?.[`${port}/tcp`] ?? [];
  const published = wanted && bindings.some(({ HostPort }) => HostPort === hostPort);
  if (!(around.network in (inspected.NetworkSettings.Networks ?? {})))
    return { published, drift: [{ kind: "network", message: `it was disconnected from network ${around.network}` }] };
  if (published || !wanted) return { published, drift: [] };
  return { published, drift: [{ kind: "ports", message: `port ${hostPort} is no longer published` }] };
}

function nameDrift(what: string, actual: string, expected: string): Drift[] {
  const name = actual.replace(/^\//, "");
  return name === expected ? [] : [{ kind: "name", message: `${what} was renamed from ${expected} to ${name}` }];
}
