import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { effectiveSpecs, findings } from "../../test/support/arbitrary-effective-spec.ts";
import { neighbours, profiles } from "../../test/support/arbitrary-guardrails.ts";
import { PLAIN_REVIEWED_SPEC } from "../../test/support/plain-reviewed-spec.ts";
import type { GuardrailProfileSpec } from "../api/v1alpha1/index.ts";
import { type ReviewedSpec, reviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { DEFAULT_CAPABILITIES } from "../guardrails/held-capabilities.ts";
import { onlyNarrows } from "./narrowing.ts";

const approved: ReviewedSpec = {
  ...PLAIN_REVIEWED_SPEC,
  guardrails: {
    profile: "wide",
    enforcement: "Warn",
    network: { egressAllowed: true, allowedHosts: ["a.test", "*.b.test"], ingressPorts: [9090] },
    filesystem: { readOnlyRoot: false, allowedMounts: ["/data"] },
    capabilities: { dropAll: true, add: ["CHOWN", "KILL"] },
    resources: { maxCpu: "2", maxMemory: "1Gi", maxPids: 100 },
    seccomp: { type: "Unconfined" },
    appArmor: { type: "Unconfined" },
    runAsNonRoot: false,
  },
  resources: { cpu: "1", memory: "512Mi", pids: 50 },
  env: [{ name: "A", value: "1" }],
};
type Guardrails = ReviewedSpec["guardrails"];
const guarded = (patch: Partial<Guardrails>): ReviewedSpec => ({
  ...approved,
  guardrails: { ...approved.guardrails, ...patch },
});
const limited = (patch: Partial<ReviewedSpec["resources"]>): ReviewedSpec => ({
  ...approved,
  resources: { ...approved.resources, ...patch },
});

describe("a change that only narrows", () => {
  it.each<{ because: string; wanted: ReviewedSpec }>([
    { because: "nothing is narrower than itself", wanted: approved },
    { because: "Strict refuses where Warn runs", wanted: guarded({ enforcement: "Strict" }) },
    { because: "no egress", wanted: guarded({ network: { egressAllowed: false, ingressPorts: [9090] } }) },
    {
      because: "fewer hosts",
      wanted: guarded({ network: { egressAllowed: true, allowedHosts: ["x.b.test"], ingressPorts: [9090] } }),
    },
    {
      because: "no further port",
      wanted: guarded({ network: { egressAllowed: true, allowedHosts: ["a.test"] } }),
    },
    {
      because: "a read-only root",
      wanted: guarded({ filesystem: { readOnlyRoot: true, allowedMounts: ["/data/x"] } }),
    },
    { because: "fewer capabilities", wanted: guarded({ capabilities: { dropAll: true } }) },
    { because: "smaller maxima", wanted: guarded({ resources: { maxCpu: "1", maxMemory: "512Mi", maxPids: 50 } }) },
    { because: "a filter where there was none", wanted: guarded({ seccomp: { type: "RuntimeDefault" } }) },
    {
      because: "a profile where there was none",
      wanted: guarded({ appArmor: { type: "Localhost", name: "mcp-standard" } }),
    },
    { because: "another user than root", wanted: guarded({ runAsNonRoot: true }) },
    { because: "another profile that lets no more happen", wanted: guarded({ profile: "other" }) },
    { because: "what a profile recommends lets nothing happen", wanted: guarded({ recommendedBackends: ["docker"] }) },
    { because: "less CPU", wanted: limited({ cpu: "999m" }) },
    { because: "less memory, written otherwise", wanted: limited({ memory: "536870911" }) },
    { because: "fewer processes", wanted: limited({ pids: 49 }) },
    { because: "the same in other units", wanted: limited({ cpu: "1000m", memory: "524288Ki" }) },
  ])("needs no approval: $because", ({ wanted }) => {
    expect(onlyNarrows(approved, wanted)).toBe(true);
  });
});

describe("a change that widens, or is another", () => {
  it.each<{ because: string; wanted: ReviewedSpec; from?: ReviewedSpec }>([
    { because: "Warn runs where Strict refuses", from: guarded({ enforcement: "Strict" }), wanted: approved },
    {
      because: "another host",
      wanted: guarded({ network: { egressAllowed: true, allowedHosts: ["c.test"], ingressPorts: [9090] } }),
    },
    { because: "every host", wanted: guarded({ network: { egressAllowed: true, ingressPorts: [9090] } }) },
    {
      because: "another port",
      wanted: guarded({ network: { egressAllowed: true, allowedHosts: ["a.test"], ingressPorts: [9091] } }),
    },
    { because: "mounts anywhere", wanted: guarded({ filesystem: { readOnlyRoot: false } }) },
    {
      because: "one capability more",
      wanted: guarded({ capabilities: { dropAll: true, add: ["CHOWN", "SYS_TIME"] } }),
    },
    { because: "a maximum less", wanted: guarded({ resources: { maxCpu: "2", maxMemory: "1Gi" } }) },
    { because: "a maximum more", wanted: guarded({ resources: { maxCpu: "3", maxMemory: "1Gi", maxPids: 100 } }) },
    { because: "no filter", from: guarded({ seccomp: { type: "RuntimeDefault" } }), wanted: approved },
    { because: "more CPU", wanted: limited({ cpu: "1001m" }) },
    { because: "more memory", wanted: limited({ memory: "513Mi" }) },
    { because: "more processes", wanted: limited({ pids: 51 }) },
    { because: "a quantity that is none", wanted: limited({ cpu: "few" }) },
    { because: "a host that is none", wanted: guarded({ network: { egressAllowed: true, allowedHosts: ["a b"] } }) },
    {
      because: "narrower here and wider there",
      wanted: { ...guarded({ runAsNonRoot: true }), resources: { cpu: "2", memory: "1Mi", pids: 1 } },
    },
    { because: "another image", wanted: { ...guarded({ runAsNonRoot: true }), image: "other" } },
    {
      because: "another source",
      wanted: { ...approved, source: { image: { reference: "evil", pullPolicy: "IfNotPresent" } } },
    },
    { because: "another backend", wanted: { ...approved, backend: "other" } },
    { because: "another command", wanted: { ...approved, command: ["sh"] } },
    {
      because: "another port of the server",
      wanted: { ...approved, transport: { ...approved.transport, port: 9090 } },
    },
    { because: "another variable", wanted: { ...approved, env: [{ name: "A", value: "2" }] } },
    { because: "no variable", wanted: withoutEnv(approved) },
    {
      because: "a volume",
      wanted: {
        ...approved,
        volumes: [{ name: "d", mountPath: "/data", readOnly: true, tmpfs: { sizeLimit: "1Mi" } }],
      },
    },
    {
      because: "fewer instances are another number",
      wanted: { ...approved, scaling: { min: 0, max: 1, concurrency: 1 } },
    },
    { because: "another restart policy", wanted: { ...approved, restartPolicy: "Never" } },
    {
      because: "contents of a ConfigMap",
      wanted: { ...approved, configMaps: [{ namespace: "n", name: "c", data: { a: "1" } }] },
    },
  ])("needs approval: $because", ({ wanted, from = approved }) => {
    expect(onlyNarrows(from, wanted)).toBe(false);
  });
});

describe("onlyNarrows", () => {
  it.each<{ because: string; stored: unknown }>([
    { because: "nothing is stored", stored: undefined },
    { because: "it has no guardrails", stored: { backend: "docker" } },
    { because: "a newer release wrote it", stored: { ...approved, sidecars: [] } },
    {
      because: "a guardrail is a newer release's",
      stored: { ...approved, guardrails: { ...approved.guardrails, userNamespace: true } },
    },
  ])("takes what it cannot read for another: $because", ({ stored }) => {
    expect(onlyNarrows(stored as ReviewedSpec, approved)).toBe(false);
    expect(onlyNarrows(stored as ReviewedSpec, stored as ReviewedSpec)).toBe(false);
  });

  it("agrees with what each may do, one thing at a time", () => {
    const limits = fc.record({
      cpu: fc.constantFrom("250m", "500m", "1"),
      memory: fc.constantFrom("64Mi", "512Mi", "1Gi"),
      pids: fc.constantFrom(10, 50, 100),
    });
    let narrow = 0;
    fc.assert(
      fc.property(fc.oneof(neighbours, fc.tuple(profiles, profiles)), limits, limits, ([a, b], inner, outer) => {
        const of = (spec: GuardrailProfileSpec, resources: ReviewedSpec["resources"]): ReviewedSpec => ({
          ...approved,
          guardrails: { ...written(spec), profile: "p" },
          resources,
        });
        const [wanted, before] = [of(a.spec, inner), of(b.spec, outer)];
        const [can, could] = [powersOf(wanted), powersOf(before)];
        const isWider = [...can].some((power) => !could.has(power));
        const judged = onlyNarrows(before, wanted);
        // What the oracle calls wider never passes; what cannot be compared, such as two filters, may fail the other way.
        if (isWider) expect(judged).toBe(false);
        if (judged) narrow += 1;
      }),
      { numRuns: 2000 },
    );
    expect(narrow).toBeGreaterThan(100);
  });

  it("holds for everything and itself, and not for another rest", () => {
    fc.assert(
      fc.property(effectiveSpecs, findings, effectiveSpecs, (spec, found, other) => {
        const reviewed = reviewedSpec(spec, found);
        expect(onlyNarrows(reviewed, structuredClone(reviewed))).toBe(true);
        const changed = reviewedSpec(
          { ...other, guardrails: spec.guardrails, limits: spec.limits, transport: spec.transport },
          found,
        );
        const isSame = JSON.stringify({ ...changed, guardrails: 0 }) === JSON.stringify({ ...reviewed, guardrails: 0 });
        expect(onlyNarrows(reviewed, changed)).toBe(isSame);
      }),
      { numRuns: 300 },
    );
  });

  it("is transitive, so that no chain of narrowings leads out", () => {
    fc.assert(
      fc.property(neighbours, neighbours, ([a, b], [c]) => {
        const [x, y, z] = [a, b, c].map(({ spec }) => guarded({ ...written(spec), profile: "p" }));
        if (x && y && z && onlyNarrows(x, y) && onlyNarrows(y, z)) expect(onlyNarrows(x, z)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function withoutEnv({ env: _, ...rest }: ReviewedSpec): ReviewedSpec {
  return rest;
}

/** As text where the API takes numbers, too: a reviewed spec has its quantities as text. */
function written(spec: GuardrailProfileSpec): GuardrailProfileSpec {
  const { maxCpu, maxMemory, ...rest } = spec.resources;
  return {
    ...spec,
    resources: {
      ...rest,
      ...(maxCpu !== undefined && { maxCpu: String(maxCpu) }),
      ...(maxMemory !== undefined && { maxMemory: String(maxMemory) }),
    },
  };
}

const HOSTS_ASKED = ["a.test", "b.a.test", "c.b.a.test", "x.test", "evil.example"];
const ADDRESSES_ASKED = ["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1"];
const PORTS_ASKED = [443, 80];
const MOUNTS_ASKED = ["/data", "/data/x", "/data/x/y", "/database", "/cache", "/etc"];
const RESTRICTED = [
  "BPF",
  "NET_ADMIN",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SYS_ADMIN",
  "SYS_MODULE",
  "SYS_PTRACE",
  "SYS_RAWIO",
];

/** An oracle of its own: all that such a server may do, as single acts, straight from the text of the spec. */
function powersOf({ guardrails, resources }: ReviewedSpec): ReadonlySet<string> {
  return new Set([
    ...networkPowers(guardrails),
    ...filePowers(guardrails),
    ...processPowers(guardrails),
    ...uses(resources),
  ]);
}

function hostsOf({ network }: Guardrails): readonly string[] | undefined {
  return network.allowedHosts?.includes("*") ? undefined : network.allowedHosts;
}

function isOpen(guardrails: Guardrails): boolean {
  return guardrails.network.egressAllowed && hostsOf(guardrails) === undefined;
}

function networkPowers(guardrails: Guardrails): readonly string[] {
  const { egressAllowed, ingressPorts } = guardrails.network;
  const hosts = hostsOf(guardrails);
  const asked = [...HOSTS_ASKED, ...ADDRESSES_ASKED].flatMap((host) => PORTS_ASKED.map((port) => ({ host, port })));
  const reached = asked.filter(
    ({ host, port }) => egressAllowed && (hosts === undefined || hosts.some((entry) => reaches(entry, host, port))),
  );
  const standard = isOpen(guardrails) ? [8080, 443, 9090, 1] : [8080];
  const listed = ingressPorts?.length === 0 ? [] : [8080, ...(ingressPorts ?? [])];
  const ports = ingressPorts === undefined ? standard : listed;
  return [...reached.map(({ host, port }) => `reach ${host}:${port}`), ...ports.map((port) => `be reached at ${port}`)];
}

function filePowers({ filesystem: { readOnlyRoot, allowedMounts } }: Guardrails): readonly string[] {
  const isAllowed = (path: string) => allowedMounts?.some((root) => root === "/" || `${path}/`.startsWith(`${root}/`));
  const mounts = MOUNTS_ASKED.filter((path) => isAllowed(path) ?? true).map((path) => `mount ${path}`);
  return readOnlyRoot ? mounts : [...mounts, "write the root"];
}

function processPowers(guardrails: Guardrails): readonly string[] {
  const { dropAll, add = [] } = guardrails.capabilities;
  const isRestricted = !isOpen(guardrails) || guardrails.network.ingressPorts !== undefined;
  const held = [...(dropAll ? [] : DEFAULT_CAPABILITIES), ...add];
  return [
    ...held.filter((name) => !(isRestricted && RESTRICTED.includes(name))).map((name) => `have ${name}`),
    ...(guardrails.seccomp.type === "Unconfined" ? ["make any call"] : []),
    ...(guardrails.appArmor.type === "Unconfined" ? ["be unconfined"] : []),
    ...(guardrails.runAsNonRoot ? [] : ["be root"]),
    ...(guardrails.enforcement === "Warn" ? ["run where nothing is enforced"] : []),
  ];
}

function uses({ cpu, memory, pids }: ReviewedSpec["resources"]): readonly string[] {
  return [
    ...["250m", "500m", "1"].filter((most) => milli(most) <= milli(cpu)).map((most) => `use ${most} CPU`),
    ...[64, 512, 1024].filter((most) => most <= mebibytes(memory)).map((most) => `use ${most} MiB`),
    ...[10, 50, 100].filter((most) => most <= pids).map((most) => `have ${most} processes`),
  ];
}

function reaches(entry: string, host: string, port: number): boolean {
  const [, inside = entry, only] = /^(.*?)(?::(443))?$/.exec(entry.replace(/^\[(.*)\]/, "$1")) ?? [];
  if (only !== undefined && Number(only) !== port) return false;
  if (inside.includes("::")) return false;
  if (/^\d/.test(inside)) {
    const [network = "", bits = "32"] = inside.split("/");
    return /^\d/.test(host) && number(host) >>> (32 - Number(bits)) === number(network) >>> (32 - Number(bits));
  }
  return inside.startsWith("*.") ? host.endsWith(inside.slice(1)) && !/^\d/.test(host) : host === inside;
}

function number(address: string): number {
  return address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function milli(cpu: string): number {
  return cpu.endsWith("m") ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;
}

function mebibytes(memory: string): number {
  return memory.endsWith("Gi") ? Number(memory.slice(0, -2)) * 1024 : Number(memory.slice(0, -2));
}
