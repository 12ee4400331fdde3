import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { type BuiltInName, builtInProfile } from "../guardrails/built-in.ts";
import {
  type CatalogLayer,
  type EffectiveSpecInput,
  effectiveSpec,
  examineSpec,
  referencedObjects,
} from "./effective-spec.ts";

const backend: EffectiveSpecInput["backend"] = {
  name: "docker",
  type: "docker",
  defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } },
  capabilities: undefined,
};
const profile = builtInProfile("unrestricted");

/** A spec as the API server stores it. */
const spec = (patch: Partial<RuntimeDeploymentSpec> = {}): RuntimeDeploymentSpec => ({
  source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } },
  transport: { type: "streamable-http", port: 8080 },
  desiredState: "Running",
  restartPolicy: "Always",
  health: { probe: "mcp", periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
  ...patch,
});
const effective = (patch: Partial<RuntimeDeploymentSpec>) =>
  effectiveSpec({ deployment: { metadata: { namespace: "team-a" }, spec: spec(patch) }, profile, bounds: [], backend });

describe("effectiveSpec", () => {
  it.each<{ because: string; given: Partial<RuntimeDeploymentSpec>; want: object }>([
    {
      because: "no transport is streamable HTTP on 8080",
      given: { transport: {} },
      want: { transport: { type: "streamable-http", port: 8080, path: "/mcp" } },
    },
    {
      because: "of a transport that says half the rest is as usual",
      given: { transport: { type: "sse" } },
      want: { transport: { type: "sse", port: 8080, path: "/sse" }, guardrails: { network: { transportPort: 8080 } } },
    },
    {
      because: "streamable HTTP is at /mcp",
      given: {},
      want: { transport: { type: "streamable-http", port: 8080, path: "/mcp" } },
    },
    {
      because: "SSE is at /sse",
      given: { transport: { type: "sse", port: 1 } },
      want: { transport: { type: "sse", port: 1, path: "/sse" } },
    },
    {
      because: "a path is taken",
      given: { transport: { type: "sse", port: 1, path: "/x" } },
      want: { transport: { path: "/x" } },
    },
    {
      because: "limits are the backend's",
      given: {},
      want: { limits: { cpuMillis: 500, memoryBytes: 536_870_912, pids: 100 } },
    },
    {
      because: "each key by itself",
      given: { resources: { memory: "1Gi" } },
      want: { limits: { cpuMillis: 500, memoryBytes: 1_073_741_824, pids: 100 } },
    },
    { because: "an empty command keeps the image's", given: { command: [] }, want: { command: undefined } },
    {
      because: "the http probe asks the transport's path",
      given: {},
      want: { health: { path: "/mcp", periodMs: 30_000, timeoutMs: 5_000 } },
    },
    {
      because: "unless told another",
      given: { health: { ...spec().health, path: "/healthz" } },
      want: { health: { path: "/healthz" } },
    },
    {
      because: "a tmpfs has 64 MiB",
      given: { volumes: [{ name: "t", mountPath: "/t", readOnly: false, tmpfs: {} }] },
      want: { volumes: [{ kind: "tmpfs", sizeBytes: 67_108_864 }] },
    },
    {
      because: "files of a Secret are read only",
      given: { volumes: [{ name: "s", mountPath: "/s", readOnly: false, secret: { name: "x" } }] },
      want: { volumes: [{ kind: "secret", objectName: "x", readOnly: true }] },
    },
    {
      because: "a volume may be retained",
      given: { volumes: [{ name: "d", mountPath: "/d", readOnly: false, volume: { retain: true } }] },
      want: { volumes: [{ kind: "volume", retain: true }] },
    },
  ])("$because", ({ given, want }) => {
    expect(effective(given)).toMatchObject(want);
  });

  it.each<{ given: Partial<RuntimeDeploymentSpec>; message: RegExp }>([
    { given: { resources: { cpu: "lots" } }, message: /^spec\.resources\.cpu: lots: not a quantity/ },
    { given: { resources: { memory: "256m" } }, message: /^spec\.resources\.memory: 256m: .*Mi/ },
    {
      given: { volumes: [{ name: "t", mountPath: "/t", readOnly: false, tmpfs: { sizeLimit: "0" } }] },
      message: /^spec\.volumes\[t\]\.tmpfs\.sizeLimit: /,
    },
    {
      given: { volumes: [{ name: "n", mountPath: "/n", readOnly: false }] },
      message: /^spec\.volumes\[n\]: has no kind/,
    },
  ])("refuses $given by its field", ({ given, message }) => {
    expect(() => effective(given)).toThrow(
      expect.objectContaining({
        name: "TerminalError",
        reason: "InvalidSpec",
        message: expect.stringMatching(message),
      }),
    );
  });
});

