import type { Condition } from "../api/meta.ts";
import { ConditionType } from "../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeDeployment, RuntimeDeploymentStatus } from "../api/v1alpha1/index.ts";
import { inOneLine } from "../machinery/one-line.ts";
import { age } from "./age.ts";
import { warningLines } from "./guardrail-warnings.ts";
import { table } from "./table.ts";

/** What could be read; where a part could not, why. */
export interface Overview {
  readonly deployments: readonly RuntimeDeployment[];
  readonly backends: readonly RuntimeBackend[];
  readonly problems: readonly string[];
}

/** Both tables for people. Under a row that is not ready stands why. */
export function overview(
  { deployments, backends }: Overview,
  { namespace, allNamespaces, now }: { namespace: string; allNamespaces: boolean; now: Date },
): string {
  const lead = (deployment: RuntimeDeployment) => (allNamespaces ? [deployment.metadata.namespace ?? ""] : []);
  const header = [...(allNamespaces ? ["NAMESPACE"] : []), "NAME", "PHASE", "READY", "TOOLS", "RESTARTS", "AGE", "URL"];
  const sorted = deployments.toSorted((a, b) => sortKey(a).localeCompare(sortKey(b), "en"));
  const first =
    sorted.length === 0
      ? `No RuntimeDeployments${allNamespaces ? "" : ` in namespace ${namespace}`}.\n`
      : withReasons(
          [header, ...sorted.map((item) => [...lead(item), ...cells(item, now)])],
          [undefined, ...sorted.map(reasonNotReady)],
        );
  const places = backends.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, "en"));
  const second =
    places.length === 0
      ? "No RuntimeBackends.\n"
      : withReasons(
          [["BACKEND", "TYPE", "AVAILABLE", "DEPLOYMENTS", "VERSION"], ...places.map(backendCells)],
          [undefined, ...places.map(reasonUnavailable)],
        );
  return `${first}\n${second}`;
}

/** One deployment in full; `usage` in words, where there is something to say of it. */
export function describeDeployment(
  deployment: RuntimeDeployment,
  { now, usage }: { readonly now: Date; readonly usage: string | undefined },
): string {
  const { metadata, spec, status = {} } = deployment;
  const { workload = {}, mcp, guardrails = {} } = status;
  const ready = conditionOf(status.conditions, ConditionType.Ready);
  const facts: [string, string | number | undefined][] = [
    ["Name", metadata.name],
    ["Namespace", metadata.namespace],
    ["Phase", status.phase ?? "Pending"],
    ["Ready", `${ready?.status ?? "Unknown"}${ready ? ` (${ready.reason})` : ""}`],
    ["Message", ready?.message],
    ["URL", status.url],
    ["Backend", workload.backend ?? spec.backend],
    ["Image", workload.image],
    ["Build", status.build && buildText(status.build)],
    ["Workload", workload.id],
    ["Restarts", workload.restartCount],
    ["Guardrails", guardrails.profile],
    ["Bounds", guardrails.bounds?.join(", ")],
    ["Limits", limitsText(guardrails.limits)],
    ["Use", usage],
    ["Age", age(metadata.creationTimestamp, now)],
    [
      "MCP",
      mcp && [mcp.serverInfo?.name, mcp.serverInfo?.version, `(${mcp.protocolVersion})`].filter(Boolean).join(" "),
    ],
    ["Tools", mcp?.tools === undefined ? undefined : [mcp.tools, toolList(mcp.toolNames ?? [], mcp.tools)].join(" ")],
  ];
  const lines = facts.filter(([, value]) => value !== undefined && value !== "");
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason, message }) =>
    [type, value, reason, message].map(inOneLine),
  );
  return [
    table(lines.map(([name, value]) => [`${name}:`, inOneLine(String(value))])),
    ...(conditions.length === 0 ? [] : [table([["CONDITION", "STATUS", "REASON", "MESSAGE"], ...conditions])]),
    ...guardrailsText(guardrails),
    ...buildLogText(status.build?.logTail ?? []),
  ].join("\n");
}

type BuildStatus = NonNullable<RuntimeDeploymentStatus["build"]>;

function buildText({ phase, backend, attempt, commit }: BuildStatus): string {
  const which = attempt === 1 ? "" : `, attempt ${attempt}`;
  const of = commit === undefined ? "" : `, commit ${commit}`;
  return `${phase} on ${backend}${which}${of}`;
}

/** Why a build failed, as far as it said so itself. */
function buildLogText(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [["LAST LINES OF THE BUILD", ...lines.map((line) => `  ${inOneLine(line)}`), ""].join("\n")];
}

type GuardrailsStatus = NonNullable<RuntimeDeploymentStatus["guardrails"]>;

/** How far each field is enforced, then what else to know. */
function guardrailsText({ fields = [], warnings = [] }: GuardrailsStatus): string[] {
  if (fields.length === 0) return [];
  const rows = fields.map(({ field, enforcement, reason }) => [field, enforcement, reason].map(inOneLine));
  const beside = warningLines(warnings, fields);
  return [table([["GUARDRAIL", "ENFORCEMENT", "REASON"], ...rows]), ...(beside === "" ? [] : [beside])];
}

function limitsText(limits: GuardrailsStatus["limits"]): string | undefined {
  return (
    limits &&
    Object.entries(limits)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")
  );
}

function toolList(names: readonly string[], tools: number): string {
  return `${names.join(", ")}${tools > names.length ? ", …" : ""}`;
}

function cells({ metadata, status = {} }: RuntimeDeployment, now: Date): string[] {
  const { workload = {}, mcp } = status;
  return [
    metadata.name,
    status.phase ?? "Pending",
    conditionOf(status.conditions, ConditionType.Ready)?.status ?? "Unknown",
    mcp?.tools === undefined ? "-" : String(mcp.tools),
    String(workload.restartCount ?? 0),
    age(metadata.creationTimestamp, now),
    status.url || "-",
  ].map(inOneLine);
}

function backendCells({ metadata, spec, status = {} }: RuntimeBackend): string[] {
  return [
    metadata.name,
    spec.type,
    conditionOf(status.conditions, ConditionType.Available)?.status ?? "Unknown",
    String(status.deployments ?? 0),
    status.version || "-",
  ].map(inOneLine);
}

function reasonNotReady({ status = {} }: RuntimeDeployment): string | undefined {
  const ready = conditionOf(status.conditions, ConditionType.Ready);
  // One that serves may still have a newer revision that does not.
  const told = ready?.status === "True" ? conditionOf(status.conditions, ConditionType.Stalled) : ready;
  return told && `${told.reason}: ${told.message}`;
}

function reasonUnavailable({ status = {} }: RuntimeBackend): string | undefined {
  const available = conditionOf(status.conditions, ConditionType.Available);
  return available && available.status !== "True" ? `${available.reason}: ${available.message}` : undefined;
}

/** A table whose rows may be followed by a line of explanation. */
function withReasons(rows: string[][], reasons: readonly (string | undefined)[]): string {
  const lines = table(rows).split("\n").slice(0, -1);
  return lines
    .map((line, index) => {
      const reason = reasons[index];
      return reason === undefined ? `${line}\n` : `${line}\n  ${inOneLine(reason)}\n`;
    })
    .join("");
}

function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

function sortKey({ metadata }: RuntimeDeployment): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
