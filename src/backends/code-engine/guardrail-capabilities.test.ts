import { describe, expect, it } from "@jest/globals";
import { type BuiltInName, builtInProfile } from "../../guardrails/built-in.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../../guardrails/effective-guardrails.ts";
import { enforcementOf } from "../../guardrails/enforcement.ts";
import { codeEngineGuardrails, type ManagedEgress } from "./guardrail-capabilities.ts";

const ibm = { name: "ibm", type: "code-engine" };
type Told = readonly [enforcement: "E" | "P" | "N", field: string, reason: string];

const OPEN_NETWORK: readonly Told[] = [
  ["E", "network.egressAllowed", "not restricted: everything may be reached"],
  ["E", "network.allowedHosts", "not restricted: everything may be reached"],
];
const UNFILTERED =
  "Code Engine filters what leaves for a whole project only, and Slipway leaves the rules of this project alone";
const UNFILTERED_CLOSED: readonly Told[] = [
  ["N", "network.egressAllowed", `nothing may be reached: ${UNFILTERED}`],
  ["N", "network.allowedHosts", `no host may be reached: ${UNFILTERED}`],
];
const SHARED = "applies to every workload in project tools; project-internal and IBM private services stay reachable";
const CLOSED: readonly Told[] = [
  ["P", "network.egressAllowed", `nothing may be reached: ${SHARED}`],
  ["P", "network.allowedHosts", `no host may be reached: ${SHARED}`],
];
const ONE_PORT =
  "only the server's own port is published, as port 443 of its endpoint; other workloads of the project can call it, too";
const ROOT: Told = [
  "N",
  "filesystem.readOnlyRoot",
  "the image's files are read-only: the root filesystem stays writable, bounded by 400 MB of ephemeral storage",
];
const ANYWHERE: Told = ["E", "filesystem.allowedMounts", "not restricted: volumes may be mounted anywhere"];
const MOUNTS = "only Secrets and ConfigMaps are mounted, where the profile allows it; other volumes do not exist";
const DROP: Told = [
  "N",
  "capabilities.dropAll",
  "the default capabilities are dropped: the platform decides about capabilities: workloads have a restricted set that cannot be configured",
];
const NONE_ADDED: Told = ["E", "capabilities.add", "not restricted: no capability is added"];
const SIZE = "the app has the largest size of Code Engine within the limits, and no more";
const ANY_PIDS: Told = ["E", "resources.maxPids", "not restricted: no maximum"];
const SECCOMP: Told = ["N", "seccomp", "the backend's own filter: the platform decides, and tenants cannot"];
const ANY_USER: Told = ["E", "runAsNonRoot", "not restricted: the image's user is taken, root too"];

