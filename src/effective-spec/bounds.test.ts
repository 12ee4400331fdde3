import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { neighbours, overrides, PATHS, PORTS, profiles } from "../../test/support/arbitrary-guardrails.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { WorkloadSpec } from "../backends/backend.ts";
import type { Bound } from "../guardrails/bounds.ts";
import { effectiveGuardrails, type NamedProfile } from "../guardrails/effective-guardrails.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { widens } from "../guardrails/widens.ts";
import { TerminalError } from "../machinery/errors.ts";
import { canonicalJson } from "./canonical-json.ts";
import { type EffectiveSpec, type EffectiveSpecInput, effectiveSpec } from "./effective-spec.ts";
import type { CatalogLayer } from "./layers.ts";
import { workloadSpec } from "./workload.ts";

const backend: EffectiveSpecInput["backend"] = {
  name: "docker",
  type: "docker",
  defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } },
  capabilities: undefined,
};

const boundOf = (profile: NamedProfile): Bound => ({
  origin: "namespace team-a",
  profile: profile.metadata.name,
  guardrails: effectiveGuardrails(profile),
});

const resources = fc.record(
  { cpu: fc.constantFrom("100m", "1"), memory: fc.constantFrom("32Mi", "1Gi"), pids: fc.constantFrom(5, 80) },
  { requiredKeys: [] },
);
/** Mostly one key of them, so that what comes out is inside of its bound now and then. */
const fewOverrides = fc
  .tuple(overrides, fc.integer({ min: 0, max: 7 }))
  .map(([given, at]) => Object.fromEntries(Object.entries(given).slice(at, at + 1)) as typeof given);

const catalogs: fc.Arbitrary<CatalogLayer> = fc.record(
  { resources, guardrails: fc.record({ overrides: fewOverrides }), transport: fc.constant({ port: 9090 }) },
  { requiredKeys: [] },
);

const specs: fc.Arbitrary<RuntimeDeploymentSpec> = fc
  .record({
    given: fewOverrides,
    named: fc.boolean(),
    resources,
    paths: fc.uniqueArray(fc.constantFrom(...PATHS, "/cache/x", "/other"), { maxLength: 1 }),
    port: fc.constantFrom(undefined, ...PORTS),
    probe: fc.constantFrom("mcp" as const, "none" as const),
  })
  .map(({ given, named, resources, paths, port, probe }) => ({
    source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } },
    ...(port !== undefined && { transport: { port } }),
    guardrails: { overrides: given, ...(named && { profile: "generated" }) },
    resources,
    volumes: paths.map((mountPath, at) => ({ name: `v${at}`, mountPath, readOnly: false, volume: { retain: false } })),
    desiredState: "Running",
    restartPolicy: "Always",
    health: { probe, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
  }));

/** Undefined where it is refused, by whatever reason. */
function attempt(input: EffectiveSpecInput): EffectiveSpec | undefined {
  try {
    return effectiveSpec(input);
  } catch (error) {
    expect(error).toBeInstanceOf(TerminalError);
    return undefined;
  }
}

function workload(spec: EffectiveSpec): WorkloadSpec {
  return workloadSpec({
    owner: { uid: "u", namespace: "n", name: "d" },
    generation: 1,
    spec,
    resolved: {
      env: {},
      secretVariables: new Set(),
      mounts: spec.volumes.filter((volume) => volume.kind === "volume" || volume.kind === "tmpfs"),
      dockerConfig: undefined,
      seccompProfile: "{}",
    },
    image: { pinned: "files@sha256:1" },
    hashKey: undefined,
  });
}

/** What a backend is told to make, held against a bound without the code that compares guardrails. */
function expectInside(
  made: WorkloadSpec,
  { network, filesystem, resources, capabilities, ...bound }: Guardrails,
): void {
  const { confinement, limits } = made;
  expect(limits.cpuMillis).toBeLessThanOrEqual(resources.maxCpuMillis ?? Infinity);
  expect(limits.memoryBytes).toBeLessThanOrEqual(resources.maxMemoryBytes ?? Infinity);
  expect(limits.pids).toBeLessThanOrEqual(resources.maxPids ?? Infinity);
  if (filesystem.readOnlyRoot) expect(confinement.readOnlyRoot).toBe(true);
  for (const { path } of made.mounts)
    expect(
      (filesystem.allowedMounts ?? ["/"]).some((root) => `${path}/`.startsWith(root === "/" ? "/" : `${root}/`)),
    ).toBe(true);
  if (bound.runAsNonRoot) expect(confinement.runAsNonRoot).toBe(true);
  if (bound.seccomp.type !== "Unconfined") expect(confinement.seccomp.kind).not.toBe("unconfined");
  if (bound.appArmor.type !== "Unconfined") expect(confinement.appArmor.kind).not.toBe("unconfined");

  const restricted = network.egress.kind !== "open" || network.ingressPorts !== undefined;
  if (restricted) expect(confinement.network).toBeDefined();
  if (network.egress.kind === "closed") expect(confinement.network?.egress).toEqual({ kind: "closed" });
  if (network.egress.kind === "listed") expect(confinement.network?.egress.kind).not.toBe("open");
  if (restricted)
    for (const port of confinement.network?.ingressPorts ?? [])
      expect([made.port, ...(network.ingressPorts ?? [])]).toContain(port);
  if (network.ingressPorts?.length === 0) expect(confinement.network?.ingressPorts).toEqual([]);

  if (capabilities.dropAll && capabilities.add.length === 0) {
    expect(confinement.capabilities).toEqual({ dropAll: true, add: [] });
  }
  if (confinement.network)
    for (const name of ["NET_RAW", "SETUID", "SYS_ADMIN"]) expect(confinement.capabilities.add).not.toContain(name);
}

