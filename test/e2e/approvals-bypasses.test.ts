import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Approval } from "../../src/api/v1alpha1/index.ts";
import { administratorOf, type Person, policy, untilApprovalIs } from "../support/approval-people.ts";
import { approve, passed, patchApproval, Suspects } from "../support/approval-suspects.ts";
import { eventually } from "../support/eventually.ts";
import { MCP_IMAGE } from "../support/images.ts";
import { conditionOf } from "../support/installation.ts";

jest.setTimeout(120_000);

/** Asks two people, about deployments with this path alone. */
const TWO = policy("two", {
  rules: [{ name: "pair", cel: 'effective.transport.path == "/pair"' }],
  approvers: { groups: ["security"], required: 2 },
});

/** Ways around an approval by deciding, each tried by the person who would gain from it, with a token of their own. */
describe.each(["inprocess", "webhook"])("nobody gets around an approval, with admission by %s:", (mode) => {
  let they: Suspects;

  beforeAll(async () => {
    they = await Suspects.gather(mode, [TWO]);
  });
  afterAll(async () => {
    await they?.[Symbol.asyncDispose]();
  });

  const create = (person: Person, object: object) =>
    person.kubectl.try(["create", "-f", "-"], { input: JSON.stringify(object) });

  it("not by approving what one has asked for", async () => {
    const approval = await they.asked("own", they.people.sam);
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /it is your own request/);
    await they.waits("own");
  });

  it("not by an Approval that is made by hand, decided or not", async () => {
    const { spec, metadata } = await they.asked("made");
    for (const by of [they.people.mallory, they.people.sam, they.people.root]) {
      const copy = { apiVersion: "slipway.dev/v1alpha1", kind: "Approval", metadata: { name: `by-${by.name}` }, spec };
      const decided = {
        ...spec,
        decisions: [{ verdict: "Approved", by: "kim", at: metadata.creationTimestamp, policies: ["one"] }],
      };
      // RBAC lets the administrator alone get as far as admission.
      if (by === they.people.root) {
        await they.refused(by, () => create(by, copy), /only Slipway's controller makes Approvals/);
        await they.refused(
          by,
          () => create(by, { ...copy, spec: decided }),
          /only Slipway's controller makes Approvals/,
        );
      } else await they.refused(by, () => create(by, copy), /cannot create resource "approvals"/);
    }
    await they.waits("made");
  });

  it("not as an administrator of the cluster", async () => {
    const approval = await they.asked("ruled");
    const { name } = approval.metadata;
    for (const by of [they.people.root, administratorOf(they.slipway)]) {
      await they.refused(by, () => approve(by, approval), /you are no approver of /);
      await they.refused(by, () => by.kubectl.try(["delete", "approval", name]), /goes with its RuntimeDeployment/);
      const label = () => by.kubectl.try(["label", "approval", name, "a=b"]);
      await they.refused(by, label, /only a decision may be added/);
      const sub = ["patch", "approval", name, "--subresource=status", "--type=merge", "-p"];
      const status = () => by.kubectl.try([...sub, '{"status":{"phase":"Approved","decidedBy":["sam"]}}']);
      await they.refused(by, status, /only Slipway's controller writes its status/);
      const policies = '[{"op":"replace","path":"/spec/policies/0/approvers","value":{"users":["root"]}}]';
      await they.refused(by, () => patchApproval(by, name, policies), /only a decision may be added/);
    }
    await they.waits("ruled");
  });

  it("not by the same person twice", async () => {
    const approval = await they.asked("twice", they.people.dana, { transport: { path: "/pair" } });
    expect(approval.spec.policies.map((each) => each.name).toSorted()).toEqual(["one", "two"]);
    passed(await approve(they.people.sam, approval));
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /you have decided already/);
    await they.waits("twice");
    const copied = JSON.stringify([{ op: "copy", from: "/spec/decisions/0", path: "/spec/decisions/-" }]);
    await they.refused(
      they.people.sam,
      () => patchApproval(they.people.sam, approval.metadata.name, copied),
      /you have decided already/,
    );
    const pairs = JSON.stringify(
      [1, 2].map(() => ({ op: "add", path: "/spec/decisions/-", value: { verdict: "Approved" } })),
    );
    await they.refused(
      they.people.kim,
      () => patchApproval(they.people.kim, approval.metadata.name, pairs),
      /a person decides once/,
    );
    await they.waits("twice");
  });

  it("not by a service account that asks", async () => {
    const approval = await they.asked("robots", they.people.argo);
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual([they.people.argo.name]);
    passed(await approve(they.people.sam, approval));
    await they.waits("robots");
    passed(await approve(they.people.kim, approval));
    await untilApprovalIs(they.slipway, approval.metadata.name, "Approved");
    await they.slipway.untilPhase("robots", "Connected");
    await they.slipway.remove("robots");
  });

  it("not by a decision of somebody who is no approver", async () => {
    const approval = await they.asked("outsiders");
    await they.refused(
      they.people.dana,
      () => approve(they.people.dana, approval),
      /cannot patch resource "approvals"/,
    );
    await they.refused(they.people.mallory, () => approve(they.people.mallory, approval), /you are no approver of /);
    await they.refused(
      they.people.mallory,
      () => approve(they.people.mallory, approval, "Rejected"),
      /you are no approver of /,
    );
    const isTold = async () =>
      (await they.slipway.events(approval.metadata.name)).some(({ reason }) => reason === "WriteRefused");
    await eventually("an event tells of it", isTold);
    const claimed = { verdict: "Approved", by: "sam", at: new Date().toISOString(), policies: ["one"], stamp: "x" };
    const forged = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: claimed }]);
    await they.refused(
      they.people.mallory,
      () => patchApproval(they.people.mallory, approval.metadata.name, forged),
      /you are no approver of /,
    );
    await they.waits("outsiders");
    const role = await they.people.dana.slipway("approve", "outsiders", "--reason", "please");
    expect(role).toMatchObject({ code: 1, stderr: expect.stringContaining("it takes the role slipway-approver") });
    const said = await they.people.mallory.slipway("approve", "outsiders", "--reason", "please");
    expect(said).toMatchObject({ code: 1, stderr: expect.stringMatching(/^slipway: .*is forbidden/) });
  });

  it("not in the name of somebody else", async () => {
    const approval = await they.asked("claimed");
    const claimed = {
      verdict: "Approved",
      reason: "me",
      by: "kim",
      at: "2020-01-01T00:00:00Z",
      policies: ["other"],
      stamp: "x",
    };
    const forged = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: claimed }]);
    passed(await patchApproval(they.people.sam, approval.metadata.name, forged));
    const { spec } = await untilApprovalIs(they.slipway, approval.metadata.name, "Approved");
    expect(spec.decisions).toEqual([
      expect.objectContaining({ verdict: "Approved", reason: "me", by: "sam", policies: ["one"] }),
    ]);
    expect(Date.parse(spec.decisions[0]?.at ?? "")).toBeGreaterThan(Date.now() - 60_000);
    await they.slipway.remove("claimed");
  });

  it("not through the status", async () => {
    const { metadata } = await they.asked("status");
    const body = '{"status":{"phase":"Approved","decidedBy":["sam"]}}';
    const sub = ["--subresource=status", "--type=merge", "-p", body];
    for (const by of [they.people.dana, they.people.mallory, they.people.sam]) {
      const attempt = () => by.kubectl.try(["patch", "approval", metadata.name, ...sub]);
      await they.refused(by, attempt, /cannot patch resource "approvals\/status"/);
    }
    await they.refused(
      they.people.root,
      () => they.people.root.kubectl.try(["patch", "approval", metadata.name, ...sub]),
      /only Slipway's controller/,
    );
    await they.waits("status");
  });

  it("not through the status of the deployment", async () => {
    const { metadata, spec } = await they.asked("stated");
    const running = {
      status: "True",
      lastTransitionTime: metadata.creationTimestamp,
      message: "",
      observedGeneration: 1,
    };
    const status = {
      phase: "Connected",
      approvalRef: { name: metadata.name },
      workload: { backend: "docker", id: "x", image: MCP_IMAGE, generation: 1, digest: spec.digest, restartCount: 0 },
      conditions: [
        { type: "Approved", reason: "Approved", ...running },
        { type: "Ready", reason: "Connected", ...running },
      ],
    };
    const args = ["patch", "rtd", "stated", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })];
    for (const by of [they.people.dana, they.people.sam])
      expect((await by.kubectl.try(args)).stderr).toMatch(/cannot patch resource/);
    expect((await they.people.root.kubectl.try(args)).stderr).toMatch(/only Slipway's controller writes its status/);
    await they.slipway.untilPhase("stated", "PendingApproval");
    await sleep(1_000);
    await they.waits("stated");
  });

  it("not by a decision from elsewhere", async () => {
    const source = await they.asked("source");
    passed(await approve(they.people.kim, source));
    const { spec } = await untilApprovalIs(they.slipway, source.metadata.name, "Approved");
    const target = await they.asked("target");
    const replayed = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: spec.decisions[0] }]);
    for (const by of [they.people.mallory, they.people.root])
      await they.refused(by, () => patchApproval(by, target.metadata.name, replayed), /you are no approver of /);
    await they.waits("target");
    await they.slipway.remove("source");
  });

  it("not by taking a no away", async () => {
    const approval = await they.asked("refused");
    passed(await approve(they.people.kim, approval, "Rejected"));
    const { metadata } = await untilApprovalIs(they.slipway, approval.metadata.name, "Rejected");
    const gone = JSON.stringify([{ op: "remove", path: "/spec/decisions/0" }]);
    await they.refused(they.people.sam, () => patchApproval(they.people.sam, metadata.name, gone), /decisions stay/);
    const turned = JSON.stringify([{ op: "replace", path: "/spec/decisions/0/verdict", value: "Approved" }]);
    await they.refused(they.people.sam, () => patchApproval(they.people.sam, metadata.name, turned), /decisions stay/);
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /it is Rejected/);
    await they.refused(
      they.people.root,
      () => they.people.root.kubectl.try(["delete", "approval", metadata.name]),
      /goes with its RuntimeDeployment/,
    );
    await they.people.dana.kubectl.run(["annotate", "rtd", "refused", "slipway.dev/request=please"]);
    await they.slipway.until("refused", ({ status }) => conditionOf(status, "Approved")?.reason === "ApprovalRejected");
    expect(await they.slipway.containers("refused")).toEqual([]);
  });

  it("not by a policy that is deleted meanwhile", async () => {
    const rules = [{ name: "gone", cel: 'effective.transport.path == "/gone"' }];
    await they.slipway.kubectl.apply(policy("gone", { rules, approvers: { users: ["nobody"], required: 1 } }));
    await they.slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/gone", "--timeout=60s"]);
    const approval = await they.asked("orphaned", they.people.dana, { transport: { path: "/gone" } });
    expect(approval.spec.policies.map((each) => each.name).toSorted()).toEqual(["gone", "one"]);
    await they.slipway.kubectl.run(["delete", "approvalpolicy", "gone"]);
    passed(await approve(they.people.sam, approval));
    passed(await approve(they.people.kim, approval));
    const later = await they.slipway.kubectl.get<Approval>("approval", approval.metadata.name);
    expect(later.status?.phase).toBe("Pending");
    await they.waits("orphaned");
  });

  it("not by a namespace that is taken out of the policy meanwhile", async () => {
    const { kubectl } = they.slipway;
    const label = (value: string) => kubectl.run(["label", "namespace", "default", `env${value}`]);
    await label("=production");
    const namespaceSelector = { matchLabels: { env: "production" } };
    await kubectl.apply(policy("labelled", { namespaceSelector, approvers: { users: ["nobody"], required: 1 } }));
    await kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/labelled", "--timeout=60s"]);
    const approval = await they.asked("moved");
    expect(approval.spec.policies.map((each) => each.name).toSorted()).toEqual(["labelled", "one"]);
    await label("-");
    passed(await approve(they.people.sam, approval));
    await they.waits("moved");
    const later = await they.asked("unlabelled");
    expect(later.spec.policies.map((each) => each.name)).toEqual(["one"]);
  });

  it("and every attempt is in a log that holds together", async () => {
    const { code, stdout, stderr } = await they.slipway.process.command(
      "audit",
      "verify",
      "--data-dir",
      they.slipway.process.dataDir,
    );
    expect({ code, stderr, stdout }).toMatchObject({ code: 0, stderr: "" });
  });
});
