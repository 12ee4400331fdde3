import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { answer, FakeApi, refuse } from "../../test/support/fake-api.ts";
import type { Condition, KubeObject, ResourceType } from "../api/meta.ts";
import { createKubeClient, type DisposableKubeClient } from "./http-kube-client.ts";
import { StatusPatcher } from "./status-patcher.ts";

interface Status {
  phase?: string;
  url?: string;
  workload?: Record<string, unknown>;
  foreign?: string;
  conditions?: readonly Condition[];
}
type Widget = KubeObject & { status?: Status };

const widgets: ResourceType<Widget> = {
  group: "example.com",
  version: "v1",
  plural: "widgets",
  kind: "Widget",
  namespaced: true,
};

let api: FakeApi;
let client: DisposableKubeClient;

beforeEach(async () => {
  api = await FakeApi.start();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig() });
});

afterEach(async () => {
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

const widget = (status?: Status): Widget => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name: "a", namespace: "ns", uid: "u", resourceVersion: "7", creationTimestamp: "" },
  ...(status ? { status } : {}),
});

const ready: Condition = {
  type: "Ready",
  status: "True",
  reason: "Connected",
  message: "m",
  observedGeneration: 1,
  lastTransitionTime: "2026-01-01T00:00:00Z",
};
const later = "2026-02-02T00:00:00Z";

const patcher = () =>
  new StatusPatcher({
    client,
    type: widgets,
    fieldManager: "slipway",
    fields: ["phase", "url", "workload", "conditions"],
  });

/** The status that is sent when `before` was read and `next` is wanted; undefined when nothing is. */
async function sent(before: Status | undefined, next: Status): Promise<unknown> {
  api.failNext("any", answer(200, JSON.stringify(widget(next))));
  await patcher().patch(widget(before), next);
  const [request] = api.requests;
  return request && JSON.parse(request.body).status;
}

describe("a status patcher", () => {
  it.each([
    {
      because: "everything is the same",
      before: { phase: "Running", workload: { id: "1", image: "i" } },
      next: { workload: { image: "i", id: "1" }, phase: "Running" },
    },
    {
      because: "only the time of an equal condition was made anew",
      before: { conditions: [ready] },
      next: { conditions: [{ ...ready, lastTransitionTime: later }] },
    },
    { because: "the status is as empty as before", before: undefined, next: {} },
    {
      because: "another manager's member is not ours to remove",
      before: { phase: "Running", foreign: "x" },
      next: { phase: "Running" },
    },
    {
      because: "an absent member is spelt out",
      before: { phase: "Running" },
      next: { phase: "Running", url: undefined as never },
    },
  ])("asks nothing of the server: $because", async ({ before, next }) => {
    const object = widget(before);
    expect(await patcher().patch(object, next)).toBe(object);
    expect(api.requests).toEqual([]);
  });

  it.each([
    { because: "there was no status", before: undefined, next: { phase: "Pending" }, want: { phase: "Pending" } },
    {
      because: "one member changed",
      before: { phase: "Pending", url: "u" },
      next: { phase: "Running", url: "u" },
      want: { phase: "Running" },
    },
    {
      because: "a member of ours went",
      before: { phase: "Stopped", url: "u" },
      next: { phase: "Stopped" },
      want: { url: null },
    },
    {
      because: "within an object",
      before: { workload: { id: "1", image: "i" } },
      next: { workload: { id: "2" } },
      want: { workload: { id: "2", image: null } },
    },
    {
      because: "a foreign member stays",
      before: { foreign: "x" },
      next: { phase: "Running" },
      want: { phase: "Running" },
    },
    {
      because: "a condition kept its status, so its time",
      before: { conditions: [ready] },
      next: { conditions: [{ ...ready, message: "n", lastTransitionTime: later }] },
      want: { conditions: [{ ...ready, message: "n" }] },
    },
    {
      because: "a condition turned",
      before: { conditions: [ready] },
      next: { conditions: [{ ...ready, status: "False" as const, lastTransitionTime: later }] },
      want: { conditions: [{ ...ready, status: "False", lastTransitionTime: later }] },
    },
  ])("sends what differs: $because", async ({ before, next, want }) => {
    expect(await sent(before, next)).toEqual(want);
    expect(api.requests).toHaveLength(1);
  });

  it("patches the subresource on condition of the version that was read", async () => {
    api.failNext("any", answer(200, JSON.stringify(widget({ phase: "Running" }))));
    const after = await patcher().patch(widget(), { phase: "Running" });
    expect(after.status).toEqual({ phase: "Running" });
    const [request] = api.requests;
    expect(request?.path).toBe("/apis/example.com/v1/namespaces/ns/widgets/a/status");
    expect(request?.query.get("fieldManager")).toBe("slipway");
    expect(request?.headers["content-type"]).toBe("application/merge-patch+json");
    expect(JSON.parse(request?.body ?? "").metadata).toEqual({ resourceVersion: "7" });
  });

  it("passes a conflict on, for the key to be reconciled again", async () => {
    api.failNext("any", refuse(409, "Conflict"));
    await expect(patcher().patch(widget(), { phase: "Running" })).rejects.toMatchObject({ reason: "Conflict" });
    expect(api.requests).toHaveLength(1);
  });

  it("leaves a frozen object as it is", async () => {
    const object = Object.freeze(widget(Object.freeze({ conditions: Object.freeze([Object.freeze(ready)]) })));
    api.failNext("any", answer(200, JSON.stringify(widget())));
    await patcher().patch(object, { phase: "Running", conditions: [] });
    expect(object.status).toEqual({ conditions: [ready] });
  });
});
