import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { effectiveSpecs, findings, upkeeps } from "../../test/support/arbitrary-effective-spec.ts";
import type { ConfigMap } from "../api/core.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import { type Found, readReviewed, reviewedSpec, specDigest } from "./reviewed-spec.ts";

const hex = "0123456789abcdef".repeat(4);
const configMap = (name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    ...{ namespace: "team-a", name, uid: "u", resourceVersion: "1" },
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  data,
});

/** Changing any of this changes digests that are stored: then the form needs another version. */
const plain: EffectiveSpec = {
  backend: "docker",
  source: { kind: "image", reference: "nginx:1.25", pullPolicy: "IfNotPresent", pullSecret: undefined },
  command: undefined,
  args: undefined,
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails: {
    profile: "unrestricted",
    enforcement: "Warn",
    network: { egress: { kind: "open" }, ingressPorts: undefined, transportPort: 8080 },
    filesystem: { readOnlyRoot: false, allowedMounts: undefined },
    capabilities: { dropAll: false, add: [] },
    resources: { maxCpuMillis: undefined, maxMemoryBytes: undefined, maxPids: undefined },
    seccomp: { type: "RuntimeDefault" },
    appArmor: { type: "RuntimeDefault" },
    runAsNonRoot: false,
    recommendedBackends: [],
  },
  limits: { cpuMillis: 500, memoryBytes: 512 * 1024 ** 2, pids: 100 },
  limitNotes: ["a note"],
  env: [],
  envFrom: [],
  volumes: [],
  restartPolicy: "Always",
  scaling: undefined,
  visibility: undefined,
  reachNotes: [],
  desiredState: "Running",
  health: { probe: "mcp", path: "/mcp", periodMs: 30_000, timeoutMs: 5000, failureThreshold: 3 },
};

const full: EffectiveSpec = {
  ...plain,
  backend: "code-engine",
  source: {
    kind: "git",
    url: "https://github.com/acme/files",
    revision: "main",
    contextDir: "server",
    dockerfile: "Dockerfile",
    buildArgs: { B: "2", A: "1" },
    credentialsSecret: "git",
    push: { repository: "us.icr.io/acme/files", secret: "push" },
    timeoutSeconds: 600,
    rebuild: "2",
  },
  command: ["node"],
  args: ["server.js", "--root", "/data"],
  transport: { type: "sse", port: 3000, path: "/sse" },
  guardrails: {
    profile: "restricted",
    enforcement: "Strict",
    network: {
      egress: {
        kind: "listed",
        hosts: [
          { kind: "name", name: "googleapis.com", wildcard: true, port: 443 },
          { kind: "range", family: 4, cidr: "192.0.2.1/32", port: undefined },
          { kind: "range", family: 6, cidr: "2001:db8::/32", port: 5432 },
        ],
      },
      ingressPorts: [9090],
      transportPort: 3000,
    },
    filesystem: { readOnlyRoot: true, allowedMounts: ["/data", "/tmp"] },
    capabilities: { dropAll: true, add: ["CHOWN", "NET_BIND_SERVICE"] },
    resources: { maxCpuMillis: 1500, maxMemoryBytes: 250_000_000, maxPids: 50 },
    seccomp: { type: "ConfigMap", namespace: "slipway-system", name: "profiles", key: "tight.json" },
    appArmor: { type: "Localhost", name: "mcp-restricted" },
    runAsNonRoot: true,
    recommendedBackends: ["docker"],
  },
  limits: { cpuMillis: 1500, memoryBytes: 250_000_000, pids: 50 },
  env: [
    { name: "MODE", value: "read" },
    { name: "EMPTY" },
    { name: "TOKEN", valueFrom: { secretKeyRef: { name: "api", key: "token" } } },
    { name: "LEVEL", valueFrom: { configMapKeyRef: { name: "settings", key: "level", optional: true } } },
  ],
  envFrom: [{ prefix: "X_", secretRef: { name: "more" } }, { configMapRef: { name: "settings" } }],
  volumes: [
    { name: "data", path: "/data", readOnly: false, kind: "volume", retain: true },
    { name: "memory", path: "/data/m", readOnly: false, kind: "tmpfs", sizeBytes: 64 * 1024 ** 2 },
    { name: "keys", path: "/data/keys", readOnly: true, kind: "secret", objectName: "keys" },
    { name: "conf", path: "/data/conf", readOnly: true, kind: "configMap", objectName: "settings" },
    { name: "host", path: "/data/host", readOnly: true, kind: "hostPath", hostPath: "/srv/files" },
    { name: "slipway-/tmp", path: "/tmp", readOnly: false, kind: "tmpfs", sizeBytes: 64 * 1024 ** 2 },
  ],
  restartPolicy: "OnFailure",
  scaling: { min: 0, max: 3, concurrency: 10, initial: 1, downDelaySeconds: 60, requestTimeoutSeconds: 300 },
  visibility: "private",
};
const found: Found = {
  image: undefined,
  configMaps: [configMap("settings", { level: "info", "a.json": "{}" })],
};
const pulled: Found = { image: `docker.io/library/nginx@sha256:${hex}`, configMaps: [] };

