import { describe, expect, it } from "@jest/globals";
import { SETTLED_VERDICT, settledFacts, settledWorkload } from "../../../test/support/settled-deployment.ts";
import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import type { Workload } from "../../backends/backend.ts";
import type { ProbeVerdict } from "../../probe/prober.ts";
import type { Facts } from "./facts.ts";
import { news } from "./happenings.ts";
import { summarize } from "./status.ts";

const NOW = new Date("2026-01-01T12:00:00.123Z");
const LATER = new Date("2026-01-01T13:00:00Z");

const deployment = (status?: RuntimeDeploymentStatus): RuntimeDeployment => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: {
    name: "files",
    namespace: "team-a",
    uid: "u",
    resourceVersion: "1",
    generation: 3,
    creationTimestamp: "",
  },
  spec: {
    source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } },
    transport: { type: "streamable-http", port: 8080 },
    desiredState: "Running",
    restartPolicy: "Always",
    health: { probe: "mcp", periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
  },
  ...(status && { status }),
});

const READY = SETTLED_VERDICT;
const { mcp } = READY;
const UNASKED: ProbeVerdict = { kind: "pending", failures: 0, failure: undefined };
const PUBLIC_URL = "http://gateway.test/team-a/files/mcp";
const refused = { reason: "ProbeRefused", message: "nothing listens" } as const;

const exited = (exitCode: number, outOfMemory = false): Workload =>
  settledWorkload({ state: { kind: "exited", exitCode, outOfMemory, error: "", at: "" } });
const restarting = settledWorkload({ state: { kind: "restarting", exitCode: 3, outOfMemory: false, error: "" } });
const note = (reason: string, message = "m") => ({ reason, message });
const building: Facts["build"] = { key: "k", backend: "docker", phase: "Running", attempt: 1 };
const connected = summarize(deployment(), settledFacts(), NOW);

