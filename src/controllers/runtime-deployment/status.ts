import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import { NO_IMAGE, type Workload } from "../../backends/backend.ts";
import { recordedEndpoint } from "../../backends/recorded-endpoint.ts";
import { canonicalJson } from "../../effective-spec/canonical-json.ts";
import { setCondition } from "../../machinery/conditions.ts";
import type { McpFacts } from "../../probe/prober.ts";
import type { Facts, Note } from "./facts.ts";
import { guardrailsApplied } from "./guardrails-applied.ts";
import { originOf } from "./origin.ts";
import { phaseOf } from "./phase.ts";
import { UNCHANGED } from "./scope.ts";
import { type Situation, situationOf } from "./situation.ts";
import { whatRuns } from "./what-runs.ts";

/**
 * Pure. The whole status after one look at the world. Equal facts give an equal status, whenever they are looked at, so
 * that a settled deployment costs no write.
 */
export function summarize(deployment: RuntimeDeployment, facts: Facts, now: Date): RuntimeDeploymentStatus {
  const before = deployment.status ?? {};
  const situation = situationOf(deployment, facts);
  const guardrails = facts.guardrails ?? before.guardrails;
  const conditions = conditionsOf(situation, { ...facts, guardrails }, before.conditions ?? [], now);
  const workload = workloadOf(deployment, facts);
  const url = situation.kind === "serving" ? urlOf(before, workload, facts) : undefined;
  const mcp = mcpOf(before.mcp, facts, now);
  return {
    observedGeneration: facts.generation,
    phase: phaseOf(conditions),
    conditions: [...conditions],
    ...(url !== undefined && { url }),
    ...(facts.approval?.name !== undefined && { approvalRef: { name: facts.approval.name } }),
    ...(workload && { workload }),
    ...(facts.build && { build: facts.build }),
    ...(guardrails && { guardrails }),
    ...(mcp && { mcp }),
  };
}

type NewCondition = Omit<Condition, "lastTransitionTime">;

function conditionsOf(
  situation: Situation,
  facts: Facts,
  before: readonly Condition[],
  now: Date,
): readonly Condition[] {
  const found = [
    ready(situation),
    when(reconciling(situation, facts), ConditionType.Reconciling),
    when(stalled(situation, facts), ConditionType.Stalled),
    approved(situation, facts),
    accepted(situation, facts) ?? kept(ConditionType.Accepted, facts, before),
    guardrailsCondition(situation, facts),
    sourceReady(facts) ?? kept(ConditionType.SourceReady, facts, before),
    workloadAvailable(situation, facts),
    mcpConnected(situation, facts),
  ].filter((condition) => condition !== undefined);
  // Another controller says how it stands with external gateways.
  const still = before.filter(
    ({ type }) => type === ConditionType.Registered || found.some((condition) => condition.type === type),
  );
  return found.reduce<readonly Condition[]>(
    (all, next) => setCondition(all, { ...next, observedGeneration: facts.generation }, now),
    still,
  );
}

function ready({ kind, reason, message }: Situation): NewCondition {
  return { type: ConditionType.Ready, status: kind === "serving" ? "True" : "False", reason, message };
}