describe("the digest", () => {
  it.each<{ because: string; spec: EffectiveSpec; found: Found; want: string }>([
    {
      because: "a spec that says little",
      spec: plain,
      found: pulled,
      want: "v1:sha256:9ee8948e2bb9e3afe7031712e232383666eecaaac8099038971c354f7a166efe",
    },
    {
      because: "nothing is known of the image",
      spec: plain,
      found: { ...pulled, image: undefined },
      want: "v1:sha256:73d324b713a29e9e099e3dbae633cfba156163f285ef3dc9cd554be932fb169e",
    },
    {
      because: "a spec that says all",
      spec: full,
      found,
      want: "v1:sha256:9893cbdc2af4c6c8db7921b77f69cef3e8cd0d791ec8f2e780cb945953a317a6",
    },
    {
      because: "contents go in by their digest alone",
      spec: full,
      found: { ...found, configMaps: [configMap("settings", { level: "x".repeat(256 * 1024) })] },
      want: "v1:sha256:58563853b952f1f1624acf625a225c4a1777e0db127f6c4a3b904b88af3055b3",
    },
    {
      because: "a package of npm",
      spec: { ...plain, source: { kind: "package", registry: "npm", name: "@scope/server", version: "^1.2" } },
      found: { ...pulled, image: "npm:@scope/server@1.2.3#sha512-AAAA;lock=sha256-AAAA" },
      want: "v1:sha256:867cd9cc832301255c871d168fe667deb0a2a3617de887dfa52999678787a59e",
    },
    {
      because: "a package of PyPI",
      spec: { ...plain, source: { kind: "package", registry: "pypi", name: "server", version: "latest" } },
      found: { ...pulled, image: "pypi:server@1.2.3#sha256-AAAA;lock=sha256-AAAA" },
      want: "v1:sha256:2357234647c84a7b7b2dfc9e935ff97329e0a1524a944180338bda163b394d27",
    },
  ])("is what it was in every release: $because", ({ spec, found, want }) => {
    expect(specDigest(reviewedSpec(spec, found))).toBe(want);
  });

  it("is made of what people can read", () => {
    expect(reviewedSpec(plain, pulled)).toEqual({
      backend: "docker",
      source: { image: { reference: "nginx:1.25", pullPolicy: "IfNotPresent" } },
      image: `docker.io/library/nginx@sha256:${hex}`,
      transport: { type: "streamable-http", port: 8080, path: "/mcp" },
      guardrails: {
        profile: "unrestricted",
        enforcement: "Warn",
        network: { egressAllowed: true },
        filesystem: { readOnlyRoot: false },
        capabilities: { dropAll: false },
        resources: {},
        seccomp: { type: "RuntimeDefault" },
        appArmor: { type: "RuntimeDefault" },
        runAsNonRoot: false,
      },
      resources: { cpu: "500m", memory: "512Mi", pids: 100 },
      restartPolicy: "Always",
    });
  });

  it("is the same whatever the order of members and of ConfigMaps", () => {
    const maps = [configMap("a", { x: "1", y: "2" }), configMap("b", {})];
    const turned = [configMap("b", {}), configMap("a", { y: "2", x: "1" }), configMap("b", {})];
    const digest = specDigest(reviewedSpec(full, { ...found, configMaps: maps }));
    expect(specDigest(reviewedSpec(reversed(full) as EffectiveSpec, { ...found, configMaps: turned }))).toBe(digest);
    expect(specDigest(reversed(reviewedSpec(full, { ...found, configMaps: maps })) as never)).toBe(digest);
  });

  it("is the same when only that changes which no approval is about", () => {
    const digest = specDigest(reviewedSpec(plain, pulled));
    const others: Partial<EffectiveSpec>[] = [
      { desiredState: "Stopped" },
      { health: { ...plain.health, probe: "none", periodMs: 1 } },
      {
        readiness: {
          kind: "http",
          path: "/",
          periodSeconds: 1,
          timeoutSeconds: 1,
          failureThreshold: 1,
          initialDelaySeconds: 1,
        },
      },
      {
        liveness: {
          kind: "tcp",
          path: undefined,
          periodSeconds: 1,
          timeoutSeconds: 1,
          failureThreshold: 1,
          initialDelaySeconds: undefined,
        },
      },
      { limitNotes: [] },
      { reachNotes: ["another"] },
    ];
    expect(others.map((other) => specDigest(reviewedSpec({ ...plain, ...other }, pulled)))).toEqual(
      others.map(() => digest),
    );
  });
});