interface Row {
  readonly profile: BuiltInName;
  /** Of a project whose rules are its owner's. */
  readonly unmanaged: readonly Told[];
  /** Of one that this profile bounds. */
  readonly managed: { readonly ranges: readonly string[]; readonly network: readonly Told[] };
  readonly others: readonly Told[];
  readonly unmanagedWarnings: readonly string[];
  readonly managedWarnings: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    profile: "unrestricted",
    unmanaged: OPEN_NETWORK,
    managed: { ranges: ["0.0.0.0/0"], network: OPEN_NETWORK },
    others: [
      ["E", "network.ingressPorts", "not restricted: nothing about the network is restricted"],
      ["E", "filesystem.readOnlyRoot", "not restricted: the image's files may be written"],
      ANYWHERE,
      ["E", "capabilities.dropAll", "not restricted: the default capabilities stay"],
      NONE_ADDED,
      ["E", "resources.maxCpu", `at most 2 CPU: ${SIZE}`],
      ["E", "resources.maxMemory", `at most 2Gi memory: ${SIZE}`],
      ANY_PIDS,
      ["E", "seccomp", "no filter: no filter is asked for; the platform may have one all the same"],
      ["E", "appArmor", "no AppArmor profile: no profile is asked for; the platform may have one all the same"],
      ANY_USER,
    ],
    unmanagedWarnings: ["Info recommendedBackends"],
    managedWarnings: ["Info recommendedBackends"],
  },
  {
    profile: "standard",
    unmanaged: [
      ["E", "network.egressAllowed", "not restricted: network.allowedHosts says what may be reached"],
      ["N", "network.allowedHosts", `only 3 listed hosts: ${UNFILTERED}; Code Engine cannot filter by host name`],
    ],
    managed: {
      ranges: [],
      network: [
        ["E", "network.egressAllowed", "not restricted: network.allowedHosts says what may be reached"],
        [
          "P",
          "network.allowedHosts",
          `only 3 listed hosts: ${SHARED}; Code Engine cannot filter by host name: listed names are closed, too; list the IPv4 range of a proxy`,
        ],
      ],
    },
    others: [
      ["P", "network.ingressPorts", `only the transport's port may be reached: ${ONE_PORT}`],
      ROOT,
      ["E", "filesystem.allowedMounts", `mounts in /data, /cache only: ${MOUNTS}`],
      DROP,
      ["N", "capabilities.add", "NET_BIND_SERVICE added: the platform decides about capabilities, and adds none"],
      ["E", "resources.maxCpu", `at most 500m CPU: ${SIZE}`],
      ["E", "resources.maxMemory", `at most 512Mi memory: ${SIZE}`],
      ["N", "resources.maxPids", "at most 100 processes: Code Engine has no limit of processes"],
      SECCOMP,
      ["N", "appArmor", "profile mcp-standard: the platform decides, and tenants cannot"],
      ANY_USER,
    ],
    unmanagedWarnings: [
      "Warning network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning capabilities.add",
      "Warning resources.maxPids",
      "Warning seccomp",
      "Warning appArmor",
    ],
    managedWarnings: [
      "Info network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning capabilities.add",
      "Warning resources.maxPids",
      "Warning seccomp",
      "Warning appArmor",
    ],
  },
  {
    profile: "restricted",
    unmanaged: UNFILTERED_CLOSED,
    managed: { ranges: [], network: CLOSED },
    others: [
      ["P", "network.ingressPorts", `only 8080 and the transport's port may be reached: ${ONE_PORT}`],
      ROOT,
      ["E", "filesystem.allowedMounts", `nothing may be mounted: ${MOUNTS}`],
      DROP,
      NONE_ADDED,
      ["E", "resources.maxCpu", `at most 250m CPU: ${SIZE}`],
      ["E", "resources.maxMemory", `at most 256Mi memory: ${SIZE}`],
      ["N", "resources.maxPids", "at most 50 processes: Code Engine has no limit of processes"],
      SECCOMP,
      ["N", "appArmor", "profile mcp-restricted: the platform decides, and tenants cannot"],
      ANY_USER,
    ],
    unmanagedWarnings: [
      "Warning network.egressAllowed",
      "Warning network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning resources.maxPids",
      "Warning seccomp",
      "Warning appArmor",
    ],
    managedWarnings: [
      "Info network.egressAllowed",
      "Info network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning resources.maxPids",
      "Warning seccomp",
      "Warning appArmor",
    ],
  },
  {
    profile: "airgapped",
    unmanaged: UNFILTERED_CLOSED,
    managed: { ranges: [], network: CLOSED },
    others: [
      [
        "P",
        "network.ingressPorts",
        "nothing may come in: it has no endpoint outside of its project; other workloads of the project can still call it",
      ],
      ROOT,
      ANYWHERE,
      DROP,
      NONE_ADDED,
      ["E", "resources.maxCpu", `at most 250m CPU: ${SIZE}`],
      ["E", "resources.maxMemory", `at most 128Mi memory: ${SIZE}`],
      ANY_PIDS,
      SECCOMP,
      ["N", "appArmor", "profile mcp-airgapped: the platform decides, and tenants cannot"],
      ANY_USER,
    ],
    unmanagedWarnings: [
      "Warning network.egressAllowed",
      "Warning network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning seccomp",
      "Warning appArmor",
    ],
    managedWarnings: [
      "Info network.egressAllowed",
      "Info network.allowedHosts",
      "Info network.ingressPorts",
      "Warning filesystem.readOnlyRoot",
      "Warning capabilities.dropAll",
      "Warning seccomp",
      "Warning appArmor",
    ],
  },
];

function judged(profile: BuiltInName, egress: ManagedEgress | undefined, overrides: GuardrailOverrides = {}) {
  const guardrails = effectiveGuardrails(builtInProfile(profile), overrides);
  return enforcementOf(guardrails, codeEngineGuardrails(egress), ibm);
}

describe.each(ROWS)("$profile on Code Engine", ({ profile, unmanaged, managed, others, ...warned }) => {
  it.each([
    {
      because: "in a project whose rules for egress are its owner's",
      egress: undefined,
      want: [...unmanaged, ...others],
      wantWarnings: warned.unmanagedWarnings,
    },
    {
      because: "in a project that it bounds",
      egress: { project: "tools", ranges: managed.ranges },
      want: [...managed.network, ...others],
      wantWarnings: warned.managedWarnings,
    },
  ])("$because", ({ egress, want, wantWarnings }) => {
    const { fields, warnings, compatible } = judged(profile, egress);
    expect(fields.map(({ field, enforcement, reason }) => [enforcement[0], field, reason])).toEqual(want);
    expect(warnings.map(({ field, severity }) => `${severity} ${field}`)).toEqual(wantWarnings);
    for (const { field, message, backend } of warnings) {
      const said = want.find(([, name]) => name === field)?.[2] ?? NOT_RECOMMENDED;
      expect({ field, message, backend }).toEqual({ field, message: said, backend: "ibm" });
    }
    expect(compatible).toBe(profile === "unrestricted");
  });
});

