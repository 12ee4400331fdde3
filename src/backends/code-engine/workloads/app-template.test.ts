import { describe, expect, it } from "@jest/globals";
import { contractSpec } from "../../../../test/contract/backend.ts";
import type { WorkloadSpec } from "../../backend.ts";
import { configNameTrouble } from "../client/rules/names.ts";
import { appTemplate } from "./app-template.ts";
import { appName, marksOf } from "./marks.ts";
import { partsOf } from "./parts.ts";

const maker = { installation: "i-1", backend: "ibm" };
const owner = { uid: "u-1", namespace: "team-a", name: "files" };
const app = appName(maker, owner);
const spec = (patch: Partial<WorkloadSpec> = {}): WorkloadSpec =>
  contractSpec({
    owner,
    image: { pinned: "icr.io/example/files@sha256:1" },
    port: 8080,
    limits: { cpuMillis: 600, memoryBytes: 1.5e9, pids: 100 },
    ...patch,
  });
const make = (patch: Partial<WorkloadSpec> = {}) =>
  appTemplate({ spec: spec(patch), maker, app, attempt: 1, uid: undefined, credentials: undefined });

describe("appTemplate", () => {
  it("takes the largest size within the limits, one instance, and its project only", () => {
    expect(make().prototype).toMatchObject({
      scale_cpu_limit: "0.5",
      scale_memory_limit: "1G",
      scale_min_instances: 1,
      scale_max_instances: 1,
      managed_domain_mappings: "local",
      run_service_account: "none",
      run_compute_resource_token_enabled: false,
    });
  });

  it.each([
    { because: "one, always", scaling: undefined, want: { min: 1, max: 1, initial: 1, delay: 0, timeout: 600 } },
    {
      because: "as many as asked for",
      scaling: { min: 3, max: 250, concurrency: 7 },
      want: { min: 3, max: 250, initial: 3, delay: 0, timeout: 600 },
    },
    {
      because: "none while nobody asks",
      scaling: { min: 0, max: 1, concurrency: 7 },
      want: { min: 0, max: 1, initial: 1, delay: 0, timeout: 600 },
    },
    {
      because: "all that can be said",
      scaling: { min: 0, max: 9, concurrency: 7, initial: 0, downDelaySeconds: 3600, requestTimeoutSeconds: 60 },
      want: { min: 0, max: 9, initial: 0, delay: 3600, timeout: 60 },
    },
  ])("has instances: $because", ({ scaling, want }) => {
    expect(make({ scaling }).prototype).toMatchObject({
      scale_min_instances: want.min,
      scale_max_instances: want.max,
      scale_initial_instances: want.initial,
      scale_down_delay: want.delay,
      scale_request_timeout: want.timeout,
      scale_concurrency: scaling?.concurrency ?? 100,
    });
  });

  it("is ready when it listens, and started again when it ends, unless the spec says otherwise", () => {
    const { prototype } = make();
    expect(prototype.probe_readiness).toEqual({
      type: "tcp",
      port: 8080,
      interval: 5,
      timeout: 2,
      failure_threshold: 3,
    });
    expect(prototype).not.toHaveProperty("probe_liveness");
  });

  it("has the probes that the spec asks for", () => {
    const often = { periodSeconds: 5, timeoutSeconds: 30, failureThreshold: 10 };
    const readiness = { kind: "http", path: "/healthz", initialDelaySeconds: undefined, ...often } as const;
    const liveness = { kind: "tcp", path: undefined, initialDelaySeconds: 4, ...often } as const;
    const asked = { port: 8080, interval: 5, timeout: 30, failure_threshold: 10 };
    expect(make({ readiness, liveness }).prototype).toMatchObject({
      probe_readiness: { type: "http", path: "/healthz", ...asked },
      probe_liveness: { type: "tcp", initial_delay: 4, ...asked },
    });
  });

  it.each([
    { visibility: undefined, want: "local" },
    { visibility: "project", want: "local" },
    { visibility: "private", want: "local_private" },
    { visibility: "public", want: "local_public" },
  ] as const)("is reached by as many as $visibility says", ({ visibility, want }) => {
    expect(make({ visibility }).prototype.managed_domain_mappings).toBe(want);
  });

  it("refuses limits below the smallest size", () => {
    const limits = { cpuMillis: 100, memoryBytes: 1e9, pids: 1 };
    expect(() => make({ limits })).toThrow(expect.objectContaining({ reason: "LimitExceeded" }));
  });

  it("keeps what may be secret out of the app, and refers to it", () => {
    const { prototype, secrets, configMaps } = make({
      env: { MODE: "fast", TOKEN: "hidden" },
      secretVariables: new Set(["TOKEN"]),
    });
    expect(JSON.stringify(prototype)).not.toMatch(/hidden|fast/);
    expect(secrets).toEqual([{ format: "generic", name: expect.any(String), data: { TOKEN: "hidden" } }]);
    expect(configMaps).toEqual([{ name: expect.any(String), data: { MODE: "fast" } }]);
    expect(partsOf(prototype)).toEqual({ secrets: [secrets[0]?.name], configMaps: [configMaps[0]?.name] });
    expect([secrets[0]?.name, configMaps[0]?.name].map((name) => configNameTrouble(name ?? ""))).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("takes any variable for a secret where nobody says otherwise", () => {
    expect(make({ env: { TOKEN: "hidden" } })).toMatchObject({
      configMaps: [],
      secrets: [{ data: { TOKEN: "hidden" } }],
    });
  });

  it("says in each revision whose it is, and from what it was made", () => {
    const { run_env_variables = [] } = make().prototype;
    expect(marksOf({ run_env_variables }, maker)).toEqual({ owner, hash: "first", attempt: 1 });
    expect(marksOf({ run_env_variables }, { ...maker, installation: "other" })).toBeUndefined();
  });

  it("has no endpoint outside where nothing may come in, whatever the visibility", () => {
    const confinement = { ...spec().confinement, network: { egress: { kind: "closed" } as const, ingressPorts: [] } };
    expect(make({ confinement, visibility: "public" }).prototype.managed_domain_mappings).toBe("local");
  });
});