describe("under a profile", () => {
  const under = (name: BuiltInName, patch: Partial<RuntimeDeploymentSpec> = {}, catalog?: CatalogLayer) => ({
    ...{
      deployment: { metadata: { namespace: "team-a" }, spec: spec(patch) },
      profile: builtInProfile(name),
      bounds: [],
      backend,
    },
    ...(catalog && { catalog }),
  });

  it("gives what the profile allows at most, and says so", () => {
    const { limits, limitNotes } = effectiveSpec(under("restricted", { resources: { pids: 7 } }));
    expect(limits).toEqual({ cpuMillis: 250, memoryBytes: 268_435_456, pids: 7 });
    expect(limitNotes).toEqual([
      'cpu: 250m, the maximum of GuardrailProfile "restricted" (the default of RuntimeBackend "docker" is 500m)',
      'memory: 256Mi, the maximum of GuardrailProfile "restricted" (the default of RuntimeBackend "docker" is 512Mi)',
    ]);
  });

  it("makes memory of allowed paths that nothing is mounted at", () => {
    const data = { name: "d", mountPath: "/data", readOnly: false, volume: { retain: true } };
    expect(effectiveSpec(under("standard", { volumes: [data] })).volumes).toEqual([
      { name: "d", path: "/data", readOnly: false, kind: "volume", retain: true },
      { name: "slipway-/cache", path: "/cache", readOnly: false, kind: "tmpfs", sizeBytes: 67_108_864 },
    ]);
  });

  it("takes what a catalog entry says, and refuses as if the deployment had said it", () => {
    const catalog: CatalogLayer = {
      args: ["--read-only"],
      transport: { port: 3000 },
      resources: { memory: "64Mi" },
      guardrails: { profile: "restricted", overrides: { network: { ingressPorts: [9090] } } },
    };
    expect(effectiveSpec(under("restricted", {}, catalog))).toMatchObject({
      args: ["--read-only"],
      // The deployment's own transport says 8080.
      transport: { port: 8080 },
      limits: { memoryBytes: 67_108_864 },
      guardrails: { profile: "restricted", network: { ingressPorts: [9090], transportPort: 8080 } },
    });
    const greedy: CatalogLayer = { ...catalog, resources: { memory: "1Gi" } };
    expect(() => effectiveSpec(under("restricted", {}, greedy))).toThrow(/memory 1Gi, at most 256Mi/);
  });

  it("refuses by the first thing that is against it, and can tell all", () => {
    const volumes = [{ name: "d", mountPath: "/data", readOnly: false, tmpfs: {} }];
    const input = under("restricted", { resources: { cpu: 4 }, volumes });
    expect(() => effectiveSpec(input)).toThrow(
      expect.objectContaining({ name: "TerminalError", reason: "LimitExceeded" }),
    );
    const { violations } = examineSpec(input);
    expect(violations.map(({ reason }) => reason)).toEqual(["LimitExceeded", "VolumeNotAllowed"]);
    expect(examineSpec(under("restricted"))).toEqual({ spec: effectiveSpec(under("restricted")), violations: [] });
  });
});

describe("referencedObjects", () => {
  it("finds every reference once", () => {
    const found = referencedObjects(
      spec({
        source: { image: { reference: "a", pullPolicy: "Always", pullSecretRef: { name: "pull" } } },
        env: [
          { name: "A", valueFrom: { secretKeyRef: { name: "s1", key: "k" } } },
          { name: "B", valueFrom: { configMapKeyRef: { name: "c1", key: "k", optional: true } } },
          { name: "C", value: "v" },
        ],
        envFrom: [{ secretRef: { name: "s1" } }, { configMapRef: { name: "c2" } }],
        volumes: [
          { name: "x", mountPath: "/x", readOnly: true, secret: { name: "s2" } },
          { name: "y", mountPath: "/y", readOnly: true, configMap: { name: "c1" } },
        ],
      }),
    );
    expect(found).toEqual({ secrets: ["pull", "s1", "s2"], configMaps: ["c1", "c2"] });
  });
});