const NOT_RECOMMENDED =
  'GuardrailProfile "unrestricted" is meant for docker; RuntimeBackend "ibm" is of type code-engine';

/** What IBM documents, row by row: E enforced, P in part, N not at all. */
describe("what Code Engine can do about", () => {
  const CLOSED_PROJECT = { project: "tools", ranges: [] };
  const ranged = { network: { egressAllowed: true, allowedHosts: ["10.20.0.0/16"] } };
  it.each<{
    row: string;
    profile?: BuiltInName;
    overrides?: GuardrailOverrides;
    egress?: ManagedEgress;
    field: string;
    want: string;
  }>([
    { row: "closed egress in a dedicated project", egress: CLOSED_PROJECT, field: "network.egressAllowed", want: "P" },
    { row: "closed egress elsewhere", field: "network.egressAllowed", want: "N" },
    {
      row: "listed ranges in a dedicated project",
      overrides: ranged,
      egress: { project: "tools", ranges: ["10.20.0.0/16"] },
      field: "network.allowedHosts",
      want: "P",
    },
    {
      row: "listed names in a dedicated project, where they are closed",
      profile: "standard",
      egress: CLOSED_PROJECT,
      field: "network.allowedHosts",
      want: "P",
    },
    { row: "listed ranges elsewhere", overrides: ranged, field: "network.allowedHosts", want: "N" },
    { row: "the port that is published", field: "network.ingressPorts", want: "P" },
    { row: "closed ingress", profile: "airgapped", field: "network.ingressPorts", want: "P" },
    { row: "a root filesystem that is read-only", field: "filesystem.readOnlyRoot", want: "N" },
    { row: "mounts", field: "filesystem.allowedMounts", want: "E" },
    { row: "dropped capabilities", field: "capabilities.dropAll", want: "N" },
    { row: "added capabilities", profile: "standard", field: "capabilities.add", want: "N" },
    { row: "maxima of CPU", field: "resources.maxCpu", want: "E" },
    { row: "maxima of memory", field: "resources.maxMemory", want: "E" },
    { row: "maxima of processes", field: "resources.maxPids", want: "N" },
    { row: "seccomp", field: "seccomp", want: "N" },
    { row: "AppArmor", field: "appArmor", want: "N" },
    { row: "another user than root", overrides: { runAsNonRoot: true }, field: "runAsNonRoot", want: "E" },
  ])("$row: $want", ({ profile = "restricted", overrides = {}, egress, field, want }) => {
    const found = judged(profile, egress, overrides).fields.find((each) => each.field === field);
    expect(found?.enforcement[0]).toBe(want);
  });
});

describe("a project whose rules let out more than a profile", () => {
  const CAN_REACH = "every workload of the backend can reach 10.20.0.0/16, whatever its profile says";
  it.each<{ because: string; hosts: string[] | undefined; ranges: string[] | undefined; want: string }>([
    {
      because: "closes nothing for one that wants all closed",
      hosts: undefined,
      ranges: ["10.20.0.0/16"],
      want: `N no host may be reached: ${CAN_REACH}`,
    },
    {
      because: "is too wide for one that lists a part of the range",
      hosts: ["10.20.5.0/24"],
      ranges: ["10.20.0.0/16"],
      want: `N only 1 listed host: ${CAN_REACH}`,
    },
    {
      because: "is too wide for one that lists a port of the range",
      hosts: ["10.20.0.0/16:443"],
      ranges: ["10.20.0.0/16"],
      want: `N only 1 listed host: ${CAN_REACH}`,
    },
    {
      because: "is right for one that lists as much",
      hosts: ["10.20.0.0/16", "192.0.2.1"],
      ranges: ["10.20.0.0/16"],
      want: `P only 2 listed hosts: ${SHARED}`,
    },
    {
      because: "keeps nobody in where everything is open",
      hosts: ["10.20.0.0/16"],
      ranges: ["0.0.0.0/0"],
      want: "N only 1 listed host: the rules of project tools let everything out",
    },
    {
      because: "is not judged while nobody knows what it shall let out",
      hosts: ["10.20.0.0/16"],
      ranges: undefined,
      want: "N only 1 listed host: what the rules of project tools shall let out is not known, so they stay as they are",
    },
  ])("$because", ({ hosts, ranges, want }) => {
    const overrides = hosts ? { network: { egressAllowed: true, allowedHosts: hosts } } : {};
    const { fields } = judged("restricted", { project: "tools", ranges }, overrides);
    const found = fields.find(({ field }) => field === "network.allowedHosts");
    expect(`${found?.enforcement[0]} ${found?.reason}`).toBe(want);
  });
});