describe("whatever profile, overrides, catalog entry and deployment say", () => {
  it("nothing comes out that is wider than its bound", () => {
    let accepted = 0;
    fc.assert(
      fc.property(neighbours, specs, fc.option(catalogs, { nil: undefined }), ([profile, bound], spec, catalog) => {
        const input = {
          deployment: { metadata: { namespace: "n" }, spec },
          profile,
          bounds: [boundOf(bound)],
          backend,
          ...(catalog && { catalog }),
        };
        const found = attempt(input);
        if (!found) return;
        accepted++;
        expect(widens(found.guardrails, effectiveGuardrails(bound))).toEqual([]);
        expectInside(workload(found), effectiveGuardrails(bound));
      }),
      { numRuns: 4000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it("both bounds hold", () => {
    fc.assert(
      fc.property(neighbours, profiles, specs, ([profile, near], far, spec) => {
        const [one, other] = [boundOf(near), boundOf(far)];
        const with_ = (bounds: readonly Bound[]) =>
          attempt({ deployment: { metadata: { namespace: "n" }, spec }, profile, bounds, backend });
        expect(with_([one, other]) !== undefined).toBe(with_([one]) !== undefined && with_([other]) !== undefined);
      }),
    );
  });

  it("what was kept with a workload is judged by a later bound as its spec would be", () => {
    fc.assert(
      fc.property(profiles, neighbours, specs, (_, [profile, later], spec) => {
        const input = { deployment: { metadata: { namespace: "n" }, spec }, profile, bounds: [], backend };
        const running = attempt(input);
        if (!running) return;
        const kept: Guardrails = JSON.parse(JSON.stringify(workload(running).guardrails));
        const allowed = attempt({ ...input, bounds: [boundOf(later)] }) !== undefined;
        expect(widens(kept, effectiveGuardrails(later)).length === 0).toBe(allowed);
      }),
      { numRuns: 1000 },
    );
  });

  it("the effective spec is plain JSON, and equal input gives equal text", () => {
    fc.assert(
      fc.property(profiles, specs, catalogs, (profile, spec, catalog) => {
        const input = { deployment: { metadata: { namespace: "n" }, spec }, catalog, profile, bounds: [], backend };
        const found = attempt(input);
        if (!found) return;
        const text = canonicalJson(found);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(text));
        expect(canonicalJson(effectiveSpec(structuredClone(input)))).toBe(text);
      }),
    );
  });
});

describe("an attempt to escape by a field that nobody has", () => {
  const escapes = {
    privileged: true,
    hostNetwork: true,
    networkMode: "host",
    hostPID: true,
    pidMode: "host",
    ipcMode: "host",
    usernsMode: "host",
    devices: ["/dev/kmsg"],
    binds: ["/var/run/docker.sock:/var/run/docker.sock"],
    securityOpt: ["seccomp=unconfined"],
  };

  it("changes nothing, in whatever layer it stands", () => {
    fc.assert(
      fc.property(profiles, specs, catalogs, (profile, spec, catalog) => {
        const input: EffectiveSpecInput = {
          deployment: { metadata: { namespace: "n" }, spec },
          catalog,
          profile,
          bounds: [],
          backend,
        };
        const given = spec.guardrails?.overrides;
        const hostile = {
          ...input,
          catalog: { ...catalog, ...escapes, guardrails: { ...catalog.guardrails, ...escapes } },
          profile: {
            ...profile,
            spec: { ...profile.spec, ...escapes, capabilities: { ...profile.spec.capabilities, ...escapes } },
          },
          deployment: {
            metadata: { namespace: "n" },
            spec: {
              ...spec,
              ...escapes,
              source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" as const, ...escapes } },
              resources: { ...spec.resources, ...escapes },
              guardrails: {
                ...spec.guardrails,
                overrides: { ...given, ...escapes, network: { ...given?.network, ...escapes } },
              },
            },
          },
        };
        const [honest, found] = [attempt(input), attempt(hostile)];
        expect(found && workload(found)).toEqual(honest && workload(honest));
      }),
    );
  });

  it("has no member of a workload to stand in", () => {
    fc.assert(
      fc.property(profiles, specs, (profile, spec) => {
        const found = attempt({ deployment: { metadata: { namespace: "n" }, spec }, profile, bounds: [], backend });
        if (!found) return;
        const made = workload(found);
        expect(Object.keys(made).sort()).toEqual([
          "args",
          "command",
          "confinement",
          "env",
          "generation",
          "guardrails",
          "hash",
          "image",
          "limits",
          "liveness",
          "mounts",
          "owner",
          "port",
          "processHash",
          "readiness",
          "restartPolicy",
          "scaling",
          "secretVariables",
          "visibility",
        ]);
        expect(Object.keys(made.confinement).sort()).toEqual([
          "appArmor",
          "capabilities",
          "network",
          "readOnlyRoot",
          "runAsNonRoot",
          "seccomp",
        ]);
      }),
    );
  });

  it("finds no host path in a catalog entry, which has no volumes", () => {
    const volumes = [{ name: "s", mountPath: "/s", readOnly: false, hostPath: { path: "/var/run/docker.sock" } }];
    fc.assert(
      fc.property(profiles, specs, (profile, spec) => {
        const catalog = { volumes } as CatalogLayer;
        const found = attempt({
          deployment: { metadata: { namespace: "n" }, spec },
          catalog,
          profile,
          bounds: [],
          backend,
        });
        expect(found?.volumes.some(({ kind }) => kind === "hostPath") ?? false).toBe(false);
      }),
    );
  });
});
