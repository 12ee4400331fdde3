import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import type { Approval } from "../../src/api/v1alpha1/index.ts";
import {
  addPerson,
  addRobot,
  administratorOf,
  approvalsOf,
  decisionPatch,
  type Person,
  policy,
  untilApprovalIs,
  untilAsked,
} from "../support/approval-people.ts";
import { refusalsOf } from "../support/audit-lines.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";
import type { KubectlResult } from "../support/kubectl.ts";

jest.setTimeout(120_000);

/** Ways around an approval, each tried by the person who would gain from it, with a token of their own. */
describe.each(["inprocess", "webhook"])("nobody gets around an approval, with admission by %s:", (mode) => {
  let slipway: Installation;
  /** Writes deployments. */
  let dana: Person;
  /** May by RBAC do all of it, and is no approver by any policy. */
  let mallory: Person;
  /** Approvers who may write deployments, too. */
  let sam: Person;
  let kim: Person;
  /** A robot that writes deployments. */
  let argo: Person;
  /** Bound to `cluster-admin`. */
  let root: Person;

  beforeAll(async () => {
    await ensureMcpImage();
    await ensureSandboxImage(() => undefined);
    slipway = await Installation.start({ args: ["--admission", mode] });
    const both = ["slipway-developer", "slipway-approver"];
    dana = await addPerson(slipway, "dana", { roles: ["slipway-developer"] });
    mallory = await addPerson(slipway, "mallory", { roles: [...both, "admin"] });
    sam = await addPerson(slipway, "sam", { roles: [...both, "edit"], groups: ["security"] });
    kim = await addPerson(slipway, "kim", { roles: both, groups: ["security"] });
    argo = await addRobot(slipway, "argo", "slipway-developer");
    root = await addPerson(slipway, "root", { roles: [] });
    await slipway.kubectl.run(["create", "clusterrolebinding", "root", "--clusterrole=cluster-admin", "--user=root"]);
    await slipway.kubectl.apply(policy("one"), policy("two", twoFor("pair")));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicies", "--all", "--timeout=60s"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  /** The first of these policies asks for two, of deployments whose port says so. */
  const twoFor = (path: string) => ({
    rules: [{ name: "pair", cel: `effective.transport.path == "/${path}"` }],
    approvers: { groups: ["security"], required: 2 },
  });

  const asked = async (name: string, by: Person = dana, spec: Record<string, unknown> = {}): Promise<Approval> => {
    await by.kubectl.apply(deployment(name, spec));
    return await untilAsked(slipway, name);
  };
  const approve = (person: Person, { metadata }: Approval, verdict: "Approved" | "Rejected" = "Approved") =>
    patch(person, metadata.name, decisionPatch(verdict, "because"));
  const patch = (person: Person, approval: string, body: string, ...more: string[]) =>
    person.kubectl.try(["patch", "approval", approval, "--type=json", "-p", body, ...more]);
  const create = (person: Person, object: object) =>
    person.kubectl.try(["create", "-f", "-"], { input: JSON.stringify(object) });
  const passed = (result: KubectlResult) => expect(result).toMatchObject({ code: 0 });
  /** Approves, and waits until it runs. */
  const running = async (name: string, spec: Record<string, unknown> = {}): Promise<Approval> => {
    const approval = await asked(name, dana, spec);
    passed(await approve(sam, approval));
    await slipway.untilPhase(name, "Connected");
    return approval;
  };

  /** It was refused to its author's face, with this said, and the log knows who tried. */
  const refused = async (by: Person, attempt: () => Promise<KubectlResult>, because: RegExp): Promise<void> => {
    const before = refusalsOf(slipway, by.name).length;
    const { code, stderr } = await attempt();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(because) });
    expect(stderr).toMatch(/is forbidden: /);
    await eventually(`the log knows of the attempt by ${by.name}`, () => refusalsOf(slipway, by.name).length > before);
  };
  /** It still waits, and nothing runs. */
  const waits = async (name: string): Promise<void> => {
    const pending = (await approvalsOf(slipway, name)).filter(({ status }) => status?.phase === "Pending");
    expect(pending).toHaveLength(1);
    expect(await slipway.containers(name)).toEqual([]);
    expect((await slipway.get(name)).status?.phase).toBe("PendingApproval");
  };

  it("not by approving what one has asked for", async () => {
    const approval = await asked("own", sam);
    await refused(sam, () => approve(sam, approval), /it is your own request/);
    await waits("own");
  });

  it("not by an edit of an approver's that a colleague saves again", async () => {
    await running("edited");
    await sam.kubectl.apply(deployment("edited", { args: ["/app/mcp.mjs", "--evil"] }));
    await untilAsked(slipway, "edited");
    await dana.kubectl.run(["annotate", "rtd", "edited", "note=harmless"]);
    await dana.kubectl.run(["patch", "rtd", "edited", "--type=merge", "-p", '{"spec":{"health":{"periodSeconds":2}}}']);
    const approval = await untilAsked(slipway, "edited");
    expect(approval.spec.requesters.map(({ username }) => username)).toContain("sam");
    await refused(sam, () => approve(sam, approval), /it is your own request/);
    await dana.kubectl.apply(
      deployment("edited", { args: ["/app/mcp.mjs", "--evil"], env: [{ name: "A", value: "1" }] }),
    );
    await eventually("it is asked about anew", async () => {
      const { metadata, spec } = await untilAsked(slipway, "edited");
      return metadata.name !== approval.metadata.name && spec.requesters.some(({ username }) => username === "dana");
    });
    const newer = await untilAsked(slipway, "edited");
    expect(newer.spec.requesters.map(({ username }) => username).toSorted()).toEqual(["dana", "sam"]);
    await refused(sam, () => approve(sam, newer), /it is your own request/);
    await slipway.remove("edited");
  });

  it("not by an Approval that is made by hand, decided or not", async () => {
    const { spec, metadata } = await asked("made");
    for (const by of [mallory, sam, root]) {
      const copy = { apiVersion: "slipway.dev/v1alpha1", kind: "Approval", metadata: { name: `by-${by.name}` }, spec };
      const decided = {
        ...spec,
        decisions: [{ verdict: "Approved", by: "kim", at: metadata.creationTimestamp, policies: ["one"] }],
      };
      // RBAC lets the administrator alone get as far as admission.
      if (by === root) {
        await refused(by, () => create(by, copy), /only Slipway's controller makes Approvals/);
        await refused(by, () => create(by, { ...copy, spec: decided }), /only Slipway's controller makes Approvals/);
      } else await refused(by, () => create(by, copy), /cannot create resource "approvals"/);
    }
    await waits("made");
  });

  it("not as an administrator of the cluster", async () => {
    const approval = await asked("ruled");
    const { name } = approval.metadata;
    for (const by of [root, administratorOf(slipway)]) {
      await refused(by, () => approve(by, approval), /you are no approver of /);
      await refused(by, () => by.kubectl.try(["delete", "approval", name]), /goes with its RuntimeDeployment/);
      const label = () => by.kubectl.try(["label", "approval", name, "a=b"]);
      await refused(by, label, /only a decision may be added/);
      const sub = ["patch", "approval", name, "--subresource=status", "--type=merge", "-p"];
      const status = () => by.kubectl.try([...sub, '{"status":{"phase":"Approved","decidedBy":["sam"]}}']);
      await refused(by, status, /only Slipway's controller writes its status/);
      const policies = '[{"op":"replace","path":"/spec/policies/0/approvers","value":{"users":["root"]}}]';
      await refused(by, () => patch(by, name, policies), /only a decision may be added/);
    }
    await waits("ruled");
  });

  it("not by the same person twice", async () => {
    const approval = await asked("twice", dana, { transport: { path: "/pair" } });
    expect(approval.spec.policies.map((each) => each.name).toSorted()).toEqual(["one", "two"]);
    passed(await approve(sam, approval));
    await refused(sam, () => approve(sam, approval), /you have decided already/);
    await waits("twice");
    const copied = JSON.stringify([{ op: "copy", from: "/spec/decisions/0", path: "/spec/decisions/-" }]);
    await refused(sam, () => patch(sam, approval.metadata.name, copied), /you have decided already/);
    const pairs = JSON.stringify(
      [1, 2].map(() => ({ op: "add", path: "/spec/decisions/-", value: { verdict: "Approved" } })),
    );
    await refused(kim, () => patch(kim, approval.metadata.name, pairs), /a person decides once/);
    await waits("twice");
  });

  it("not by a ConfigMap that is edited after approval", async () => {
    const config = (value: string) => ({
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } },
      data: { WHICH: value },
    });
    await slipway.kubectl.apply(config("one"));
    await running("configured", { envFrom: [{ configMapRef: { name: "settings" } }] });
    const before = (await slipway.container("configured")).id;
    await sam.kubectl.apply(config("two"));
    const approval = await untilAsked(slipway, "configured");
    expect(JSON.stringify(approval.spec.review?.changes)).toContain("two");
    passed(await approve(sam, approval));
    // Nobody knows who wrote it, so that one alone is not enough.
    const { status } = await slipway.kubectl.get<Approval>("approval", approval.metadata.name);
    expect(status?.phase).toBe("Pending");
    expect((await slipway.container("configured")).id).toBe(before);
    passed(await approve(kim, approval));
    await eventually("it runs with the other", async () => {
      const { Config } = await (await slipway.container("configured")).inspect();
      return Config.Env.includes("WHICH=two");
    });
    await slipway.remove("configured");
  });

  it("not by a profile that an approver widens for a colleague's deployment", async () => {
    const profile = (pids: number) => ({
      ...{ apiVersion: "slipway.dev/v1alpha1", kind: "GuardrailProfile", metadata: { name: "shared" } },
      spec: { network: { egressAllowed: true, allowedHosts: ["*"] }, resources: { maxPids: pids } },
    });
    await slipway.kubectl.run(["create", "clusterrolebinding", "kim", "--clusterrole=slipway-admin", "--user=kim"]);
    await slipway.kubectl.apply(profile(50));
    await running("profiled", { guardrails: { profile: "shared" } });
    const before = (await slipway.container("profiled")).id;
    await kim.kubectl.apply(profile(500));
    const approval = await untilAsked(slipway, "profiled");
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual(["kim"]);
    await refused(kim, () => approve(kim, approval), /it is your own request/);
    expect((await slipway.container("profiled")).id).toBe(before);
    passed(await approve(sam, approval));
    await untilApprovalIs(slipway, approval.metadata.name, "Approved");
    await eventually("it has the wider profile", async () => (await slipway.container("profiled")).id !== before);
    await slipway.remove("profiled");
    await slipway.kubectl.run(["delete", "grp", "shared"]);
  });

  it("not by a service account that asks", async () => {
    const approval = await asked("robots", argo);
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual([argo.name]);
    passed(await approve(sam, approval));
    await waits("robots");
    passed(await approve(kim, approval));
    await untilApprovalIs(slipway, approval.metadata.name, "Approved");
    await slipway.untilPhase("robots", "Connected");
    await slipway.remove("robots");
  });

  it("not by a decision of somebody who is no approver", async () => {
    const approval = await asked("outsiders");
    await refused(dana, () => approve(dana, approval), /cannot patch resource "approvals"/);
    await refused(mallory, () => approve(mallory, approval), /you are no approver of /);
    await refused(mallory, () => approve(mallory, approval, "Rejected"), /you are no approver of /);
    const isTold = async () =>
      (await slipway.events(approval.metadata.name)).some(({ reason }) => reason === "WriteRefused");
    await eventually("an event tells of it", isTold);
    const claimed = { verdict: "Approved", by: "sam", at: new Date().toISOString(), policies: ["one"], stamp: "x" };
    const forged = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: claimed }]);
    await refused(mallory, () => patch(mallory, approval.metadata.name, forged), /you are no approver of /);
    await waits("outsiders");
    const role = await dana.slipway("approve", "outsiders", "--reason", "please");
    expect(role).toMatchObject({ code: 1, stderr: expect.stringContaining("it takes the role slipway-approver") });
    const said = await mallory.slipway("approve", "outsiders", "--reason", "please");
    expect(said).toMatchObject({ code: 1, stderr: expect.stringMatching(/^slipway: .*is forbidden/) });
  });

  it("not in the name of somebody else", async () => {
    const approval = await asked("claimed");
    const claimed = {
      verdict: "Approved",
      reason: "me",
      by: "kim",
      at: "2020-01-01T00:00:00Z",
      policies: ["other"],
      stamp: "x",
    };
    const forged = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: claimed }]);
    passed(await patch(sam, approval.metadata.name, forged));
    const { spec } = await untilApprovalIs(slipway, approval.metadata.name, "Approved");
    expect(spec.decisions).toEqual([
      expect.objectContaining({ verdict: "Approved", reason: "me", by: "sam", policies: ["one"] }),
    ]);
    expect(Date.parse(spec.decisions[0]?.at ?? "")).toBeGreaterThan(Date.now() - 60_000);
    await slipway.remove("claimed");
  });

  it("not by a list of requesters that one writes oneself", async () => {
    const forged = JSON.stringify([
      { user: "dana", groups: [], at: new Date().toISOString(), digest: "v1:sha256:0", mac: "x" },
    ]);
    const wish = deployment("forged") as { metadata: object };
    await sam.kubectl.apply({
      ...wish,
      metadata: { ...wish.metadata, annotations: { "slipway.dev/requesters": forged } },
    });
    const approval = await untilAsked(slipway, "forged");
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual(["sam"]);
    await sam.kubectl.try(["annotate", "rtd", "forged", "--overwrite", `slipway.dev/requesters=${forged}`]);
    await sam.kubectl.try(["annotate", "rtd", "forged", "slipway.dev/requesters-"]);
    await refused(sam, () => approve(sam, approval), /it is your own request/);
    expect((await untilAsked(slipway, "forged")).spec.requesters.map(({ username }) => username)).toEqual(["sam"]);
    await waits("forged");
  });

  it("not through the status", async () => {
    const { metadata } = await asked("status");
    const body = '{"status":{"phase":"Approved","decidedBy":["sam"]}}';
    const sub = ["--subresource=status", "--type=merge", "-p", body];
    for (const by of [dana, mallory, sam]) {
      const attempt = () => by.kubectl.try(["patch", "approval", metadata.name, ...sub]);
      await refused(by, attempt, /cannot patch resource "approvals\/status"/);
    }
    await refused(
      root,
      () => root.kubectl.try(["patch", "approval", metadata.name, ...sub]),
      /only Slipway's controller/,
    );
    await waits("status");
  });

  it("not through the status of the deployment", async () => {
    const { metadata, spec } = await asked("stated");
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
    for (const by of [dana, sam]) expect((await by.kubectl.try(args)).stderr).toMatch(/cannot patch resource/);
    await root.kubectl.run(args);
    await slipway.untilPhase("stated", "PendingApproval");
    await sleep(1_000);
    await waits("stated");
  });

  const small = { resources: { cpu: "200m", memory: "64Mi" } };
  const closed = { ...small, guardrails: { profile: "restricted" } };
  const edits = [
    { what: "image", spec: { source: { image: { reference: "slipway.test/other:1", pullPolicy: "Never" } } } },
    { what: "env", spec: { env: [{ name: "A", value: "1" }] } },
    { what: "arguments", spec: { args: ["/app/mcp.mjs", "--evil"] } },
    {
      what: "guardrails",
      spec: { guardrails: { profile: "restricted", overrides: { filesystem: { readOnlyRoot: false } } } },
    },
    { what: "profile", spec: { guardrails: { profile: "standard" } } },
    { what: "limits", spec: { resources: { cpu: "200m", memory: "65Mi" } } },
  ] as const;

  it.each(edits)("not by an edit of its $what while it is pending", async ({ what, spec }) => {
    const name = `x-${what}`;
    const approval = await asked(name, dana, closed);
    await dana.kubectl.run(["replace", "-f", "-"], { input: JSON.stringify(deployment(name, { ...closed, ...spec })) });
    await untilApprovalIs(slipway, approval.metadata.name, "Superseded");
    await refused(sam, () => approve(sam, approval), /Superseded/);
    expect(await slipway.containers(name)).toEqual([]);
    await slipway.remove(name);
  });

  it("not by an edit of its source to one that cannot run here", async () => {
    const approval = await asked("x-source");
    const git = { source: { git: { url: "https://git.test/x" } } };
    await dana.kubectl.run(["replace", "-f", "-"], { input: JSON.stringify(deployment("x-source", git)) });
    await slipway.untilPhase("x-source", "Error");
    // Nothing of the deployment is what they say yes to.
    await approve(sam, approval);
    await sleep(2_000);
    expect(await slipway.containers("x-source")).toEqual([]);
    await slipway.remove("x-source");
  });

  it.each(edits)("not by an edit of its $what after approval", async ({ what, spec }) => {
    const name = `y-${what}`;
    await running(name, closed);
    const before = (await slipway.container(name)).id;
    await dana.kubectl.run(["replace", "-f", "-"], { input: JSON.stringify(deployment(name, { ...closed, ...spec })) });
    await slipway.until(name, ({ status }) => conditionOf(status, "Approved")?.reason === "PendingApproval");
    expect((await slipway.container(name)).id).toBe(before);
    await slipway.remove(name);
  });

  it("not by another deployment of the name that was approved", async () => {
    const old = await running("reborn");
    await slipway.remove("reborn");
    const approval = await asked("reborn");
    expect(approval.spec.digest).toBe(old.spec.digest);
    expect(approval.metadata.name).not.toBe(old.metadata.name);
    await waits("reborn");
  });

  it("not by a decision from elsewhere", async () => {
    const source = await asked("source");
    passed(await approve(kim, source));
    const { spec } = await untilApprovalIs(slipway, source.metadata.name, "Approved");
    const target = await asked("target");
    const replayed = JSON.stringify([{ op: "add", path: "/spec/decisions/-", value: spec.decisions[0] }]);
    for (const by of [mallory, root])
      await refused(by, () => patch(by, target.metadata.name, replayed), /you are no approver of /);
    await waits("target");
    await slipway.remove("source");
  });

  it("not by taking a no away", async () => {
    const approval = await asked("refused");
    passed(await approve(kim, approval, "Rejected"));
    const { metadata } = await untilApprovalIs(slipway, approval.metadata.name, "Rejected");
    const gone = JSON.stringify([{ op: "remove", path: "/spec/decisions/0" }]);
    await refused(sam, () => patch(sam, metadata.name, gone), /decisions stay/);
    const turned = JSON.stringify([{ op: "replace", path: "/spec/decisions/0/verdict", value: "Approved" }]);
    await refused(sam, () => patch(sam, metadata.name, turned), /decisions stay/);
    await refused(sam, () => approve(sam, approval), /it is Rejected/);
    await refused(
      root,
      () => root.kubectl.try(["delete", "approval", metadata.name]),
      /goes with its RuntimeDeployment/,
    );
    await dana.kubectl.run(["annotate", "rtd", "refused", "slipway.dev/request=please"]);
    await slipway.until("refused", ({ status }) => conditionOf(status, "Approved")?.reason === "ApprovalRejected");
    expect(await slipway.containers("refused")).toEqual([]);
  });

  it("not by a policy that is deleted meanwhile", async () => {
    const rules = [{ name: "gone", cel: 'effective.transport.path == "/gone"' }];
    await slipway.kubectl.apply(policy("gone", { rules, approvers: { users: ["nobody"], required: 1 } }));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/gone", "--timeout=60s"]);
    const approval = await asked("orphaned", dana, { transport: { path: "/gone" } });
    expect(approval.spec.policies.map((each) => each.name).toSorted()).toEqual(["gone", "one"]);
    await slipway.kubectl.run(["delete", "approvalpolicy", "gone"]);
    passed(await approve(sam, approval));
    passed(await approve(kim, approval));
    const later = await slipway.kubectl.get<Approval>("approval", approval.metadata.name);
    expect(later.status?.phase).toBe("Pending");
    await waits("orphaned");
  });

  it("and every attempt is in a log that holds together", async () => {
    const { code, stdout, stderr } = await slipway.process.command(
      "audit",
      "verify",
      "--data-dir",
      slipway.process.dataDir,
    );
    expect({ code, stderr, stdout }).toMatchObject({ code: 0, stderr: "" });
  });
});
