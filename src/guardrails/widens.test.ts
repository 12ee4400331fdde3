import { BlockList } from "node:net";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { CAPABILITIES, neighbours, PATHS, PORTS, profiles } from "../../test/support/arbitrary-guardrails.ts";
import { builtInProfile } from "./built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides, type NamedProfile } from "./effective-guardrails.ts";
import type { Guardrails } from "./guardrails.ts";
import { DEFAULT_CAPABILITIES } from "./held-capabilities.ts";
import { widens } from "./widens.ts";

const standard = builtInProfile("standard");
const fieldsOf = (a: Guardrails, bound: Guardrails) => widens(a, bound).map(({ field }) => field);
const inside = (a: Guardrails, bound: Guardrails) => widens(a, bound).length === 0;

describe("field by field", () => {
  it.each<{
    because: string;
    a: GuardrailOverrides;
    bound: GuardrailOverrides;
    want: object[];
    profile?: NamedProfile;
  }>([
    { because: "nothing differs", a: {}, bound: {}, want: [] },
    {
      because: "Warn runs where Strict refuses",
      a: { enforcement: "Warn" },
      bound: { enforcement: "Strict" },
      want: [{ field: "enforcement", value: "Warn", bound: "Strict" }],
    },
    { because: "Strict is narrower", a: { enforcement: "Strict" }, bound: {}, want: [] },
    {
      because: "any egress is more than none",
      a: { network: { allowedHosts: ["a.test"] } },
      bound: { network: { egressAllowed: false } },
      want: [{ field: "network.egressAllowed", value: "a.test", bound: "nothing" }],
    },
    {
      because: "everything is more than a list",
      a: { network: { allowedHosts: ["*"], ingressPorts: [1] } },
      bound: { network: { allowedHosts: ["a.test"], ingressPorts: [1] } },
      want: [{ field: "network.allowedHosts", value: "everything", bound: "a.test" }],
    },
    {
      because: "hosts outside are named, and only these",
      a: { network: { allowedHosts: ["b.a.test", "evil.test", "10.1.2.3:80"] } },
      bound: { network: { allowedHosts: ["*.a.test", "10.0.0.0/8"] } },
      want: [{ field: "network.allowedHosts", value: "evil.test", bound: "*.a.test, 10.0.0.0/8" }],
    },
    {
      because: "closed is inside of all",
      a: { network: { egressAllowed: false } },
      bound: { network: { allowedHosts: [] } },
      want: [],
    },
    {
      because: "a port beside the transport's is more",
      a: { network: { ingressPorts: [9090] } },
      bound: {},
      want: [
        { field: "network.ingressPorts", value: "9090 and the transport's port", bound: "the transport's port only" },
      ],
    },
    { because: "no list is less than a list", a: {}, bound: { network: { ingressPorts: [9090] } }, want: [] },
    {
      because: "the transport's port is more than none",
      a: {},
      bound: { network: { ingressPorts: [] } },
      want: [{ field: "network.ingressPorts", value: "the transport's port only", bound: "no port" }],
    },
    {
      because: "without any rule every port can be reached",
      a: { network: { allowedHosts: ["*"] } },
      bound: { network: { allowedHosts: ["*"], ingressPorts: [9090] } },
      want: [{ field: "network.ingressPorts", value: "any port", bound: "9090 and the transport's port" }],
    },
    { because: "nothing reachable is inside of all", a: { network: { ingressPorts: [] } }, bound: {}, want: [] },
    {
      because: "a writable root is more",
      a: { filesystem: { readOnlyRoot: false } },
      bound: {},
      want: [{ field: "filesystem.readOnlyRoot", value: "false", bound: "true" }],
    },
    {
      because: "mounts are compared by whole segments",
      a: { filesystem: { allowedMounts: ["/data/x", "/database"] } },
      bound: {},
      want: [{ field: "filesystem.allowedMounts", value: "/database", bound: "/data, /cache" }],
    },
    {
      because: "a path above is more",
      a: { filesystem: { allowedMounts: ["/"] } },
      bound: {},
      want: [{ field: "filesystem.allowedMounts", value: "/", bound: "/data, /cache" }],
    },
    {
      because: "the default capabilities are more than one of them",
      a: { capabilities: { dropAll: false } },
      bound: {},
      want: [
        {
          field: "capabilities.dropAll",
          value:
            "false, which leaves AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, SETFCAP and 2 more",
          bound: "NET_BIND_SERVICE",
        },
      ],
    },
    {
      because: "keeping the defaults is no more than adding them all",
      a: { capabilities: { dropAll: false, add: [] } },
      bound: { capabilities: { dropAll: true, add: [...DEFAULT_CAPABILITIES] } },
      want: [],
    },
    {
      because: "adding one of the defaults is nothing where they stay",
      a: { capabilities: { dropAll: true, add: ["CHOWN"] } },
      bound: { capabilities: { dropAll: false } },
      want: [],
    },
    {
      because: "an addition that the bound has not",
      a: { capabilities: { add: ["NET_BIND_SERVICE", "SYS_TIME"] } },
      bound: {},
      want: [{ field: "capabilities.add", value: "SYS_TIME", bound: "NET_BIND_SERVICE" }],
    },
    {
      because: "higher maxima",
      a: { resources: { maxCpu: 1, maxMemory: "1Gi", maxPids: 101 } },
      bound: {},
      want: [
        { field: "resources.maxCpu", value: "1", bound: "500m" },
        { field: "resources.maxMemory", value: "1Gi", bound: "512Mi" },
        { field: "resources.maxPids", value: "101", bound: "100" },
      ],
    },
    {
      because: "no maximum is the widest",
      profile: builtInProfile("airgapped"),
      a: {},
      bound: { resources: { maxPids: 50 } },
      want: [{ field: "resources.maxPids", value: "no maximum", bound: "50" }],
    },
    {
      because: "no filter is more than one",
      a: { seccomp: { type: "Unconfined" } },
      bound: {},
      want: [{ field: "seccomp", value: "Unconfined", bound: "RuntimeDefault" }],
    },
    {
      because: "a filter of one's own cannot be judged",
      a: { seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } },
      bound: {},
      want: [{ field: "seccomp", value: "key k of ConfigMap n/c", bound: "RuntimeDefault" }],
    },
    {
      because: "nor can the default be judged against one",
      a: {},
      bound: { seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } },
      want: [{ field: "seccomp", value: "RuntimeDefault", bound: "key k of ConfigMap n/c" }],
    },
    {
      because: "the same filter is the same",
      a: { seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } },
      bound: { seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" } },
      want: [],
    },
    {
      because: "everything is inside of no confinement",
      a: {
        seccomp: { type: "ConfigMap", namespace: "n", name: "c", key: "k" },
        appArmor: { type: "Localhost", name: "x" },
      },
      bound: { seccomp: { type: "Unconfined" }, appArmor: { type: "Unconfined" } },
      want: [],
    },
    {
      because: "another named profile cannot be judged",
      a: { appArmor: { type: "Localhost", name: "mine" } },
      bound: {},
      want: [{ field: "appArmor", value: "profile mine", bound: "profile mcp-standard" }],
    },
    {
      because: "nor can the backend's own",
      a: { appArmor: { type: "RuntimeDefault" } },
      bound: {},
      want: [{ field: "appArmor", value: "RuntimeDefault", bound: "profile mcp-standard" }],
    },
    {
      because: "the built-ins' profiles promise an order",
      a: { appArmor: { type: "Localhost", name: "mcp-airgapped" } },
      bound: {},
      want: [],
    },
    {
      because: "of which the other direction is wider",
      a: {},
      bound: { appArmor: { type: "Localhost", name: "mcp-restricted" } },
      want: [{ field: "appArmor", value: "profile mcp-standard", bound: "profile mcp-restricted" }],
    },
    {
      because: "root is more than another user",
      a: {},
      bound: { runAsNonRoot: true },
      want: [{ field: "runAsNonRoot", value: "false", bound: "true" }],
    },
  ])("$because", ({ a, bound, want, profile = standard }) => {
    expect(widens(effectiveGuardrails(profile, a), effectiveGuardrails(profile, bound))).toEqual(want);
  });

  it("does not count the transport's port as one beside it", () => {
    const a = effectiveGuardrails(standard, { network: { ingressPorts: [8080] } });
    const on = (transportPort: number) => ({ ...a, network: { ...a.network, transportPort } });
    expect(fieldsOf(on(8080), effectiveGuardrails(standard))).toEqual([]);
    expect(fieldsOf(on(3000), effectiveGuardrails(standard))).toEqual(["network.ingressPorts"]);
  });

  it("knows that a restricted network takes capabilities away", () => {
    const a = effectiveGuardrails(builtInProfile("unrestricted"));
    const bound = effectiveGuardrails(builtInProfile("unrestricted"), { network: { allowedHosts: ["a.test"] } });
    expect(fieldsOf(a, bound)).toContain("capabilities.dropAll");
    expect(fieldsOf(bound, a)).toEqual([]);
  });
});