/** The conditions but for those that say little, in one line: `Ready=True Connected`. */
function line(status: RuntimeDeploymentStatus): string {
  const told: string[] = [
    ConditionType.Ready,
    ConditionType.Reconciling,
    ConditionType.Stalled,
    ConditionType.Accepted,
  ];
  const conditions = (status.conditions ?? []).filter(
    ({ type, status: is }) => told.includes(type) && (type !== "Accepted" || is === "False"),
  );
  return [status.phase, ...conditions.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`)].join(", ");
}

describe("the table of states", () => {
  it.each<{
    situation: string;
    because: string;
    given: Partial<Facts>;
    before?: RuntimeDeploymentStatus;
    want: string;
  }>([
    {
      situation: "work under way",
      because: "the image is asked for",
      given: { current: undefined, step: note(Reason.ResolvingImage) },
      want: "Pending, Ready=False ResolvingImage, Reconciling=True ResolvingImage",
    },
    {
      situation: "work under way",
      because: "the image is pulled",
      given: { current: undefined, step: note(Reason.Pulling) },
      want: "Pending, Ready=False Pulling, Reconciling=True Pulling",
    },
    {
      situation: "work under way",
      because: "the container was made",
      given: { current: settledWorkload({ state: { kind: "created" } }) },
      want: "Deploying, Ready=False Starting, Reconciling=True Starting",
    },
    {
      situation: "work under way",
      because: "no answer yet",
      given: { verdict: UNASKED },
      want: "Deploying, Ready=False Probing, Reconciling=True Probing",
    },
    {
      situation: "work under way",
      because: "a server that worked is started again",
      given: { current: restarting, verdict: undefined },
      before: connected,
      want: "Deploying, Ready=False Starting, Reconciling=True Starting",
    },
    {
      situation: "work under way",
      because: "its place brings it up",
      given: { current: settledWorkload({ state: { kind: "starting", waitsFor: "room" } }), verdict: undefined },
      want: "Deploying, Ready=False Starting, Reconciling=True Starting",
    },
    {
      situation: "its image is built",
      because: "nothing serves meanwhile",
      given: { current: undefined, build: building, step: note(Reason.Building) },
      want: "Building, Ready=False Building, Reconciling=True Building",
    },
    {
      situation: "its image is built anew, the older one serves",
      because: "",
      given: { upToDate: false, build: building, step: note(Reason.Building) },
      before: connected,
      want: "Connected, Ready=True Connected, Reconciling=True Building",
    },
    {
      situation: "its image could not be built",
      because: "another attempt may help",
      given: { current: undefined, build: building, failure: { kind: "retried", ...note(Reason.BuildFailed) } },
      want: "Error, Ready=False BuildFailed, Reconciling=True BuildFailed",
    },
    {
      situation: "its image could not be built",
      because: "no other attempt helps",
      given: { current: undefined, build: building, failure: { kind: "refused", ...note(Reason.BuildFailed) } },
      want: "Error, Ready=False BuildFailed, Stalled=True BuildFailed",
    },
    {
      situation: "fails, retried with back-off",
      because: "its place could not bring it up",
      given: {
        current: settledWorkload({ state: { kind: "failed", ...note(Reason.ImageNotFound) } }),
        verdict: undefined,
      },
      want: "Error, Ready=False ImageNotFound, Reconciling=True ImageNotFound",
    },
    {
      situation: "endpoint out of this controller's reach by its visibility",
      because: "its place says that it is ready",
      given: { current: settledWorkload({ unreachable: "it is private" }), verdict: undefined },
      want: "Running, Ready=True PlatformReady",
    },
    {
      situation: "scaled to zero, and this revision answered before",
      because: "nobody asks it again",
      given: { current: settledWorkload({ scalesToZero: true }), asleep: true, verdict: undefined },
      want: "Running, Ready=True ScaledToZero",
    },
    { situation: "MCP answered at the last probe", because: "", given: {}, want: "Connected, Ready=True Connected" },
    {
      situation: "work under way",
      because: "a server that worked was started again by this controller",
      given: { current: settledWorkload(), crash: { exitCode: 1, outOfMemory: false, error: "" }, verdict: undefined },
      before: { ...connected, workload: { ...connected.workload, startedAt: "2026-01-01T10:00:00Z" } },
      want: "Deploying, Ready=False Starting, Reconciling=True Starting",
    },
    {
      situation: "fails, retried",
      because: "a server that never worked was started again by this controller",
      given: { current: settledWorkload(), crash: { exitCode: 1, outOfMemory: false, error: "" }, verdict: undefined },
      want: "Error, Ready=False CrashLoopBackOff, Reconciling=True CrashLoopBackOff",
    },
    {
      situation: "fails, retried",
      because: "it ran out of memory and was started again by this controller",
      given: { current: settledWorkload(), crash: { exitCode: 137, outOfMemory: true, error: "" }, verdict: undefined },
      before: { ...connected, workload: { ...connected.workload, startedAt: "2026-01-01T10:00:00Z" } },
      want: "Error, Ready=False OutOfMemory, Reconciling=True OutOfMemory",
    },
    {
      situation: "newer revision waits for its turn, older serves",
      because: "",
      given: { upToDate: false, step: note(Reason.GuardrailsChanged) },
      before: connected,
      want: "Connected, Ready=True Connected, Reconciling=True GuardrailsChanged",
    },
    {
      situation: "MCP answered at the last probe",
      because: "the controller was started again since",
      given: { verdict: UNASKED },
      before: connected,
      want: "Connected, Ready=True Connected",
    },
    {
      situation: "MCP answered at the last probe",
      because: "nobody has been asked since",
      given: { verdict: undefined },
      before: connected,
      want: "Connected, Ready=True Connected",
    },
    {
      situation: "MCP answered at the last probe",
      because: "the Engine is away, the server is not",
      given: {
        observed: false,
        current: undefined,
        failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) },
      },
      before: connected,
      want: "Connected, Ready=True Connected, Reconciling=True BackendUnavailable",
    },
    {
      situation: "probe http or tcp succeeded",
      because: "",
      given: { probe: "http", verdict: { kind: "ready", mcp: undefined } },
      want: "Running, Ready=True ProbeSucceeded",
    },
    {
      situation: "probe http or tcp succeeded",
      because: "",
      given: { probe: "tcp", verdict: { kind: "ready", mcp: undefined } },
      want: "Running, Ready=True ProbeSucceeded",
    },
    {
      situation: "probe none",
      because: "",
      given: { probe: "none", verdict: undefined },
      want: "Running, Ready=True NotProbed",
    },
    {
      situation: "spec refused",
      because: "the registry",
      given: { current: undefined, accepted: false, failure: { kind: "refused", ...note(Reason.RegistryNotAllowed) } },
      want: "Error, Ready=False RegistryNotAllowed, Stalled=True RegistryNotAllowed, Accepted=False RegistryNotAllowed",
    },
    {
      situation: "spec impossible",
      because: "the backend",
      given: {
        verdict: undefined,
        current: undefined,
        observed: false,
        accepted: false,
        failure: { kind: "refused", ...note(Reason.BackendUnavailable) },
      },
      want: "Error, Ready=False BackendUnavailable, Stalled=True BackendUnavailable, Accepted=False BackendUnavailable",
    },
    {
      situation: "fails, retried",
      because: "the image",
      given: { current: undefined, failure: { kind: "retried", ...note(Reason.ImageNotFound) } },
      want: "Error, Ready=False ImageNotFound, Reconciling=True ImageNotFound",
    },
    {
      situation: "fails, retried",
      because: "the Engine and the server are away",
      given: {
        observed: false,
        current: undefined,
        verdict: { kind: "failed", failure: refused },
        failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) },
      },
      before: connected,
      want: "Error, Ready=False BackendUnavailable, Reconciling=True BackendUnavailable",
    },
    {
      situation: "fails, retried",
      because: "it crashes again and again",
      given: { current: restarting, verdict: undefined },
      want: "Error, Ready=False CrashLoopBackOff, Reconciling=True CrashLoopBackOff",
    },
    {
      situation: "fails, retried",
      because: "there is nothing to run",
      given: {
        current: settledWorkload({
          state: { kind: "restarting", exitCode: 127, outOfMemory: false, error: "no program" },
        }),
        verdict: undefined,
      },
      want: "Error, Ready=False StartFailed, Reconciling=True StartFailed",
    },
    {
      situation: "fails, retried",
      because: "it runs out of memory",
      given: {
        current: settledWorkload({ state: { kind: "restarting", exitCode: 137, outOfMemory: true, error: "" } }),
        verdict: undefined,
      },
      want: "Error, Ready=False OutOfMemory, Reconciling=True OutOfMemory",
    },
    {
      situation: "fails, retried",
      because: "the probes fail",
      given: { verdict: { kind: "failed", failure: refused } },
      before: connected,
      want: "Error, Ready=False ProbeRefused, Reconciling=True ProbeRefused",
    },
    {
      situation: "fails, retried",
      because: "it has never answered",
      given: { verdict: { kind: "pending", failures: 9, failure: refused }, overdue: true },
      want: "Error, Ready=False ProbeRefused, Reconciling=True ProbeRefused",
    },
    {
      situation: "newer revision fails, older serves",
      because: "",
      given: { upToDate: false, failure: { kind: "retried", ...note(Reason.ImageNotFound) } },
      before: connected,
      want: "Connected, Ready=True Connected, Stalled=True ImageNotFound",
    },
    {
      situation: "newer revision refused, older serves",
      because: "",
      given: { upToDate: false, accepted: false, failure: { kind: "refused", ...note(Reason.RegistryNotAllowed) } },
      before: connected,
      want: "Connected, Ready=True Connected, Accepted=False RegistryNotAllowed, Stalled=True RegistryNotAllowed",
    },
    {
      situation: "newer revision on trial, older serves",
      because: "",
      given: { upToDate: false, step: note(Reason.Verifying) },
      before: connected,
      want: "Connected, Ready=True Connected, Reconciling=True Verifying",
    },
    {
      situation: "stopped on request",
      because: "",
      given: { desiredState: "Stopped", current: exited(0), verdict: undefined },
      before: connected,
      want: "Stopped, Ready=False Stopped",
    },
    {
      situation: "stopped on request",
      because: "before anything ran",
      given: { desiredState: "Stopped", current: undefined, verdict: undefined },
      want: "Stopped, Ready=False Stopped",
    },
    {
      situation: "ended",
      because: "as it should",
      given: { restartPolicy: "Never", current: exited(0), verdict: undefined },
      before: connected,
      want: "Stopped, Ready=False Completed",
    },
    {
      situation: "ended",
      because: "by a failure that nobody retries",
      given: { restartPolicy: "Never", current: exited(2), verdict: undefined },
      before: connected,
      want: "Error, Ready=False Exited, Stalled=True Exited",
    },
    {
      situation: "being deleted",
      because: "",
      given: { deleting: note(Reason.Deleting), observed: false, current: undefined },
      before: connected,
      want: "Deleting, Ready=False Deleting, Reconciling=True Deleting",
    },
  ])("$situation: $because", ({ given, before, want }) => {
    expect(line(summarize(deployment(before), settledFacts(given), NOW))).toBe(want);
  });

  it.each<{ because: string; given: Partial<Facts>; want: Record<string, string> }>([
    {
      because: "all is well",
      given: {},
      want: { SourceReady: "True Pulled", WorkloadAvailable: "True Running", McpConnected: "True Connected" },
    },
    {
      because: "it is not MCP",
      given: { probe: "tcp" },
      want: { SourceReady: "True Pulled", WorkloadAvailable: "True Running" },
    },
    {
      because: "the image is missing",
      given: { current: undefined, image: undefined, failure: { kind: "retried", ...note(Reason.ImageNotFound) } },
      want: {
        SourceReady: "False ImageNotFound",
        WorkloadAvailable: "False ImageNotFound",
        McpConnected: "False ImageNotFound",
      },
    },
    {
      because: "the newer image is missing",
      given: { upToDate: false, image: undefined, failure: { kind: "retried", ...note(Reason.ImageNotFound) } },
      want: { SourceReady: "False ImageNotFound", WorkloadAvailable: "True Running", McpConnected: "True Connected" },
    },
    {
      because: "the backend is away",
      given: {
        observed: false,
        current: undefined,
        image: undefined,
        verdict: undefined,
        failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) },
      },
      want: { WorkloadAvailable: "Unknown BackendUnavailable", McpConnected: "False BackendUnavailable" },
    },
  ])("the steps on the way, when $because", ({ given, want }) => {
    const { conditions = [] } = summarize(deployment(), settledFacts(given), NOW);
    const steps: string[] = [ConditionType.SourceReady, ConditionType.WorkloadAvailable, ConditionType.McpConnected];
    const found = conditions
      .filter(({ type }) => steps.includes(type))
      .map(({ type, status, reason }) => [type, `${status} ${reason}`]);
    expect(Object.fromEntries(found)).toEqual(want);
  });
});

const enforced = { field: "seccomp", enforcement: "Enforced", reason: "r" } as const;
const open = { field: "network.allowedHosts", enforcement: "NotEnforced", reason: "r" } as const;
const partial = { field: "appArmor", enforcement: "Partial", reason: "r" } as const;
const under = (...fields: (typeof enforced | typeof open | typeof partial)[]): Partial<Facts> => ({
  guardrails: { profile: "standard", fields },
});

describe("whether guardrails are applied", () => {
  it.each<{ because: string; given: Partial<Facts>; want: string | undefined; message?: RegExp }>([
    { because: "all is enforced", given: under(enforced), want: "True GuardrailsEnforced", message: /every field/ },
    {
      because: "some is not",
      given: { ...under(enforced, open, partial), limitNotes: ["memory: 512Mi, the default"] },
      want: "True GuardrailsPartlyEnforced",
      message: /not enforced: network.allowedHosts; in part: appArmor. Limits: memory: 512Mi/,
    },
    { because: "nothing is there to be confined", given: { ...under(enforced), current: undefined }, want: undefined },
    {
      because: "they are refused",
      given: {
        ...under(enforced),
        upToDate: false,
        accepted: false,
        failure: { kind: "refused", ...note(Reason.GuardrailsTooWide) },
      },
      want: "False GuardrailsTooWide",
    },
    {
      because: "no sandbox can be had",
      given: { current: undefined, failure: { kind: "retried", ...note(Reason.SandboxUnavailable) } },
      want: "False SandboxUnavailable",
    },
    {
      because: "something else failed",
      given: { ...under(enforced), upToDate: false, failure: { kind: "retried", ...note(Reason.ImageNotFound) } },
      want: "True GuardrailsEnforced",
    },
    {
      because: "nobody can ask",
      given: {
        observed: false,
        current: undefined,
        failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) },
      },
      want: "Unknown BackendUnavailable",
    },
    { because: "it is being deleted", given: { ...under(enforced), deleting: note(Reason.Deleting) }, want: undefined },
  ])("$want: $because", ({ given, want, message }) => {
    const { conditions = [] } = summarize(deployment(), settledFacts(given), NOW);
    const found = conditions.find(({ type }) => type === ConditionType.GuardrailsApplied);
    expect(found && `${found.status} ${found.reason}`).toBe(want);
    if (message) expect(found?.message).toMatch(message);
  });

  it("keeps what was said of the fields while this look could not tell", () => {
    const before = summarize(deployment(), settledFacts(under(enforced, open)), NOW);
    expect(summarize(deployment(before), settledFacts(), LATER)).toEqual(before);
  });

  it.each<{ because: string; before: Partial<Facts> | undefined; after: Partial<Facts>; want: string | undefined }>([
    {
      because: "it is the first that is known",
      before: undefined,
      after: under(enforced),
      want: "Normal GuardrailsEnforced",
    },
    {
      because: "part of it is no reason for alarm",
      before: undefined,
      after: under(partial),
      want: "Normal GuardrailsPartlyEnforced",
    },
    {
      because: "a field is not enforced",
      before: undefined,
      after: under(open),
      want: "Warning GuardrailsPartlyEnforced",
    },
    { because: "nothing has changed", before: under(open), after: under(open), want: undefined },
    {
      because: "another field is open, too",
      before: under(open),
      after: under(open, partial),
      want: "Warning GuardrailsPartlyEnforced",
    },
    {
      because: "it is enforced by now",
      before: under(open),
      after: under(enforced),
      want: "Normal GuardrailsEnforced",
    },
    { because: "nothing runs", before: undefined, after: { ...under(open), current: undefined }, want: undefined },
  ])("tells $want where $because", ({ before, after, want }) => {
    const first = before && summarize(deployment(), settledFacts(before), NOW);
    const told = news(first, summarize(deployment(first), settledFacts(after), LATER));
    const found = told.filter(({ reason }) => reason.startsWith("Guardrails"));
    expect(found.map(({ type, reason }) => `${type} ${reason}`)).toEqual(want === undefined ? [] : [want]);
  });
});

describe("summarize", () => {
  it("says the same of the same facts, at any time", () => {
    expect(summarize(deployment(connected), settledFacts(), LATER)).toEqual(connected);
    const failing = settledFacts({ current: restarting, verdict: undefined, restartCount: 2 });
    const once = summarize(deployment(), failing, NOW);
    expect(summarize(deployment(once), failing, LATER)).toEqual(once);
  });

  it("gives every condition the generation that it speaks of", () => {
    for (const condition of connected.conditions ?? []) expect(condition.observedGeneration).toBe(3);
  });

  it("leaves the condition of external gateways to the controller that writes it", () => {
    const registered: Condition = {
      ...{ type: "Registered", status: "False", reason: "RegistrationConflict", message: "m", observedGeneration: 1 },
      lastTransitionTime: "2025-01-01T00:00:00Z",
    };
    const before = { ...connected, conditions: [...(connected.conditions ?? []), registered] };
    const after = summarize(deployment(before), settledFacts({ current: restarting, verdict: undefined }), LATER);
    expect(after.conditions).toContainEqual(registered);
    expect(summarize(deployment(before), settledFacts(), LATER)).toEqual(before);
  });

  it("moves mcp.since with what the server says, and with nothing else", () => {
    expect(connected.mcp).toEqual({ ...mcp, since: "2026-01-01T12:00:00Z" });
    const away = summarize(
      deployment(connected),
      settledFacts({ verdict: { kind: "failed", failure: refused } }),
      LATER,
    );
    expect(summarize(deployment(away), settledFacts(), LATER).mcp?.since).toBe("2026-01-01T12:00:00Z");
    const more = settledFacts({ verdict: { kind: "ready", mcp: { ...mcp, tools: 3 } } });
    expect(summarize(deployment(connected), more, LATER).mcp?.since).toBe("2026-01-01T13:00:00Z");
  });

  const OWN = "http://127.0.0.1:4000/mcp";
  const stdio = { type: "stdio", port: 8080, path: "/mcp" } as const;
  const remote = { kind: "remote", url: "https://mcp.test/mcp", headers: { a: "b" }, allowedCidrs: [] } as const;
  const { endpoint: _endpoint, transport: _transport, ...recorded } = connected.workload ?? {};
  const older = { ...connected, url: OWN, workload: recorded };
  const outage: Partial<Facts> = {
    observed: false,
    current: undefined,
    failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) },
  };
  it.each<{
    because: string;
    before?: RuntimeDeploymentStatus;
    given: Partial<Facts>;
    url: string | undefined;
    endpoint: string | undefined;
  }>([
    { because: "it serves", given: {}, url: PUBLIC_URL, endpoint: OWN },
    {
      because: "it does not answer",
      given: { verdict: { kind: "failed", failure: refused } },
      url: undefined,
      endpoint: OWN,
    },
    {
      because: "it listens elsewhere, with TLS",
      given: {
        current: settledWorkload({ address: "files.test:443", secure: true }),
        transport: { type: "sse", port: 8080, path: "/sse" },
      },
      url: PUBLIC_URL,
      endpoint: "https://files.test/sse",
    },
    {
      because: "it is spoken to over its standard input and output",
      given: { current: settledWorkload({ address: undefined, reach: { kind: "stdio" } }), transport: stdio },
      url: PUBLIC_URL,
      endpoint: undefined,
    },
    {
      because: "somebody else runs it; what reaches it may hold credentials",
      given: { current: settledWorkload({ address: undefined, reach: remote }) },
      url: PUBLIC_URL,
      endpoint: undefined,
    },
    {
      because: "the gateway cannot reach it, and others can",
      given: { current: settledWorkload({ unreachable: "it is private" }), verdict: undefined },
      url: OWN,
      endpoint: OWN,
    },
    {
      because: "it has no address for a moment",
      before: connected,
      given: { current: settledWorkload({ address: undefined }) },
      url: PUBLIC_URL,
      endpoint: OWN,
    },
    {
      because: "it has no address, and never had one",
      given: { current: settledWorkload({ address: undefined }) },
      url: undefined,
      endpoint: undefined,
    },
    {
      because: "it ended",
      before: connected,
      given: { current: exited(0), restartPolicy: "Never" },
      url: undefined,
      endpoint: undefined,
    },
    { because: "its backend is away", before: connected, given: outage, url: PUBLIC_URL, endpoint: OWN },
    {
      because: "its backend is away, and its status is of a time without a gateway",
      before: older,
      given: outage,
      url: PUBLIC_URL,
      endpoint: OWN,
    },
    {
      because: "its status is of a time without a gateway, and it has no address for a moment",
      before: older,
      given: { current: settledWorkload({ address: undefined }) },
      url: PUBLIC_URL,
      endpoint: OWN,
    },
  ])("says where clients and the gateway connect: $because", ({ before, given, url, endpoint }) => {
    const found = summarize(deployment(before), settledFacts(given), NOW);
    expect({ url: found.url, endpoint: found.workload?.endpoint }).toEqual({ url, endpoint });
    expect(JSON.stringify(found)).not.toContain("mcp.test");
    // And says so again.
    expect(summarize(deployment(found), settledFacts(given), LATER)).toEqual(found);
  });

  it("tells which generation runs", () => {
    expect(connected.workload).toMatchObject({
      generation: 3,
      id: "a",
      image: "registry/files@sha256:1",
      hostPort: 4000,
      restartCount: 0,
    });
    const older = settledFacts({ upToDate: false, generation: 4, current: settledWorkload({ generation: 2 }) });
    expect(summarize(deployment(connected), older, NOW).workload?.generation).toBe(3);
    expect(summarize(deployment(), older, NOW).workload?.generation).toBe(2);
  });

  it.each<{ because: string; given: Partial<Facts>; want: string }>([
    { because: "it is built", given: { image: undefined, step: note(Reason.Building) }, want: "False Building" },
    {
      because: "it cannot be built, for a reason of the place",
      given: { image: undefined, failure: { kind: "retried", ...note(Reason.QuotaExceeded) } },
      want: "False QuotaExceeded",
    },
    {
      because: "its place is away, which says nothing of it",
      given: { image: undefined, failure: { kind: "unreachable", ...note(Reason.BackendUnavailable) } },
      want: "True Pulled",
    },
    {
      because: "it was built, and something else is wrong",
      given: {
        build: { key: "k", backend: "docker", attempt: 1, phase: "Succeeded" },
        failure: { kind: "retried", ...note(Reason.PortConflict) },
      },
      want: "True Pulled",
    },
  ])("says of a source that is built whether it is ready: $because", ({ given, want }) => {
    const { conditions, build } = summarize(deployment(connected), settledFacts({ build: building, ...given }), LATER);
    const found = conditions?.find(({ type }) => type === ConditionType.SourceReady);
    expect(`${found?.status} ${found?.reason}`).toBe(want);
    expect(build).toEqual(given.build ?? building);
  });

  it("keeps the port and the count where nothing runs", () => {
    const gone = summarize(
      deployment(connected),
      settledFacts({ current: undefined, restartCount: 4, step: note(Reason.Pulling) }),
      NOW,
    );
    expect(gone.workload).toEqual({ backend: "docker", hostPort: 4000, restartCount: 4 });
  });

  it("forgets what was wrong with an earlier spec", () => {
    const refusal = settledFacts({
      current: undefined,
      accepted: false,
      failure: { kind: "refused", ...note(Reason.InvalidSpec) },
    });
    const refused = summarize(deployment(), refusal, NOW);
    const stopped = settledFacts({
      generation: 4,
      desiredState: "Stopped",
      current: undefined,
      verdict: undefined,
      accepted: undefined,
    });
    expect(line(summarize(deployment(refused), stopped, NOW))).toBe("Stopped, Ready=False Stopped");
  });

  it("does not let a crash loop look healthy in between", () => {
    const looping = summarize(deployment(), settledFacts({ current: restarting, verdict: undefined }), NOW);
    expect(line(summarize(deployment(looping), settledFacts({ verdict: UNASKED }), NOW))).toBe(line(looping));
    expect(line(summarize(deployment(looping), settledFacts(), NOW))).toBe("Connected, Ready=True Connected");
  });
});
