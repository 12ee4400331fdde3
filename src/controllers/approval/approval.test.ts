import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "@jest/globals";
import { memoryApprovals } from "../../../test/support/approval-services.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { keyOf } from "../../api/meta.ts";
import type { Approval, ApprovalPolicy, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { stampDecision } from "../../approvals/decisions.ts";
import { sealOf } from "../../approvals/seal.ts";
import type { StampKeys } from "../../approvals/stamp-keys.ts";
import { Controller } from "../../machinery/controller.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import { approvalIndexes } from "../runtime-deployment/gate/ports.ts";
import { ApprovalReconciler } from "./controller.ts";

const BYTES = Buffer.alloc(32, 7);
const KEYS: StampKeys = { sign: BYTES, verify: [BYTES] };
const HOUR_MS = 3_600_000;
const DIGEST = `v1:sha256:${"a".repeat(64)}`;
const OTHER = `v1:sha256:${"b".repeat(64)}`;

const ends: AbortController[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
});

/** An API, and the controller of approvals that can be killed. */
function world() {
  const clock = new FakeClock();
  const { services, told, audited, receivers } = memoryApprovals();
  const approvals = new MemoryStore<Approval>(approvalIndexes);
  const policies = new MemoryStore<ApprovalPolicy>();
  const deployments = new MemoryStore<RuntimeDeployment>();
  const wanted = new Map<string, string>();
  const events: string[] = [];
  const removed: string[] = [];
  const made = {
    approvals,
    policies,
    deployments,
    clock,
    wanted,
    told,
    audited,
    receivers,
    events,
    removed,
    writes: 0,
    boot,
    put,
    decide,
    policy,
    deployment,
    status,
  };
  let version = 0;

  function boot() {
    const end = new AbortController();
    ends.push(end);
    const reconciler = new ApprovalReconciler({
      approvals,
      policies,
      deployments,
      wanted: (uid) => wanted.get(uid),
      stampKeys: () => KEYS,
      async writeStatus(approval, status) {
        if (end.signal.aborted) throw new Error("killed");
        if (jsonEqual(approval.status, status)) return approval;
        made.writes++;
        return store({ ...approval, status });
      },
      async remove(approval) {
        removed.push(approval.metadata.name);
        approvals.remove(keyOf(approval));
      },
      enqueue: (key) => controller.enqueue(key),
      notifier: services.notifier({ get: () => undefined }),
      onOutcome: () => undefined,
      audit: services.audit,
      events: { record: (object, note: EventNote) => void events.push(`${object.kind} ${note.reason}`) },
      clock,
    });
    const { logger } = recordingLogger();
    const controller = new Controller({ name: "test", reconciler, logger, clock }).watch(approvals);
    controller.run(end.signal, end.signal).catch(() => undefined);
    return { kill: () => end.abort(), enqueue: (name: string) => controller.enqueue({ namespace: "team-a", name }) };
  }

  function store(approval: Approval): Approval {
    const stored = { ...approval, metadata: { ...approval.metadata, resourceVersion: String(++version) } };
    approvals.put(stored);
    return stored;
  }

  function policy(name: string, spec: object = {}): ApprovalPolicy {
    const metadata = { name, uid: `uid-${name}`, generation: 1 };
    const object = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "ApprovalPolicy",
      metadata,
      spec,
    } as unknown as ApprovalPolicy;
    policies.put(object);
    return object;
  }

  function deployment(uid = "d-1", name = "files") {
    const metadata = { name, namespace: "team-a", uid, generation: 1 };
    deployments.put({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeDeployment",
      metadata,
      spec: {},
    } as unknown as RuntimeDeployment);
  }

  function put(name: string, patch: Partial<Approval["spec"]> = {}): Approval {
    const spec = {
      deploymentRef: { name: "files", uid: "d-1" },
      digest: DIGEST,
      effective: {},
      requesters: [{ username: "dev" }],
      requestedAt: clock.now().toISOString(),
      policies: [
        { name: "images", uid: "uid-images", approvers: { groups: ["approvers"], required: 1 }, timeoutHours: 48 },
      ],
      triggers: [{ policy: "images", rule: "any", message: "any" }],
      decisions: [],
      ...patch,
    };
    const metadata = {
      name,
      namespace: "team-a",
      uid: randomUUID(),
      generation: 1,
      resourceVersion: "",
      creationTimestamp: "",
    };
    const seal = sealOf({ metadata, spec }, KEYS);
    return store({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "Approval",
      metadata,
      spec: { ...spec, seal },
    } as Approval);
  }

  function decide(name: string, verdict: "Approved" | "Rejected", user: string) {
    const approval = approvals.get({ namespace: "team-a", name }) as Approval;
    const now = clock.now();
    const decision = stampDecision(
      approval,
      { verdict, reason: "because" },
      { user, now, policies: ["images"], keys: KEYS },
    );
    const decisions = [...approval.spec.decisions, decision];
    const generation = (approval.metadata.generation ?? 0) + 1;
    store({ ...approval, metadata: { ...approval.metadata, generation }, spec: { ...approval.spec, decisions } });
  }

  function status(name: string) {
    return approvals.get({ namespace: "team-a", name })?.status ?? {};
  }

  deployment();
  policy("images");
  return made;
}