/** Fields of which only certain values make sense. */
const OTHERS: Readonly<Record<string, unknown>> = {
  pullPolicy: "Never",
  type: "Unconfined",
  enforcement: "Warn",
  restartPolicy: "Never",
  visibility: "public",
  cidr: "198.51.100.0/24",
};
const FIXED = new Set(["kind", "family"]);

/** Which members an approval is about. A member that is added to EffectiveSpec does not compile until somebody decides. */
const REVIEWED: Readonly<Record<keyof EffectiveSpec, boolean>> = {
  ...{ backend: true, source: true, command: true, args: true, transport: true, guardrails: true, limits: true },
  ...{ env: true, envFrom: true, volumes: true, restartPolicy: true, scaling: true, visibility: true },
  ...{ limitNotes: false, reachNotes: false, desiredState: false, health: false, readiness: false, liveness: false },
};

describe("every field", () => {
  // The transport's port stands in the guardrails only so that they can be compared.
  const spec = withoutMember(full, ["guardrails", "network", "transportPort"]) as EffectiveSpec;
  const mutants = Object.entries(REVIEWED)
    .filter(([, isReviewed]) => isReviewed)
    .flatMap(([name]) => mutationsOf(spec[name as keyof EffectiveSpec], [name]));

  it("is mutated, in many ways", () => {
    expect(mutants.length).toBeGreaterThan(100);
  });

  it("changes the digest when it changes", () => {
    const digest = specDigest(reviewedSpec(spec, found));
    const same = mutants.filter(({ path, value }) => {
      const mutant = withMember(spec, path, value) as EffectiveSpec;
      return specDigest(reviewedSpec(mutant, found)) === digest;
    });
    expect(same.map(({ path }) => path.join("."))).toEqual([]);
  });

  it("gives a digest that no other change gives", () => {
    const digests = mutants.map(({ path, value }) =>
      specDigest(reviewedSpec(withMember(spec, path, value) as EffectiveSpec, found)),
    );
    expect(new Set(digests).size).toBe(digests.length);
  });

  it("of an image and of ConfigMaps counts, too", () => {
    const others: Found[] = [
      { ...found, image: `us.icr.io/acme/files@sha256:${hex}` },
      { ...found, configMaps: [] },
      { ...found, configMaps: [configMap("settings", { level: "debug", "a.json": "{}" })] },
      { ...found, configMaps: [configMap("other", { level: "info", "a.json": "{}" })] },
      { ...found, configMaps: [...found.configMaps, configMap("more", {})] },
      { ...found, configMaps: [{ ...configMap("settings", {}), binaryData: { level: "info", "a.json": "{}" } }] },
    ];
    const digests = [found, ...others].map((each) => specDigest(reviewedSpec(full, each)));
    expect(new Set(digests).size).toBe(others.length + 1);
  });
});

