import fc from "fast-check";
import type { ConfigMap } from "../../src/api/core.ts";
import type { EffectiveSpec, Source, Volume } from "../../src/effective-spec/effective-spec.ts";
import type { Found } from "../../src/effective-spec/reviewed-spec.ts";
import { promisedVolumes } from "../../src/effective-spec/volumes.ts";
import { effectiveGuardrails } from "../../src/guardrails/effective-guardrails.ts";
import { overrides, profiles } from "./arbitrary-guardrails.ts";

const text = fc.oneof(fc.constantFrom("", "a", "-x", "ünï", "a\nb", "$(X)", "__proto__"), fc.string({ maxLength: 12 }));
const name = fc.constantFrom("a", "b", "c.d", "e-f", "constructor");
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const key = fc.constantFrom("k", "K.1", "__proto__", "toString");
const texts = fc.dictionary(key, text, { maxKeys: 3 });

const source: fc.Arbitrary<Source> = fc.oneof(
  fc.record({
    kind: fc.constant("image" as const),
    reference: fc.constantFrom("nginx", "ghcr.io/a/b:1", `mcp/x@sha256:${"a".repeat(64)}`),
    pullPolicy: fc.constantFrom("Always" as const, "IfNotPresent" as const, "Never" as const),
    pullSecret: maybe(name),
  }),
  fc.record({
    kind: fc.constant("git" as const),
    url: fc.constantFrom("https://git.test/a", "git@git.test:a"),
    revision: maybe(fc.constantFrom("main", "v1", "a".repeat(40))),
    contextDir: fc.constantFrom("", "server", "a/b"),
    dockerfile: fc.constantFrom("Dockerfile", "x/Dockerfile"),
    buildArgs: texts,
    credentialsSecret: maybe(name),
    push: maybe(fc.record({ repository: fc.constant("us.icr.io/team/files"), secret: maybe(name) })),
    timeoutSeconds: fc.integer({ min: 1, max: 3600 }),
    rebuild: fc.constantFrom("", "1", "2026-01-01"),
  }),
  fc.record({
    kind: fc.constant("package" as const),
    registry: fc.constantFrom("npm" as const, "pypi" as const),
    name: fc.constantFrom("server", "some-server"),
    version: fc.constantFrom("latest", "1.2.3", ">=1,<2"),
  }),
);

/** Bytes that people write, and some that nobody does. */
const bytes = fc.oneof(
  fc.constantFrom(1, 1000, 1024, 250_000_000, 256 * 1024 ** 2, 2 ** 40, Number.MAX_SAFE_INTEGER),
  fc.integer({ min: 1, max: 2 ** 31 }),
);
const limits = fc.record({
  cpuMillis: fc.oneof(fc.constantFrom(1, 250, 1000, 1500, 16_000), fc.integer({ min: 1, max: 1e6 })),
  memoryBytes: bytes,
  pids: fc.integer({ min: 1, max: 4_194_304 }),
});

const keyRef = fc.record({ name, key, optional: fc.boolean() }, { requiredKeys: ["name", "key"] });
const variable = fc.oneof(
  fc.record({ name: fc.constantFrom("A", "B", "C") }),
  fc.record({ name: fc.constantFrom("A", "B", "C"), value: text }),
  fc.record({ name: fc.constantFrom("A", "B", "C"), valueFrom: fc.record({ secretKeyRef: keyRef }) }),
  fc.record({ name: fc.constantFrom("A", "B", "C"), valueFrom: fc.record({ configMapKeyRef: keyRef }) }),
);
const reference = fc.record({ name });
const prefix = fc.record({ prefix: fc.constant("P_") }, { requiredKeys: [] });
const envSource = fc
  .tuple(prefix, fc.oneof(fc.record({ secretRef: reference }), fc.record({ configMapRef: reference })))
  .map(([before, from]) => ({ ...before, ...from }));