const condition = (status: Approval["status"], type: string) => {
  const found = status?.conditions?.find((each) => each.type === type);
  return found && `${found.status} ${found.reason}`;
};

describe("an Approval", () => {
  it("is told of as pending, with its end", async () => {
    const api = world();
    api.put("one");
    api.boot();
    await api.clock.advance(0);
    const status = api.status("one");
    expect(status.phase).toBe("Pending");
    expect(status.expiresAt).toBe("2026-01-03T00:00:00.000Z");
    expect(condition(status, "Approved")).toBe("False PendingApproval");
    expect(condition(status, "Reconciling")).toBe("True PendingApproval");
    expect(status.history?.map(({ type }) => type)).toEqual(["Requested"]);
    expect(api.audited.map(({ type, who }) => [type, who])).toEqual([["Requested", ["dev"]]]);
    expect(api.events).toEqual(["Approval ApprovalRequested", "RuntimeDeployment ApprovalRequested"]);
  });

  it.each([
    { verdict: "Approved", phase: "Approved", approved: "True Approved", event: "Approved" },
    { verdict: "Rejected", phase: "Rejected", approved: "False ApprovalRejected", event: "ApprovalRejected" },
  ] as const)("is $phase by a decision, and says who it was", async ({ verdict, phase, approved, event }) => {
    const api = world();
    api.put("one");
    api.boot();
    await api.clock.advance(1_000);
    api.decide("one", verdict, "ann");
    await api.clock.advance(1_000);
    const status = api.status("one");
    expect([status.phase, condition(status, "Approved"), status.decidedBy]).toEqual([phase, approved, ["ann"]]);
    expect(status.decidedAt).toBe("2026-01-01T00:00:01.000Z");
    expect(status.history?.map(({ type, by }) => [type, by])).toEqual([
      ["Requested", "dev"],
      [verdict, "ann"],
      ["Decided", undefined],
    ]);
    expect(api.audited.map(({ type }) => type)).toEqual(["Requested", verdict, "Decided"]);
    expect(api.events).toContain(`RuntimeDeployment ${event}`);
  });

  it("escalates, then expires, and is not opened again by a clock that goes back", async () => {
    const api = world();
    const escalation = { afterHours: 4, groups: ["leads"] };
    api.put("one", {
      policies: [{ name: "images", uid: "uid-images", approvers: { required: 1 }, timeoutHours: 24, escalation }],
    });
    const { enqueue } = api.boot();
    await api.clock.advance(4 * HOUR_MS - 1_000);
    expect(api.status("one").escalatedAt).toBeUndefined();
    await api.clock.advance(1_000);
    expect(api.status("one").escalatedAt).toBe("2026-01-01T04:00:00.000Z");
    await api.clock.advance(20 * HOUR_MS);
    expect(api.status("one").phase).toBe("Expired");
    expect(api.status("one").history?.map(({ type }) => type)).toEqual(["Requested", "Escalated", "Expired"]);
    const { writes } = api;
    api.clock.now = () => new Date("2026-01-01T01:00:00Z");
    enqueue("one");
    await api.clock.advance(1_000);
    expect([api.status("one").phase, api.writes]).toEqual(["Expired", writes]);
  });

  it.each([
    {
      because: "its deployment asks for something else",
      act: (api: ReturnType<typeof world>) => api.wanted.set("d-1", OTHER),
    },
    {
      because: "its deployment is gone",
      act: (api: ReturnType<typeof world>) => api.deployments.remove({ namespace: "team-a", name: "files" }),
    },
    {
      because: "another has the name of its deployment",
      act: (api: ReturnType<typeof world>) => api.deployment("d-2"),
    },
  ])("is superseded when $because, and a decision does nothing then", async ({ act }) => {
    const api = world();
    api.put("one");
    const { enqueue } = api.boot();
    await api.clock.advance(1_000);
    act(api);
    enqueue("one");
    await api.clock.advance(1_000);
    expect(api.status("one").phase).toBe("Superseded");
    api.decide("one", "Approved", "ann");
    await api.clock.advance(1_000);
    expect(api.status("one").phase).toBe("Superseded");
    expect(condition(api.status("one"), "Approved")).toBe("False ApprovalSuperseded");
  });

  it("is not believed where something else wrote it, and nobody is told", async () => {
    const api = world();
    const real = api.put("one");
    api.approvals.put({ ...real, spec: { ...real.spec, requesters: [] } });
    api.boot();
    await api.clock.advance(1_000);
    expect(condition(api.status("one"), "Approved")).toBe("False AdmissionMissing");
    expect(api.audited).toEqual([]);
  });

  it("tells a line of the audit log again after a crash before its status was written, and else once", async () => {
    const api = world();
    api.put("one");
    const { kill } = api.boot();
    kill();
    api.boot();
    await api.clock.advance(1_000);
    expect(api.audited.map(({ type }) => type)).toEqual(["Requested", "Requested"]);
    api.boot();
    await api.clock.advance(1_000);
    expect(api.audited).toHaveLength(2);
  });
});