/** What the controller is about, beside a server that serves or in the place of one. */
function reconciling(situation: Situation, { failure, step, deleting }: Facts): Note | undefined {
  const { kind } = situation;
  switch (kind) {
    case "deleting":
      return deleting;
    case "working":
    case "failing":
      return situation;
    case "serving":
      return failure?.kind === "unreachable" ? failure : failure ? undefined : step;
    case "stopped":
    case "completed":
    case "stalled":
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** What needs a person, or what keeps a newer revision from taking over. */
function stalled(situation: Situation, { failure }: Facts): Note | undefined {
  if (situation.kind === "stalled") return situation;
  return situation.kind === "serving" && failure && failure.kind !== "unreachable" ? failure : undefined;
}

function accepted(situation: Situation, { accepted, failure, reachNotes }: Facts): NewCondition | undefined {
  if (situation.kind === "deleting" || accepted === undefined) return undefined;
  const message = ["the spec can be run", ...reachNotes].join("; ");
  const note = accepted ? { reason: Reason.Accepted, message } : failure;
  return note && condition(ConditionType.Accepted, accepted ? "True" : "False", note);
}

function approved({ kind }: Situation, { approval }: Facts): NewCondition | undefined {
  if (kind === "deleting" || !approval) return undefined;
  const { status, ...note } = approval.condition;
  return condition(ConditionType.Approved, status, note);
}

function guardrailsCondition({ kind }: Situation, facts: Facts): NewCondition | undefined {
  const found = kind === "deleting" ? undefined : guardrailsApplied(facts, facts.guardrails);
  return found && condition(ConditionType.GuardrailsApplied, found.status, found);
}

const SOURCE_REASONS: ReadonlySet<string> = new Set([
  Reason.ResolvingImage,
  Reason.Pulling,
  Reason.ImageNotFound,
  Reason.ImagePullUnauthorized,
  Reason.ImagePullFailed,
  Reason.PackageNotFound,
  Reason.PackageNotPinned,
  Reason.NoProgram,
  Reason.NpmMissing,
  Reason.RegistryUnavailable,
  Reason.InstallFailed,
]);

function sourceReady({ image, failure, step, build }: Facts): NewCondition | undefined {
  const unbuilt = build !== undefined && build.phase !== "Succeeded";
  const told = failure?.kind === "unreachable" ? [] : [failure, step];
  const note = told.find((each) => each && (unbuilt || SOURCE_REASONS.has(each.reason)));
  if (note) return condition(ConditionType.SourceReady, "False", note);
  return image === undefined
    ? undefined
    : condition(ConditionType.SourceReady, "True", { reason: Reason.Pulled, message: foundSource(image) });
}

function foundSource(image: string): string {
  if (image === NO_IMAGE) return "there is nothing to fetch";
  return image.startsWith("npm:") ? `the package is ${image}` : `the image is ${image}`;
}

function workloadAvailable(situation: Situation, { observed, current, failure }: Facts): NewCondition | undefined {
  if (situation.kind === "deleting") return undefined;
  if (!observed) return failure && condition(ConditionType.WorkloadAvailable, "Unknown", failure);
  if (current?.state.kind !== "running") return condition(ConditionType.WorkloadAvailable, "False", situation);
  return condition(ConditionType.WorkloadAvailable, "True", { reason: Reason.Running, message: whatRuns(current) });
}

function mcpConnected(situation: Situation, { probe, current }: Facts): NewCondition | undefined {
  if (probe !== "mcp" || situation.kind === "deleting") return undefined;
  if (situation.kind === "serving" && situation.reason === Reason.PlatformReady) {
    const message = current?.unreachable ?? situation.message;
    return condition(ConditionType.McpConnected, "Unknown", { reason: Reason.EndpointNotReachable, message });
  }
  return condition(ConditionType.McpConnected, situation.kind === "serving" ? "True" : "False", situation);
}

function condition(type: string, status: Condition["status"], { reason, message }: Note): NewCondition {
  return { type, status, reason, message };
}

function when(note: Note | undefined, type: string): NewCondition | undefined {
  return note && condition(type, "True", note);
}

/** What was found before stays true while this look could not tell; what was wrong with an earlier spec does not. */
function kept(type: string, { generation }: Facts, before: readonly Condition[]): NewCondition | undefined {
  const found = before.find((each) => each.type === type);
  return found && (found.status === "True" || found.observedGeneration === generation)
    ? condition(type, found.status, found)
    : undefined;
}

/** Whether its guardrails let nothing in, so that it has no address for good. */
function isClosed({ current }: Facts): boolean {
  return current?.guardrails?.network.ingressPorts?.length === 0;
}

type WorkloadStatus = RuntimeDeploymentStatus["workload"];

/** Where clients are told to connect to what serves. */
function urlOf(
  before: RuntimeDeploymentStatus,
  workload: WorkloadStatus,
  { current, publicUrl }: Facts,
): string | undefined {
  // Whoever can dial it does so past the gateway, which cannot.
  if (current?.unreachable !== undefined) return workload?.endpoint;
  const isReached = current
    ? current.reach !== undefined || workload?.endpoint !== undefined
    : before.url !== undefined;
  return isReached ? publicUrl : undefined;
}

/** What is known is written down as of now before `url` becomes the gateway's. */
function withEndpoint(deployment: RuntimeDeployment, before: WorkloadStatus): WorkloadStatus {
  const known = before && before.transport === undefined ? recordedEndpoint(deployment) : undefined;
  return known ? { ...before, transport: known.transport, endpoint: known.url } : before;
}

/** One that runs and has no address for a moment keeps what it had. */
function listensAt(deployment: RuntimeDeployment, current: Workload, facts: Facts): string | undefined {
  const { transport } = facts;
  if (current.reach || transport.type === "stdio" || current.state.kind !== "running") return undefined;
  const origin = originOf(current);
  if (origin !== undefined) return `${origin}${transport.path}`;
  const ran = deployment.status?.workload?.id === current.id && !isClosed(facts);
  return ran ? recordedEndpoint(deployment)?.url : undefined;
}

function workloadOf(deployment: RuntimeDeployment, facts: Facts): WorkloadStatus {
  const { current, observed, restartCount, upToDate, driven } = facts;
  const before = deployment.status?.workload;
  // Where none can be chosen, what is left is where it ran.
  const backend = facts.backend ?? before?.backend;
  if (!observed) return withEndpoint(deployment, before);
  if (!current) {
    // The port is kept for what comes next, the count is the deployment's, and what ran is what approvals compare with.
    if (!before) return undefined;
    const { hostPort, generation, digest } = before;
    return {
      ...(backend !== undefined && { backend }),
      ...(facts.gated && generation !== undefined && { generation }),
      ...(facts.gated && digest !== undefined && { digest }),
      ...(hostPort !== undefined && { hostPort }),
      restartCount,
    };
  }
  const ran = before?.id === current.id ? before : undefined;
  const endpoint = listensAt(deployment, current, facts);
  const digest = upToDate && facts.digest !== UNCHANGED ? facts.digest : ran?.digest;
  return {
    ...(backend !== undefined && { backend }),
    id: current.id,
    ...(current.image.pinned !== NO_IMAGE && { image: current.image.pinned }),
    generation: upToDate ? driven : (ran?.generation ?? current.generation),
    ...(digest !== undefined && { digest }),
    transport: facts.transport.type,
    ...(endpoint !== undefined && { endpoint }),
    ...(current.startedAt !== undefined && { startedAt: current.startedAt }),
    restartCount,
    ...(current.hostPort !== undefined && { hostPort: current.hostPort }),
  };
}

function mcpOf(
  before: RuntimeDeploymentStatus["mcp"],
  { verdict, probe }: Facts,
  now: Date,
): RuntimeDeploymentStatus["mcp"] {
  if (probe !== "mcp") return undefined;
  if (verdict?.kind !== "ready" || !verdict.mcp) return before;
  const { since, ...known } = before ?? {};
  const said = describe(verdict.mcp);
  const same = since !== undefined && canonicalJson(known) === canonicalJson(said);
  return { ...said, since: same ? since : seconds(now) };
}

function describe({ protocolVersion, serverInfo, tools, toolNames }: McpFacts) {
  const { name, version } = serverInfo;
  return {
    protocolVersion,
    serverInfo: { name, version },
    ...(tools !== undefined && { tools }),
    toolNames: [...toolNames],
  };
}

/** RFC 3339 with second precision, as Kubernetes writes times. */
function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}
