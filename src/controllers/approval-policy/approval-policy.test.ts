import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import type { ApprovalPolicy, ApprovalPolicyStatus } from "../../api/v1alpha1/index.ts";
import { ApprovalPolicyReconciler } from "./controller.ts";

const KEY = { namespace: "", name: "images" };
const notify = { webhook: { urlSecretRef: { namespace: "a", name: "hook", key: "url" } } };

function policyOf(spec: object, uid = "p-1"): ApprovalPolicy {
  const metadata = {
    name: "images",
    uid,
    generation: 2,
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const whole = {
    namespaceSelector: {},
    rules: [{ name: "all", sourceTypes: ["image"] }],
    approvers: { users: ["ann"], required: 1 },
    ...spec,
  };
  return {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "ApprovalPolicy",
    metadata,
    spec: whole,
  } as unknown as ApprovalPolicy;
}

function world(policy: ApprovalPolicy) {
  const policies = new MemoryStore<ApprovalPolicy>();
  const clock = new FakeClock();
  const enqueued: string[] = [];
  policies.put(policy);
  const reconciler = new ApprovalPolicyReconciler({
    policies,
    writeStatus: async (object, status: ApprovalPolicyStatus) => policies.put({ ...object, status }),
    enqueue: ({ name }) => void enqueued.push(name),
    clock,
  });
  const look = async () => {
    await reconciler.reconcile(KEY, new AbortController().signal);
    const { conditions = [] } = policies.get(KEY)?.status ?? {};
    return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
  };
  return { policies, reconciler, look, enqueued, clock };
}

describe("an ApprovalPolicy", () => {
  it.each([
    { because: "all of it can be evaluated", spec: {}, accepted: "True Accepted" },
    {
      because: "an expression is none",
      spec: { rules: [{ name: "cel", cel: "effective.(" }] },
      accepted: "False InvalidRule",
    },
    {
      because: "a quantity is none",
      spec: { rules: [{ name: "cpu", cpuAbove: "a lot" }] },
      accepted: "False InvalidRule",
    },
  ])("is $accepted since $because", async ({ spec, accepted }) => {
    expect(await world(policyOf(spec)).look()).toEqual({ Accepted: accepted });
  });

  it("says whether what it wants told arrives, as far as that is known, also after a restart", async () => {
    const policy = policyOf({ notify });
    const { look, reconciler, enqueued, clock, policies } = world(policy);
    expect(await look()).toEqual({ Accepted: "True Accepted" });
    reconciler.learn(policy, "webhook", { state: "Retrying", at: clock.now(), message: "connection refused" });
    expect(enqueued).toEqual(["images"]);
    expect(await look()).toMatchObject({ NotificationsDelivered: "False NotificationsFailed" });
    const told = policies.get(KEY)?.status?.conditions?.find(({ type }) => type === "NotificationsDelivered");
    expect(told?.message).toBe("webhook: connection refused");
    const stored = policies.get(KEY) as ApprovalPolicy;
    expect(await world(stored).look()).toMatchObject({ NotificationsDelivered: "False NotificationsFailed" });
    reconciler.learn(policy, "webhook", { state: "Delivered", at: clock.now() });
    expect(await look()).toMatchObject({ NotificationsDelivered: "True NotificationsDelivered" });
  });

  it("has nothing to say of what another of its name was told", async () => {
    const { look, reconciler, clock } = world(policyOf({ notify }));
    reconciler.learn(policyOf({ notify }, "p-0"), "webhook", { state: "Delivered", at: clock.now() });
    expect(await look()).toEqual({ Accepted: "True Accepted" });
  });
});
