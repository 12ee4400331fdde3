import type { ReviewedSpec } from "./reviewed-spec.ts";

/** Undefined: nothing is wrong; else what is, beginning with where. */
type Check = (value: unknown, path: string) => string | undefined;

/**
 * Pure. What keeps a value from being a ReviewedSpec that this release can read in full; undefined: nothing. Members that are not
 * named here are a newer release's, which this one would leave out of what it makes.
 */
export function reviewedShapeProblem(value: unknown): string | undefined {
  return reviewed(value, "");
}

/** Pure. Whether a reviewed spec can have such a member. */
export function isReviewedMember(name: string): boolean {
  return Object.hasOwn(MEMBERS, name);
}

const text: Check = (value, path) => (typeof value === "string" ? undefined : `${path} is no text`);
const flag: Check = (value, path) => (typeof value === "boolean" ? undefined : `${path} is neither true nor false`);
const count: Check = (value, path) => (Number.isSafeInteger(value) ? undefined : `${path} is no whole number`);

function oneOf(...values: readonly string[]): Check {
  return (value, path) =>
    values.some((each) => each === value) ? undefined : `${path} is none of ${values.join(", ")}`;
}

function optional(check: Check): Check {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} is no list`;
    for (const [at, item] of value.entries()) {
      const problem = check(item, `${path}[${at}]`);
      if (problem) return problem;
    }
    return undefined;
  };
}

function mapOf(check: Check): Check {
  return (value, path) =>
    isObject(value) ? first(Object.entries(value), ([key, item]) => check(item, `${path}.${key}`)) : noObject(path);
}

function object(members: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isObject(value)) return noObject(path);
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
    if (unknown !== undefined) return `${below(path, unknown)} is not known to this release`;
    return first(Object.entries(members), ([name, check]) =>
      check(Object.hasOwn(value, name) ? value[name] : undefined, below(path, name)),
    );
  };
}

/** An object with exactly one of some members. */
function choice(members: Readonly<Record<string, Check>>, others: Readonly<Record<string, Check>> = {}): Check {
  const all = object({
    ...others,
    ...Object.fromEntries(Object.entries(members).map(([name, check]) => [name, optional(check)])),
  });
  return (value, path) => {
    const problem = all(value, path);
    if (problem || !isObject(value)) return problem;
    const chosen = Object.keys(members).filter((name) => Object.hasOwn(value, name));
    return chosen.length === 1 ? undefined : `${path} must have one of ${Object.keys(members).join(", ")}`;
  };
}

function first<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = check(item);
    if (problem) return problem;
  }
  return undefined;
}

function noObject(path: string): string {
  return `${path === "" ? "it" : path} is no object`;
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const reference = object({ name: text });
const keyReference = object({ name: text, key: text, optional: optional(flag) });

const source = choice({
  image: object({
    reference: text,
    pullPolicy: oneOf("Always", "IfNotPresent", "Never"),
    pullSecretRef: optional(reference),
  }),
  git: object({
    url: text,
    revision: optional(text),
    contextDir: optional(text),
    dockerfile: text,
    buildArgs: optional(mapOf(text)),
    credentialsRef: optional(reference),
    push: optional(object({ repository: text, secretRef: optional(reference) })),
    timeoutSeconds: count,
    rebuild: optional(text),
  }),
  package: choice({ npm: text, pypi: text }, { version: text }),
  process: object({ command: text, args: optional(listOf(text)), workingDir: optional(text) }),
  remote: object({
    url: text,
    headers: optional(
      listOf(
        object({ name: text, value: optional(text), valueFrom: optional(object({ secretKeyRef: keyReference })) }),
      ),
    ),
  }),
});

const guardrails = object({
  profile: text,
  enforcement: oneOf("Warn", "Strict"),
  network: object({
    egressAllowed: flag,
    allowedHosts: optional(listOf(text)),
    ingressPorts: optional(listOf(count)),
  }),
  filesystem: object({ readOnlyRoot: flag, allowedMounts: optional(listOf(text)) }),
  capabilities: object({ dropAll: flag, add: optional(listOf(text)) }),
  resources: object({ maxCpu: optional(text), maxMemory: optional(text), maxPids: optional(count) }),
  seccomp: object({
    type: oneOf("RuntimeDefault", "Unconfined", "ConfigMap"),
    namespace: optional(text),
    name: optional(text),
    key: optional(text),
  }),
  appArmor: object({ type: oneOf("RuntimeDefault", "Unconfined", "Localhost"), name: optional(text) }),
  runAsNonRoot: flag,
  recommendedBackends: optional(listOf(text)),
});

const volume = choice(
  {
    volume: object({ retain: flag }),
    tmpfs: object({ sizeLimit: text }),
    secret: reference,
    configMap: reference,
    hostPath: object({ path: text }),
  },
  { name: text, mountPath: text, readOnly: flag },
);

const MEMBERS: Readonly<Record<keyof ReviewedSpec, Check>> = {
  backend: text,
  source,
  image: text,
  command: optional(listOf(text)),
  args: optional(listOf(text)),
  transport: object({
    type: oneOf("streamable-http", "sse", "stdio"),
    port: count,
    path: text,
    sessionMode: optional(oneOf("PerSession")),
    forwardAuthorization: optional(flag),
  }),
  guardrails,
  resources: object({ cpu: text, memory: text, pids: count }),
  env: optional(
    listOf(
      object({
        name: text,
        value: optional(text),
        valueFrom: optional(choice({ secretKeyRef: keyReference, configMapKeyRef: keyReference })),
      }),
    ),
  ),
  envFrom: optional(listOf(choice({ secretRef: reference, configMapRef: reference }, { prefix: optional(text) }))),
  volumes: optional(listOf(volume)),
  restartPolicy: oneOf("Always", "OnFailure", "Never"),
  scaling: optional(
    object({
      min: count,
      max: count,
      concurrency: count,
      initial: optional(count),
      downDelaySeconds: optional(count),
      requestTimeoutSeconds: optional(count),
    }),
  ),
  exposure: optional(object({ visibility: oneOf("public", "private", "project") })),
  configMaps: optional(
    listOf(
      object({
        namespace: text,
        name: text,
        data: optional(mapOf(text)),
        binaryData: optional(mapOf(text)),
        sha256: optional(text),
      }),
    ),
  ),
};

const reviewed = object(MEMBERS);