describe("notices", () => {
  const notify = { webhook: { urlSecretRef: { namespace: "a", name: "hook", key: "url" } } };

  it("are repeated after a restart until somebody took them, and then not", async () => {
    const api = world();
    api.policy("images", { notify });
    api.put("one");
    const { kill } = api.boot();
    await api.clock.advance(1_000);
    const asked = api.told.length;
    expect(new Set(api.told.map(({ notice }) => notice.event))).toEqual(new Set(["Requested"]));
    expect(condition(api.status("one"), "Notified")).toBe("Unknown NotificationsPending");
    kill();
    api.boot();
    await api.clock.advance(1_000);
    expect(new Set(api.told.map(({ notice }) => notice.id)).size).toBe(1);
    expect(api.told.length).toBeGreaterThan(asked);
    api.told.at(-1)?.report({ state: "Delivered", at: api.clock.now() });
    await api.clock.advance(1_000);
    expect(api.status("one").notifications).toMatchObject([
      { event: "Requested", channel: "webhook", state: "Delivered" },
    ]);
    expect(condition(api.status("one"), "Notified")).toBe("True NotificationsDelivered");
    const { length } = api.told;
    api.boot();
    await api.clock.advance(1_000);
    expect(api.told).toHaveLength(length);
  });

  it("that nobody takes are seen in a condition and delay nothing", async () => {
    const api = world();
    api.policy("images", { notify });
    api.put("one");
    api.boot();
    await api.clock.advance(1_000);
    api.told.at(-1)?.report({ state: "Retrying", at: api.clock.now(), message: "connection refused" });
    api.decide("one", "Approved", "ann");
    await api.clock.advance(1_000);
    expect(api.status("one").phase).toBe("Approved");
    expect(condition(api.status("one"), "Notified")).toBe("False NotificationsFailed");
    expect(api.told.map(({ notice }) => notice.event)).toContain("Approved");
  });

  it("that there is no room for are handed in again every five minutes", async () => {
    const api = world();
    api.policy("images", { notify });
    api.receivers.isFull = true;
    api.put("one");
    api.boot();
    await api.clock.advance(60_000);
    expect(condition(api.status("one"), "Notified")).toBe("False NotificationsFailed");
    const asked = api.told.length;
    expect(asked).toBeLessThan(5);
    await api.clock.advance(10 * 60_000);
    expect(api.told.length).toBe(asked + 2);
    api.receivers.isFull = false;
    await api.clock.advance(5 * 60_000);
    api.told.at(-1)?.report({ state: "Delivered", at: api.clock.now() });
    await api.clock.advance(1_000);
    expect(condition(api.status("one"), "Notified")).toBe("True NotificationsDelivered");
  });

  it("of what was before are nobody's who asks to be told later", async () => {
    const api = world();
    api.put("one");
    api.boot();
    await api.clock.advance(1_000);
    api.policy("images", { notify });
    const { enqueue } = api.boot();
    enqueue("one");
    await api.clock.advance(1_000);
    expect(api.told).toEqual([]);
  });
});

describe("many Approvals", () => {
  it("that wait cost no write and no timer each", async () => {
    const api = world();
    for (let at = 0; at < 10_000; at++) {
      api.deployment(`d-${at}`, `files-${at}`);
      api.put(`a-${at}`, { deploymentRef: { name: `files-${at}`, uid: `d-${at}` } });
    }
    api.boot();
    await api.clock.advance(1_000);
    expect(api.writes).toBe(10_000);
    await api.clock.advance(0);
    expect(api.clock.pending).toBeLessThan(10);
    // Each is looked at twice an hour, and nothing is written.
    await api.clock.advance(HOUR_MS);
    expect(api.writes).toBe(10_000);
    expect(api.clock.pending).toBeLessThan(10);
  }, 120_000);

  it("that are over are kept ten for each deployment, and what it asks for now", async () => {
    const api = world();
    for (let at = 0; at < 14; at++) {
      const requestedAt = new Date(Date.UTC(2025, 11, 1, at)).toISOString();
      api.put(`a-${String(at).padStart(2, "0")}`, { digest: at === 0 ? OTHER : DIGEST, requestedAt });
    }
    api.wanted.set("d-1", OTHER);
    const { enqueue } = api.boot();
    await api.clock.advance(1_000);
    for (const { metadata } of api.approvals.list()) enqueue(metadata.name);
    await api.clock.advance(1_000);
    expect(api.removed.sort()).toEqual(["a-01", "a-02", "a-03"]);
    expect(api.status("a-00").phase).toBe("Expired");
  });
});