const path = fc.constantFrom("/data", "/data/x", "/cache", "/t");
const volumeName = fc.constantFrom("v1", "v2", "v3");
const writable = { name: volumeName, path, readOnly: fc.boolean() };
const volume: fc.Arbitrary<Volume> = fc.oneof(
  fc.record({ ...writable, kind: fc.constant("volume" as const), retain: fc.boolean() }),
  fc.record({ ...writable, kind: fc.constant("tmpfs" as const), sizeBytes: bytes }),
  fc.record({ ...writable, kind: fc.constant("hostPath" as const), hostPath: fc.constantFrom("/srv", "/srv//x/") }),
  fc.record({
    ...{ name: volumeName, path, readOnly: fc.constant(true) },
    ...{ kind: fc.constantFrom("secret" as const, "configMap" as const), objectName: name },
  }),
);

const scaling = fc.record(
  {
    min: fc.integer({ min: 0, max: 3 }),
    max: fc.integer({ min: 1, max: 9 }),
    concurrency: fc.constant(100),
    initial: fc.integer({ min: 0, max: 3 }),
    downDelaySeconds: fc.constantFrom(0, 60),
    requestTimeoutSeconds: fc.constant(600),
  },
  { requiredKeys: ["min", "max", "concurrency"] },
);

export const upkeeps: fc.Arbitrary<Pick<EffectiveSpec, "desiredState" | "health" | "readiness" | "liveness">> =
  fc.record({
    desiredState: fc.constantFrom("Running" as const, "Stopped" as const),
    health: fc.record({
      probe: fc.constantFrom("mcp" as const, "http" as const, "none" as const),
      path: fc.constantFrom("/mcp", "/healthz"),
      periodMs: fc.constantFrom(1000, 30_000),
      timeoutMs: fc.constant(5000),
      failureThreshold: fc.integer({ min: 1, max: 9 }),
    }),
    readiness: fc.constant(undefined),
    liveness: maybe(
      fc.record({
        kind: fc.constant("tcp" as const),
        path: fc.constant(undefined),
        ...{ periodSeconds: fc.constant(10), timeoutSeconds: fc.constant(1), failureThreshold: fc.constant(3) },
        initialDelaySeconds: fc.constant(undefined),
      }),
    ),
  });

/** Effective specs as `effectiveSpec` makes them, without notes. */
export const effectiveSpecs: fc.Arbitrary<EffectiveSpec> = fc
  .record({
    profile: profiles,
    by: overrides,
    upkeep: upkeeps,
    own: fc.uniqueArray(volume, { maxLength: 3, selector: (each) => each.name }),
    rest: fc.record({
      backend: fc.constantFrom("docker", "code-engine"),
      source,
      command: maybe(fc.array(text, { minLength: 1, maxLength: 3 })),
      args: maybe(fc.array(text, { minLength: 1, maxLength: 3 })),
      transport: fc.record({
        type: fc.constantFrom("streamable-http" as const, "sse" as const),
        port: fc.constantFrom(8080, 9090, 1),
        path: fc.constantFrom("/mcp", "/"),
      }),
      limits,
      env: fc.uniqueArray(variable, { maxLength: 3, selector: (each) => each.name }),
      envFrom: fc.array(envSource, { maxLength: 2 }),
      restartPolicy: fc.constantFrom("Always" as const, "OnFailure" as const, "Never" as const),
      scaling: maybe(scaling),
      visibility: maybe(fc.constantFrom("public" as const, "private" as const, "project" as const)),
    }),
  })
  .map(({ profile, by, upkeep, own, rest }) => {
    const guardrails = effectiveGuardrails(profile, by);
    return {
      ...rest,
      ...upkeep,
      guardrails: { ...guardrails, network: { ...guardrails.network, transportPort: rest.transport.port } },
      volumes: [...own, ...promisedVolumes(guardrails, own)],
      limitNotes: [],
      reachNotes: [],
    };
  });

const configMap: fc.Arbitrary<ConfigMap> = fc
  .record({
    name,
    namespace: fc.constantFrom("team-a", "slipway-system"),
    data: maybe(texts),
    binaryData: maybe(texts),
  })
  .map(({ name, namespace, data, binaryData }) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    ...(data && { data }),
    ...(binaryData && { binaryData }),
  }));

export const findings: fc.Arbitrary<Found> = fc.record({
  image: maybe(fc.constantFrom(`ghcr.io/a/b@sha256:${"b".repeat(64)}`, `sha256:${"c".repeat(64)}`)),
  configMaps: fc.uniqueArray(configMap, {
    maxLength: 3,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  }),
});
