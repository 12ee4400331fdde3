import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Approval } from "../../src/api/v1alpha1/index.ts";
import {
  addPerson,
  approvalsOf,
  type Person,
  policy,
  untilApprovalIs,
  untilAsked,
} from "../support/approval-people.ts";
import { ensureMcpImage } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

/** What whoever may change webhook configurations can do: switch admission off. It starts nothing. */
describe("what is written while nobody asks admission", () => {
  let slipway: Installation;
  let developer: Person;
  let approver: Person;
  let asked: Approval;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start({ args: ["--admission", "webhook"] });
    developer = await addPerson(slipway, "dana", { roles: ["slipway-developer"] });
    approver = await addPerson(slipway, "sam", { roles: ["slipway-approver"], groups: ["security"] });
    await slipway.kubectl.apply(policy("production"));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/production", "--timeout=60s"]);
    await developer.kubectl.apply(deployment("before"));
    asked = await untilAsked(slipway, "before");
    const configurations = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"];
    for (const each of configurations) await slipway.kubectl.run(["delete", each, "--all"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  const approvedReason = async (name: string) => conditionOf((await slipway.get(name)).status, "Approved")?.reason;

  it("is held: a deployment", async () => {
    const forged = JSON.stringify({
      entries: [{ user: "dana", groups: [], at: new Date().toISOString(), digest: "x" }],
      mac: "v1:x",
    });
    const wish = deployment("after") as { metadata: object };
    const metadata = { ...wish.metadata, annotations: { "slipway.dev/requesters": forged } };
    await developer.kubectl.apply({ ...wish, metadata });
    await slipway.until("after", ({ status }) => conditionOf(status, "Approved")?.reason === "AdmissionMissing");
    expect(await approvalsOf(slipway, "after")).toEqual([]);
    expect(await slipway.containers("after")).toEqual([]);
  });

  it("counts for nothing: a decision, a status, an Approval", async () => {
    const { name } = asked.metadata;
    const decision = {
      ...{ verdict: "Approved", by: "sam", at: new Date().toISOString(), policies: ["production"] },
      stamp: asked.spec.seal,
    };
    const add = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: decision }]);
    await slipway.kubectl.run(["patch", "approval", name, "--type=json", "-p", add]);
    const status = JSON.stringify({ status: { phase: "Approved", decidedBy: ["sam"] } });
    await slipway.kubectl.run(["patch", "approval", name, "--subresource=status", "--type=merge", "-p", status]);
    const { metadata, spec } = asked;
    const copy = {
      ...metadata,
      name: "made-by-hand",
      uid: undefined,
      resourceVersion: undefined,
      managedFields: undefined,
    };
    const made = {
      apiVersion: asked.apiVersion,
      kind: "Approval",
      metadata: copy,
      spec: { ...spec, decisions: [decision] },
    };
    await slipway.kubectl.run(["create", "-f", "-"], { input: JSON.stringify(made) });
    await sleep(3_000);
    expect(await slipway.containers("before")).toEqual([]);
    expect(await approvedReason("before")).not.toBe("Approved");
    expect((await slipway.kubectl.get<Approval>("approval", name)).status?.phase).not.toBe("Approved");
  });

  it("stays held once admission is back, until somebody asks for it in their own name", async () => {
    await slipway.process.kill9();
    await slipway.process.start();
    for (const person of [developer, approver]) person.reconnect();
    await sleep(3_000);
    expect(await slipway.containers()).toEqual([]);
    expect(await approvedReason("after")).toBe("AdmissionMissing");
    const said = await developer.slipway("request", "after");
    expect(said).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Asked for after as it stands\. It was held: /),
    });
    const again = await untilAsked(slipway, "after");
    expect(again.spec.requesters.map(({ username }) => username)).toContain("dana");
    expect(await slipway.containers()).toEqual([]);
  });

  it("is decided by more than one, since nobody knows who wrote it first", async () => {
    const { metadata } = await untilAsked(slipway, "after");
    expect((await approver.slipway("approve", "after", "--reason", "looked at it")).code).toBe(0);
    await sleep(2_000);
    expect((await slipway.kubectl.get<Approval>("approval", metadata.name)).status?.phase).toBe("Pending");
    const colleague = await addPerson(slipway, "kim", { roles: ["slipway-approver"], groups: ["security"] });
    expect((await colleague.slipway("approve", "after", "--reason", "so did I")).code).toBe(0);
    await untilApprovalIs(slipway, metadata.name, "Approved");
    await slipway.untilPhase("after", "Connected");
  });
});