describe("readReviewed", () => {
  it("gives the effective spec back, but for notes and what is as today", () => {
    fc.assert(
      fc.property(effectiveSpecs, findings, upkeeps, (spec, found, today) => {
        const stored: unknown = JSON.parse(JSON.stringify(reviewedSpec(spec, found)));
        const read = readReviewed(stored, today);
        const want = { ...spec, ...today };
        if (!jsonEqual(read.spec, want)) expect(read.spec).toEqual(want);
        expect(read.image).toBe(found.image);
        expect(reviewedSpec(read.spec, { image: read.image, configMaps: found.configMaps })).toEqual(stored);
        expect(specDigest(stored as never)).toBe(specDigest(reviewedSpec(spec, found)));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the contents of ConfigMaps, or their digest where they are too large", () => {
    const small = readReviewed(reviewedSpec(full, found), plain).configMaps;
    expect(small).toEqual([{ namespace: "team-a", name: "settings", data: { level: "info", "a.json": "{}" } }]);
    const configMaps = [configMap("a", { a: "x".repeat(200_000) }), configMap("b", { b: "y".repeat(100_000) })];
    const large = readReviewed(reviewedSpec(full, { ...found, configMaps }), plain).configMaps;
    expect(large).toEqual([
      { namespace: "team-a", name: "a", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { namespace: "team-a", name: "b", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
  });

  const reviewed = reviewedSpec(full, found);
  it.each<{ because: string; value: unknown; message: RegExp }>([
    { because: "it is no object", value: "v1", message: /it is no object/ },
    { because: "a member is missing", value: { ...reviewed, backend: undefined }, message: /backend is no text/ },
    { because: "a newer release wrote it", value: { ...reviewed, sidecars: [] }, message: /sidecars is not known/ },
    {
      because: "deep inside, too",
      value: { ...reviewed, guardrails: { ...reviewed.guardrails, network: { egressAllowed: true, mtls: true } } },
      message: /guardrails\.network\.mtls is not known/,
    },
    {
      because: "a source is of a kind that is not known",
      value: { ...reviewed, source: { npm: { package: "x" } } },
      message: /source\.npm is not known/,
    },
    {
      because: "a package is of two registries",
      value: { ...reviewed, source: { package: { npm: "x", pypi: "x", version: "1" } } },
      message: /source\.package must have one of npm, pypi/,
    },
    {
      because: "a package is of no registry",
      value: { ...reviewed, source: { package: { version: "1" } } },
      message: /source\.package must have one of npm, pypi/,
    },
    { because: "it has no source", value: { ...reviewed, source: {} }, message: /source must have one of image, git/ },
    {
      because: "a volume is of two kinds",
      value: {
        ...reviewed,
        volumes: [{ name: "v", mountPath: "/v", readOnly: false, tmpfs: { sizeLimit: "1Mi" }, secret: { name: "s" } }],
      },
      message: /volumes\[0\] must have one of/,
    },
    {
      because: "a quantity is none",
      value: { ...reviewed, resources: { ...reviewed.resources, cpu: "lots" } },
      message: /resources\.cpu: lots/,
    },
    {
      because: "a host is none",
      value: {
        ...reviewed,
        guardrails: { ...reviewed.guardrails, network: { egressAllowed: true, allowedHosts: ["a b"] } },
      },
      message: /allowedHosts/,
    },
  ])("refuses what it cannot read in full: $because", ({ value, message }) => {
    expect(() => readReviewed(value, plain)).toThrow(
      expect.objectContaining({
        name: "TerminalError",
        reason: "InvalidSpec",
        message: expect.stringMatching(message),
      }),
    );
  });
});

it("holds the names of Secrets, which is all that an effective spec has of them", () => {
  const text = JSON.stringify(reviewedSpec(full, found));
  for (const name of ["git", "push", "api", "more", "keys"]) expect(text).toContain(`"name":"${name}"`);
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

interface Mutation {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** Every leaf changed by itself, and every list made longer, shorter and turned around. */
function mutationsOf(value: unknown, path: readonly (string | number)[]): Mutation[] {
  const last = String(path.at(-1));
  if (FIXED.has(last) || value === undefined) return [];
  // Of a list of types, and so of the transport's.
  if (path.join(".") === "transport.type") return [{ path, value: "streamable-http" }];
  if (Object.hasOwn(OTHERS, last)) return [{ path, value: OTHERS[last] }];
  if (typeof value === "string") return [{ path, value: `${value}x` }];
  if (typeof value === "number") return [{ path, value: value + 1 }];
  if (typeof value === "boolean") return [{ path, value: !value }];
  if (Array.isArray(value)) {
    const lists: unknown[][] = [value.slice(1), ...(value.length > 1 ? [value.toReversed()] : [])];
    const isPromised = (item: unknown) => JSON.stringify(item).includes("slipway-/");
    return [
      ...lists.map((list) => ({ path, value: list })),
      ...value.flatMap((item, at) => (isPromised(item) ? [] : mutationsOf(item, [...path, at]))),
    ];
  }
  return Object.entries(value as object).flatMap(([name, member]) => mutationsOf(member, [...path, name]));
}

function withMember(whole: unknown, [first, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (first === undefined) return value;
  if (Array.isArray(whole)) return whole.with(Number(first), withMember(whole[Number(first)], rest, value));
  const object = whole as Record<string, unknown>;
  return { ...object, [first]: withMember(object[first], rest, value) };
}

function withoutMember(whole: unknown, path: readonly string[]): unknown {
  return withMember(whole, path, undefined);
}
