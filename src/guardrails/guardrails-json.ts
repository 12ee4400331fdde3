import type { NetworkRules } from "./confinement.ts";
import type { Guardrails } from "./guardrails.ts";

/** Pure. JSON with sorted keys, so that equal values give equal texts: what a backend keeps with a workload. */
export function labelJson(value: Guardrails | NetworkRules): string {
  return JSON.stringify(value, (_, member: unknown) => (isObject(member) ? sorted(member) : member));
}

/** Pure. Undefined for a text that is absent or not what `labelJson` writes: what it says may then not be relied on. */
export function readGuardrails(label: string | undefined): Guardrails | undefined {
  return read(label, isGuardrails) as Guardrails | undefined;
}

/** Pure. As above. */
export function readNetworkRules(label: string | undefined): NetworkRules | undefined {
  return read(label, isNetworkRules) as NetworkRules | undefined;
}

type Check = (value: unknown) => boolean;

function read(label: string | undefined, check: Check): unknown {
  if (label === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(label);
    return check(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isNumber: Check = (value) => typeof value === "number";
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.some((each) => each === value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
/** Members that are not named are a newer version's, which this one cannot judge. */
const object =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) &&
    Object.keys(value).every((name) => name in members) &&
    Object.entries(members).every(([name, check]) => check(value[name]));

const isHost = either(
  object({ kind: oneOf("name"), name: isText, wildcard: isFlag, port: optional(isNumber) }),
  object({
    kind: oneOf("range"),
    family: (value) => value === 4 || value === 6,
    cidr: isText,
    port: optional(isNumber),
  }),
);

const isEgress = either(
  object({ kind: oneOf("open", "closed") }),
  object({ kind: oneOf("listed"), hosts: listOf(isHost) }),
);

const isNetworkRules = object({ egress: isEgress, ingressPorts: listOf(isNumber) });

const isGuardrails = object({
  profile: isText,
  enforcement: oneOf("Warn", "Strict"),
  network: object({ egress: isEgress, ingressPorts: optional(listOf(isNumber)), transportPort: optional(isNumber) }),
  filesystem: object({ readOnlyRoot: isFlag, allowedMounts: optional(listOf(isText)) }),
  capabilities: object({ dropAll: isFlag, add: listOf(isText) }),
  resources: object({
    maxCpuMillis: optional(isNumber),
    maxMemoryBytes: optional(isNumber),
    maxPids: optional(isNumber),
  }),
  seccomp: either(
    object({ type: oneOf("RuntimeDefault", "Unconfined") }),
    object({ type: oneOf("ConfigMap"), namespace: isText, name: isText, key: isText }),
  ),
  appArmor: either(
    object({ type: oneOf("RuntimeDefault", "Unconfined") }),
    object({ type: oneOf("Localhost"), name: isText }),
  ),
  runAsNonRoot: isFlag,
  recommendedBackends: listOf(isText),
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
