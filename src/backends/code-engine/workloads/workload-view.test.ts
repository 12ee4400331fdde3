import { describe, expect, it } from "@jest/globals";
import type { App, Revision } from "../client/resources/apps.ts";
import { marked } from "./marks.ts";
import type { WorkloadRecord } from "./record.ts";
import { type Sight, workloadOf } from "./workload-view.ts";

const maker = { installation: "i", backend: "ibm" };
const owner = { uid: "u", namespace: "team-a", name: "files" };
const prototype = {
  name: "slipway-files-0123456789",
  image_reference: "icr.io/x/files:1",
  scale_cpu_limit: "0.25",
  scale_memory_limit: "1G",
};
const marks = (hash: string, attempt = 1) => marked(maker, { owner, hash, attempt });
const made = (hash: string, generation: number) => ({
  ...{ hash, generation, image: "icr.io/x/files:1", guardrails: undefined, attempt: 1, closed: false },
  startedAt: "2026-01-01T00:00:00.000Z",
  prototype,
});
const record = (patch: Partial<WorkloadRecord> = {}): WorkloadRecord => ({
  ...{ maker, owner, state: "started", stoppedAt: undefined },
  made: [made("new", 2), made("old", 1)],
  ...patch,
});
const LISTS = { run_commands: [], run_arguments: [], run_volume_mounts: [] };
const revision = (number: number, hash: string, patch: Partial<Revision> = {}): Revision => ({
  ...{
    ...LISTS,
    name: `${prototype.name}-0000${number}`,
    image_reference: "icr.io/x/files:1",
    run_env_variables: marks(hash),
    status: "ready",
  },
  ...patch,
});
const app = (patch: Partial<App> = {}): App => ({
  ...{
    ...LISTS,
    ...prototype,
    computed_env_variables: [],
    entity_tag: "1",
    run_env_variables: marks("new"),
    status: "ready",
  },
  endpoint: "https://files.sub.us-south.codeengine.appdomain.cloud",
  endpoint_internal: "http://files.sub.svc.cluster.local",
  managed_domain_mappings: "local_public",
  scale_min_instances: 1,
  status_details: {
    reason: "ready",
    latest_created_revision: `${prototype.name}-00002`,
    latest_ready_revision: `${prototype.name}-00002`,
  },
  ...patch,
});
const behind = { latest_created_revision: `${prototype.name}-00002`, latest_ready_revision: `${prototype.name}-00001` };
const view = (sight: Partial<Sight>, privateNetwork = false) =>
  workloadOf(
    { record: record(), app: app(), created: undefined, ready: revision(2, "new"), itsOwn: [], ...sight },
    { maker, privateNetwork },
  );

describe("workloadOf", () => {
  it.each<{ because: string; given: Partial<Sight>; want: object }>([
    {
      because: "all is as asked for",
      given: {},
      want: { hash: "new", generation: 2, state: { kind: "running" }, secure: true, rollout: undefined },
    },
    {
      because: "it was made, not started",
      given: { record: record({ state: "created" }), app: undefined },
      want: { state: { kind: "created" } },
    },
    {
      because: "it was stopped",
      given: { record: record({ state: "stopped", stoppedAt: "2026-01-02T00:00:00.000Z" }), app: undefined },
      want: { state: { kind: "exited", exitCode: 0, outOfMemory: false, error: "", at: "2026-01-02T00:00:00.000Z" } },
    },
    {
      because: "it was stopped and is still there",
      given: { record: record({ state: "stopped" }) },
      want: { state: { kind: "running" }, address: undefined },
    },
    {
      because: "its first revision comes up",
      given: {
        app: app({ status: "deploying", status_details: { reason: "waiting_for_resources" } }),
        ready: undefined,
      },
      want: { state: { kind: "starting", waitsFor: expect.stringContaining("room") } },
    },
    {
      because: "the app is ready and means the revision before",
      given: {
        app: app({ status_details: { ...behind, latest_created_revision: behind.latest_ready_revision } }),
        ready: revision(1, "old"),
      },
      want: { hash: "old", rollout: { hash: "new", trouble: undefined } },
    },
    {
      because: "a newer revision comes up",
      given: { app: app({ status: "deploying", status_details: behind }), ready: revision(1, "old") },
      want: {
        hash: "old",
        generation: 1,
        state: { kind: "running" },
        rollout: { hash: "new", generation: 2, trouble: undefined },
      },
    },
    {
      because: "a newer revision failed",
      given: {
        app: app({ status: "warning", status_details: behind }),
        ready: revision(1, "old"),
        created: revision(2, "new", { status: "failed", status_details: { reason: "container_failed_exit_code_139" } }),
      },
      want: {
        hash: "old",
        rollout: { hash: "new", trouble: { reason: "CrashLoopBackOff", message: expect.stringContaining("139") } },
      },
    },
    {
      because: "nothing came up",
      given: {
        app: app({
          status: "failed",
          status_details: { reason: "no_revision_ready", latest_created_revision: `${prototype.name}-00002` },
        }),
        ready: undefined,
        created: revision(2, "new", { status: "failed", status_details: { reason: "initial_scale_never_achieved" } }),
      },
      want: {
        state: { kind: "failed", reason: "StartFailed", message: expect.stringContaining("spec.transport.port") },
      },
    },
    {
      because: "a reason is new to us",
      given: {
        app: app({ status: "failed" }),
        created: revision(2, "new", { status: "failed", status_details: { reason: "something_new" } }),
      },
      want: { state: { kind: "failed", message: expect.stringContaining("something new") } },
    },
    {
      because: "somebody changed it",
      given: { app: app({ image_reference: "icr.io/x/other:1" }) },
      want: { drift: [{ kind: "spec" }] },
    },
    { because: "it may sleep", given: { app: app({ scale_min_instances: 0 }) }, want: { scalesToZero: true } },
  ])("tells that $because", ({ given, want }) => {
    expect(view(given)).toMatchObject(want);
  });

  it("knows nothing of an app that shall run and is gone", () => {
    expect(view({ app: undefined })).toBeUndefined();
  });

  it.each([
    { mapping: "local_public", privateNetwork: false, want: undefined },
    { mapping: "local_private", privateNetwork: false, want: expect.stringContaining("private") },
    { mapping: "local_private", privateNetwork: true, want: undefined },
    { mapping: "local", privateNetwork: true, want: expect.stringContaining("project") },
  ] as const)(
    "says of $mapping, private network $privateNetwork, whether it can be reached",
    ({ mapping, privateNetwork, want }) => {
      expect(view({ app: app({ managed_domain_mappings: mapping }) }, privateNetwork)?.unreachable).toEqual(want);
    },
  );
});
