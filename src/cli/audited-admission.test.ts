import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { AdmissionEvent } from "../admission/observer.ts";
import type { KubeObject } from "../api/meta.ts";
import { ApprovalLog } from "../audit/approval-log.ts";
import type { EventNote } from "../machinery/event-recorder.ts";
import { AuditedAdmission } from "./audited-admission.ts";

function world() {
  const clock = new FakeClock();
  const log = new ApprovalLog({ clock, logger: recordingLogger().logger });
  const recorded: { regarding: KubeObject; note: EventNote }[] = [];
  const admission = new AuditedAdmission({ log, clock });
  admission.events = { record: (regarding, note) => void recorded.push({ regarding, note }) };
  const taken = () => {
    const all = [];
    for (let group = log.take(); group.length > 0; group = log.take()) all.push(...group);
    return all;
  };
  return { clock, log, recorded, admission, taken };
}

function event(parts: Partial<AdmissionEvent> = {}): AdmissionEvent {
  return {
    ...{ type: "Refused", at: new Date(0), from: "10.0.0.1", operation: "UPDATE" },
    who: { username: "dana", groups: ["developers"] },
    object: { kind: "Approval", namespace: "team-a", name: "files-1", uid: "u-1" },
    ...{ digest: "v1:sha256:00", verdict: undefined, reason: "you are no approver of production" },
    ...parts,
  };
}

describe("AuditedAdmission", () => {
  it("writes who, what and from where, and tells of a refusal on the object", () => {
    const { admission, taken, recorded } = world();
    admission.observe(event());
    expect(taken()).toMatchObject([
      {
        ...{ type: "Refused", part: "admission", who: ["dana"], groups: ["developers"], from: "10.0.0.1" },
        ...{ namespace: "team-a", approval: { name: "files-1", uid: "u-1" }, digest: "v1:sha256:00" },
        reason: "you are no approver of production",
      },
    ]);
    expect(recorded).toMatchObject([
      {
        regarding: { kind: "Approval", metadata: { namespace: "team-a", name: "files-1", uid: "u-1" } },
        note: { type: "Warning", reason: "WriteRefused", action: "Update" },
      },
    ]);
  });

  it("names deployments and other objects apart, and tells of no object that was never there", () => {
    const { admission, taken, recorded } = world();
    const deployment = { kind: "RuntimeDeployment", namespace: "team-a", name: "files", uid: undefined };
    admission.observe(event({ object: deployment, operation: "CREATE" }));
    const profile = { kind: "GuardrailProfile", namespace: "", name: "standard", uid: "p-1" };
    admission.observe(event({ type: "Requested", object: profile }));
    expect(taken()).toEqual([
      expect.objectContaining({ deployment: { name: "files" } }),
      expect.objectContaining({
        type: "Requested",
        object: { kind: "GuardrailProfile", name: "standard", uid: "p-1" },
      }),
    ]);
    expect(recorded).toEqual([]);
  });

  it("lists a thousand refusals of one user at once, then one a second, and says how many it did not list", async () => {
    const { admission, taken, clock } = world();
    for (let count = 0; count < 1_500; count++) admission.observe(event());
    admission.observe(event({ who: { username: "vera", groups: [] } }));
    admission.observe(event({ type: "Decided", verdict: "Approved" }));
    const listed = taken();
    expect(listed.filter(({ who }) => who[0] === "dana")).toHaveLength(1_001);
    expect(listed.slice(-2)).toMatchObject([{ who: ["vera"] }, { type: "Decided", verdict: "Approved" }]);
    await clock.advance(1_000);
    admission.observe(event());
    expect(taken()).toMatchObject([{ who: ["dana"], unlisted: 500 }]);
  });

  it.each([
    { because: "somebody without the right decided", changes: {}, isListed: true },
    { because: "somebody looked", changes: { verb: "list" }, isListed: false },
    { because: "admission refused it, which told so itself", changes: { annotations: {} }, isListed: false },
    {
      because: "it was about something else",
      changes: { objectRef: { resource: "secrets", namespace: "team-a" } },
      isListed: false,
    },
  ])("lists what access refused, or not: $because", ({ changes, isListed }) => {
    const { admission, taken } = world();
    admission.served({
      verb: "patch",
      user: { username: "dana", groups: ["developers"] },
      sourceIPs: ["10.0.0.1"],
      objectRef: { resource: "approvals", apiGroup: "slipway.dev", namespace: "team-a", name: "files-1" },
      annotations: { "authorization.k8s.io/decision": "forbid" },
      ...changes,
    });
    const line = {
      ...{ type: "Refused", part: "access", who: ["dana"], groups: ["developers"], from: "10.0.0.1" },
      ...{ namespace: "team-a", approval: { name: "files-1" }, reason: "has no right to patch approvals" },
    };
    expect(taken()).toMatchObject(isListed ? [line] : []);
  });
});