describe("as a relation, over generated guardrails", () => {
  const pairs = neighbours.map(([a, bound]) => [effectiveGuardrails(a), effectiveGuardrails(bound)] as const);
  /** Each is a few changes away from the one before it. */
  const chains = fc
    .tuple(neighbours, neighbours)
    .map(([[a, b], [c]]) => [a, b, c].map((profile) => effectiveGuardrails(profile)));

  it("is reflexive: nothing is wider than itself", () => {
    fc.assert(
      fc.property(profiles, (profile) =>
        expect(widens(effectiveGuardrails(profile), effectiveGuardrails(profile))).toEqual([]),
      ),
    );
  });

  it("is transitive, field by field", () => {
    const triples = fc.oneof(
      chains,
      fc.tuple(profiles, profiles, profiles).map((all) => all.map((profile) => effectiveGuardrails(profile))),
    );
    fc.assert(
      fc.property(triples, (triple) => {
        const [a, b, c] = triple as [Guardrails, Guardrails, Guardrails];
        const [ab, bc] = [fieldsOf(a, b), fieldsOf(b, c)];
        // Egress is told by two fields and held capabilities by two: each pair is one comparison.
        const group = (field: string) =>
          field.replace(/^network\.(egressAllowed|allowedHosts)$/, "egress").replace(/^capabilities\..*/, "held");
        const broken = new Set([...ab, ...bc].map(group));
        for (const field of fieldsOf(a, c)) expect([...broken]).toContain(group(field));
      }),
      { numRuns: 2000 },
    );
  });

  it("is antisymmetric in what has one spelling", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        if (!inside(a, b) || !inside(b, a)) return;
        for (const part of ["enforcement", "resources", "seccomp", "appArmor", "runAsNonRoot"] as const)
          expect(a[part]).toEqual(b[part]);
        expect(a.filesystem.readOnlyRoot).toBe(b.filesystem.readOnlyRoot);
        expect(a.network.egress.kind).toBe(b.network.egress.kind);
      }),
      { numRuns: 1000 },
    );
  });

  it("lets nothing happen inside a bound that the bound does not", () => {
    let compared = 0;
    fc.assert(
      fc.property(pairs, ([a, bound]) => {
        if (!inside(a, bound)) return;
        compared++;
        for (const { what, let: allows } of ATTEMPTS)
          if (allows(a)) expect({ what, allowed: allows(bound) }).toEqual({ what, allowed: true });
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(200);
  });

  it("finds a field wider only where something more can happen", () => {
    fc.assert(
      fc.property(pairs, ([a, bound]) => {
        // Seccomp and AppArmor profiles of one's own cannot be judged; the others can.
        const wider = fieldsOf(a, bound).filter((field) => field !== "seccomp" && field !== "appArmor");
        if (wider.length === 0) return;
        expect(ATTEMPTS.some(({ let: allows }) => allows(a) && !allows(bound))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

interface Attempt {
  readonly what: string;
  readonly let: (guardrails: Guardrails) => boolean;
}

const TRANSPORT = 3000;

/** What a workload may try, judged without any of the code that compares: an allow-list is matched as a sandbox would. */
const ATTEMPTS: readonly Attempt[] = [
  ...["test", "a.test", "b.a.test", "c.b.a.test", "d.test"].flatMap((name) =>
    [80, 443].map((port) => ({ what: `${name}:${port}`, let: (g: Guardrails) => mayReachName(g, name, port) })),
  ),
  ...[
    "10.1.2.3",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.1",
    "2001:db8::1",
    "2001:db8:0:9::1",
    "2001:db8:9::1",
    "::1",
  ].flatMap((address) =>
    [80, 443].map((port) => ({
      what: `${address} ${port}`,
      let: (g: Guardrails) => mayReachAddress(g, address, port),
    })),
  ),
  ...[...PORTS, TRANSPORT, 22].map((port) => ({
    what: `from outside to ${port}`,
    let: (g: Guardrails) => mayBeReached(g, port),
  })),
  ...[...PATHS, "/cache/x", "/other"].map((path) => ({
    what: `mount ${path}`,
    let: (g: Guardrails) => mayMount(g, path),
  })),
  ...[...CAPABILITIES, "MKNOD"].map((name) => ({ what: name, let: (g: Guardrails) => holds(g, name) })),
  ...[10, 50, 100, 101].map((n) => ({
    what: `${n} pids`,
    let: ({ resources: { maxPids } }: Guardrails) => !(n > (maxPids ?? n)),
  })),
  ...[250, 1000, 2000, 2001].map((n) => ({
    what: `${n}m`,
    let: ({ resources: { maxCpuMillis } }: Guardrails) => !(n > (maxCpuMillis ?? n)),
  })),
  ...[64 * 1024 ** 2, 1e9, 1024 ** 3, 1e12].map((n) => ({
    what: `${n} bytes`,
    let: ({ resources: { maxMemoryBytes } }: Guardrails) => !(n > (maxMemoryBytes ?? n)),
  })),
  { what: "write /", let: ({ filesystem }) => !filesystem.readOnlyRoot },
  { what: "run as root", let: ({ runAsNonRoot }) => !runAsNonRoot },
  { what: "run without what cannot be enforced", let: ({ enforcement }) => enforcement === "Warn" },
  { what: "any system call", let: ({ seccomp }) => seccomp.type === "Unconfined" },
  { what: "without AppArmor", let: ({ appArmor }) => appArmor.type === "Unconfined" },
];

function mayReachName({ network: { egress } }: Guardrails, name: string, port: number): boolean {
  if (egress.kind !== "listed") return egress.kind === "open";
  return egress.hosts.some(
    (host) =>
      host.kind === "name" &&
      (host.port ?? port) === port &&
      new RegExp(`^${host.wildcard ? ".+\\." : ""}${host.name.replaceAll(".", "\\.")}$`).test(name),
  );
}

function mayReachAddress({ network: { egress } }: Guardrails, address: string, port: number): boolean {
  if (egress.kind !== "listed") return egress.kind === "open";
  const list = new BlockList();
  for (const host of egress.hosts) {
    if (host.kind !== "range" || (host.port ?? port) !== port) continue;
    const [network = "", prefix] = host.cidr.split("/");
    list.addSubnet(network, Number(prefix), host.family === 4 ? "ipv4" : "ipv6");
  }
  return list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

function mayBeReached({ network: { egress, ingressPorts } }: Guardrails, port: number): boolean {
  if (ingressPorts === undefined) return egress.kind === "open" || port === TRANSPORT;
  return ingressPorts.length > 0 && (ingressPorts.includes(port) || port === TRANSPORT);
}

function mayMount({ filesystem: { allowedMounts } }: Guardrails, path: string): boolean {
  const slashed = (text: string) => (text.endsWith("/") ? text : `${text}/`);
  return allowedMounts === undefined || allowedMounts.some((root) => slashed(path).startsWith(slashed(root)));
}

/** Those that a sandbox forbids are spelled out: were one missing in the product's list, this would find it. */
function holds({ network, capabilities: { dropAll, add } }: Guardrails, name: string): boolean {
  const free = network.egress.kind === "open" && network.ingressPorts === undefined;
  const forbidden = ["NET_RAW", "SETUID", "SYS_ADMIN"].includes(name);
  const isDefault = ["CHOWN", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETUID"].includes(name);
  return (add.some((added) => added === name) || (isDefault && !dropAll)) && (free || !forbidden);
}
