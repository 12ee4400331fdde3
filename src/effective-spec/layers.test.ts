import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { type CatalogLayer, layered, profileNameOf } from "./layers.ts";

const spec = (patch: Partial<RuntimeDeploymentSpec> = {}): RuntimeDeploymentSpec => ({
  source: { image: { reference: "own:1", pullPolicy: "IfNotPresent" } },
  desiredState: "Running",
  restartPolicy: "Always",
  health: { probe: "mcp", periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
  ...patch,
});
const catalog: CatalogLayer = {
  source: { image: { reference: "catalog:1", pullPolicy: "Always" } },
  command: ["serve"],
  args: ["--fast"],
  transport: { type: "sse", port: 3000 },
  env: [
    { name: "A", value: "catalog" },
    { name: "B", value: "catalog" },
  ],
  resources: { cpu: "100m", memory: "64Mi" },
  guardrails: { profile: "restricted", overrides: { network: { ingressPorts: [1] }, resources: { maxPids: 5 } } },
};

describe("a catalog entry below a deployment", () => {
  it.each<{ because: string; given: Partial<RuntimeDeploymentSpec>; want: object }>([
    { because: "the deployment's source is its own", given: {}, want: { source: { image: { reference: "own:1" } } } },
    {
      because: "what the deployment leaves out is the entry's",
      given: {},
      want: {
        command: ["serve"],
        args: ["--fast"],
        transport: { type: "sse", port: 3000 },
        resources: { cpu: "100m", memory: "64Mi" },
        overrides: catalog.guardrails?.overrides,
      },
    },
    {
      because: "a list is taken as a whole, an empty one is none",
      given: { command: ["other"], args: [] },
      want: { command: ["other"], args: ["--fast"] },
    },
    {
      because: "transport and resources go key by key",
      given: { transport: { port: 1 }, resources: { memory: "1Gi", pids: 7 } },
      want: { transport: { type: "sse", port: 1 }, resources: { cpu: "100m", memory: "1Gi", pids: 7 } },
    },
    {
      because: "variables go by name, and keep their order",
      given: {
        env: [
          { name: "C", value: "own" },
          { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
        ],
      },
      want: {
        env: [
          { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
          { name: "B", value: "catalog" },
          { name: "C", value: "own" },
        ],
      },
    },
    {
      because: "overrides go key by key",
      given: { guardrails: { overrides: { network: { egressAllowed: false }, resources: { maxPids: 9 } } } },
      want: { overrides: { network: { egressAllowed: false, ingressPorts: [1] }, resources: { maxPids: 9 } } },
    },
  ])("$because", ({ given, want }) => {
    expect(layered(spec(given), catalog)).toMatchObject(want);
  });

  it("changes nothing in a profile that the deployment names: its overrides were meant for another", () => {
    const given = { profile: "airgapped", overrides: { runAsNonRoot: true } };
    const { overrides } = layered(spec({ guardrails: given }), catalog);
    const unnamed = { network: {}, filesystem: {}, capabilities: {}, resources: {} };
    expect(overrides).toEqual({ ...unnamed, runAsNonRoot: true });
  });

  it("may be the one that says where the server comes from", () => {
    const { source: _, ...rest } = spec();
    expect(layered(rest, catalog).source).toEqual(catalog.source);
    expect(() => layered(rest)).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });
});

it.each<{ own?: string; entry?: string; want: string }>([
  { own: "airgapped", entry: "restricted", want: "airgapped" },
  { entry: "restricted", want: "restricted" },
  { want: "standard" },
])("a deployment that names $own, of an entry that names $entry, runs under $want", ({ own, entry, want }) => {
  const layer: CatalogLayer = entry === undefined ? {} : { guardrails: { profile: entry } };
  expect(profileNameOf(own === undefined ? {} : { guardrails: { profile: own } }, layer)).toBe(want);
});

it("keeps the entry's profile where a deployment only overrides: a standard one could be wider", () => {
  expect(profileNameOf({ guardrails: { overrides: { runAsNonRoot: true } } }, catalog)).toBe("restricted");
});
