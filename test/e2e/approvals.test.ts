import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { collectsCustomObjects, runsGarbageCollector } from "../conformance/support/controllers.ts";
import {
  addPerson,
  approvalsOf,
  decisionPatch,
  type Person,
  policy,
  untilApprovalIs,
  untilAsked,
} from "../support/approval-people.ts";
import { isExternalCluster } from "../support/cluster/cluster.ts";
import { ClusterProcess } from "../support/cluster/cluster-process.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

type Mode = "inprocess" | "webhook" | "controller";

/** `controller` stands for an API server of somebody else, which may be any; it asks over HTTPS, as the other webhook is asked. */
const MODES: readonly Mode[] = isExternalCluster
  ? ["controller"]
  : ["inprocess", "controller", ...(process.env.SLIPWAY_SOAK === "1" ? (["webhook"] as const) : [])];

async function start(mode: Mode): Promise<Installation> {
  if (mode !== "controller") return Installation.start({ args: ["--admission", mode] });
  const backend = {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeBackend", metadata: { name: "docker" } },
    spec: { type: "docker", default: true },
  };
  const controller = await ClusterProcess.prepare({ defaults: [backend] });
  const slipway = await Installation.start({ process: controller });
  await controller.untilAsked();
  return slipway;
}

/** The way of a server from the wish to the running container, with four people, the real program, kubectl and Engine. */
describe.each(MODES)("approvals, with admission by %s", (mode) => {
  let slipway: Installation;
  let [viewer, developer, approver, admin]: Person[] = [];

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await start(mode);
    viewer = await addPerson(slipway, "vera", { roles: ["slipway-viewer"] });
    developer = await addPerson(slipway, "dana", { roles: ["slipway-developer"] });
    approver = await addPerson(slipway, "sam", { roles: ["slipway-approver"], groups: ["security"] });
    admin = await addPerson(slipway, "ada", { roles: [] });
    const binding = ["clusterrolebinding", "ada", "--clusterrole=slipway-admin", "--user=ada"];
    await slipway.kubectl.run(["create", ...binding]);
    await admin.kubectl.apply(policy("production"));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/production", "--timeout=60s"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  const who = (person: Person | undefined): Person => {
    if (!person) throw new Error("nobody was added");
    return person;
  };
  const deploy = (name: string, spec: Record<string, unknown> = {}) =>
    who(developer).kubectl.apply(deployment(name, spec));
  const approve = async (name: string) => {
    const said = await who(approver).slipway("approve", name, "--reason", "looked at it");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    return said.stdout;
  };
  const approved = (found: RuntimeDeployment) => conditionOf(found.status, "Approved");
  /** Waits until the newest spec waits, while what was approved serves. */
  const untilNewerWaits = (name: string) =>
    slipway.until(
      name,
      (found) =>
        found.status?.observedGeneration === found.metadata.generation &&
        approved(found)?.reason === "PendingApproval" &&
        found.status?.phase === "Connected",
    );
  /** Waits until the newest spec serves, and is on trial no more: until then what served before may come back. */
  const untilRolled = () =>
    slipway.until(
      "files",
      (found) =>
        approved(found)?.status === "True" &&
        found.status?.phase === "Connected" &&
        found.status.workload?.generation === found.metadata.generation &&
        conditionOf(found.status, "Reconciling") === undefined,
    );
  const variable = async (name: string): Promise<string | undefined> => {
    const { Config } = await (await slipway.container(name)).inspect();
    return Config.Env.find((each) => each.startsWith("WHICH="))?.slice("WHICH=".length);
  };
  const env = (value: string) => ({ env: [{ name: "WHICH", value }] });

  it("make nothing before somebody has said yes, and all may see what waits", async () => {
    using engine = await slipway.engineEvents("files");
    await deploy("files", env("one"));
    const waiting = await slipway.untilPhase("files", "PendingApproval");
    expect(conditionOf(waiting.status, "Ready")).toMatchObject({ status: "False", reason: "PendingApproval" });
    const asked = await untilAsked(slipway, "files");
    expect(waiting.status?.approvalRef?.name).toBe(asked.metadata.name);
    expect(asked.spec.requesters.map(({ username }) => username)).toEqual(["dana"]);
    expect(asked.metadata.ownerReferences).toMatchObject([{ kind: "RuntimeDeployment", uid: waiting.metadata.uid }]);

    for (const person of [viewer, developer, approver, admin].map(who)) {
      const listed = await person.slipway("approvals", "--pending");
      expect(listed.stdout).toMatch(/^files-\S+ +Pending +files +dana +production +4[78]h +\d+s$/m);
      expect(await person.kubectl.run(["get", "approvals"])).toMatch(
        /^files-\S+ +Pending +files +dana +production +20\S+Z +\d+s$/m,
      );
      const described = await person.slipway("describe", "files");
      expect(described).toMatchObject({ code: 0, stderr: "" });
      for (const line of [
        /^Phase: +PendingApproval$/m,
        /^Requested by: +dana$/m,
        /^Image: +unresolved$/m,
        /^ {2}production +everything +/m,
        /^ {2}production +group security +1 +- /m,
        new RegExp(`^Digest: +${asked.spec.digest}$`, "m"),
        /^ {2}network\.allowedHosts +Enforced /m,
        /^ {4}- name: WHICH$/m,
      ]) {
        expect(described.stdout).toMatch(line);
      }
    }
    const told = await who(viewer).kubectl.run(["describe", "approval", asked.metadata.name]);
    expect(told).toMatch(/Phase: +Pending/);
    expect(told).toMatch(/Username: +dana/);
    expect(told).toMatch(/Events:/);
    expect(await slipway.containers("files")).toEqual([]);
    expect(await slipway.containers("files", "sandbox")).toEqual([]);
    expect(engine.all).toEqual([]);
  });

  it("let run what was approved, by itself", async () => {
    const { metadata } = await untilAsked(slipway, "files");
    const said = await approve("files");
    expect(said).toMatch(/\nApproved files-\S+ \(deployment files\)\.\n$/);
    await who(developer).kubectl.run([
      "wait",
      "--for=condition=Approved",
      `approval/${metadata.name}`,
      "--timeout=60s",
    ]);
    await who(developer).kubectl.run(["wait", "--for=condition=Approved", "rtd/files", "--timeout=60s"]);
    await slipway.untilPhase("files", "Connected");
    expect(await variable("files")).toBe("one");
    const { spec, status } = await untilApprovalIs(slipway, metadata.name, "Approved");
    expect(spec.decisions).toMatchObject([{ verdict: "Approved", by: "sam", reason: "looked at it" }]);
    expect(status?.decidedBy).toEqual(["sam"]);
    expect(status?.history?.map(({ type }) => type)).toEqual(["Requested", "Approved", "Decided"]);
  });

  it("keep the approved version running and repaired while a newer one waits", async () => {
    const before = (await slipway.container("files")).id;
    await deploy("files", env("two"));
    await untilNewerWaits("files");
    expect((await slipway.container("files")).id).toBe(before);

    await (await slipway.container("files")).kill();
    await slipway.until("files", ({ status }) => (status?.workload?.restartCount ?? 0) === 1);
    await slipway.untilPhase("files", "Connected");
    expect(await variable("files")).toBe("one");
    await (await slipway.container("files")).remove({ force: true });
    await slipway.until("files", ({ status }) => (status?.workload?.restartCount ?? 0) === 2);
    await slipway.untilPhase("files", "Connected");
    expect(await variable("files")).toBe("one");
    expect(approved(await slipway.get("files"))?.status).toBe("False");
  });

  it("roll to the newer version once it is approved, also by kubectl", async () => {
    const { metadata, spec } = await untilAsked(slipway, "files");
    expect(spec.review?.changes).toEqual([expect.objectContaining({ field: expect.stringContaining("env") })]);
    const patch = decisionPatch("Approved", "two is fine", spec.digest);
    await who(approver).kubectl.run(["patch", "approval", metadata.name, "--type=json", "-p", patch]);
    await untilRolled();
    await eventually("the newer runs", async () => (await variable("files")) === "two");
  });

  it("tell the requester why something was rejected, while what was approved serves", async () => {
    await deploy("files", env("three"));
    await untilNewerWaits("files");
    const { metadata } = await untilAsked(slipway, "files");
    const said = await who(approver).slipway("reject", "files", "--reason", "three is one too many");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    await untilApprovalIs(slipway, metadata.name, "Rejected");
    await slipway.until("files", (found) => approved(found)?.reason === "ApprovalRejected");
    const told = await who(developer).kubectl.run(["describe", "rtd", "files"]);
    expect(told).toContain("three is one too many");
    expect((await who(developer).slipway("describe", "files")).stdout).toContain("three is one too many");
    const again = await who(developer).slipway("request", "files");
    expect(again.code).toBe(1);
    expect(again.stdout).toContain("stays rejected");
    expect(conditionOf((await slipway.get("files")).status, "Ready")?.status).toBe("True");
    expect(await variable("files")).toBe("two");
  });

  it("let go back to an approved version at once", async () => {
    const before = (await approvalsOf(slipway, "files")).length;
    await deploy("files", env("one"));
    await untilRolled();
    await eventually("the older runs", async () => (await variable("files")) === "one");
    expect(await approvalsOf(slipway, "files")).toHaveLength(before);
  });

  it("let narrow, stop and delete at once", async () => {
    await deploy("files", { ...env("one"), resources: { cpu: "500m", memory: "64Mi" } });
    await eventually("it has less", async () => {
      const { HostConfig } = await (await slipway.container("files")).inspect();
      return HostConfig.Memory === 64 * 2 ** 20 && HostConfig.NanoCpus === 5e8;
    });
    await slipway.until("files", (found) => approved(found)?.status === "True");
    await slipway.untilPhase("files", "Connected");

    await slipway.patch("files", { spec: { desiredState: "Stopped" } });
    await slipway.untilPhase("files", "Stopped");
    await slipway.patch("files", { spec: { desiredState: "Running" } });
    await slipway.untilPhase("files", "Connected");
    await slipway.remove("files");
  });

  it("ask anew for another deployment of the same name", async () => {
    await deploy("files", env("one"));
    await slipway.untilPhase("files", "PendingApproval");
    await untilAsked(slipway, "files");
    expect(await slipway.containers("files")).toEqual([]);
    await slipway.remove("files");
    const isGone = async () => (await approvalsOf(slipway, "files")).length === 0;
    if (collectsCustomObjects && (await runsGarbageCollector()))
      await eventually("what was asked went with it", isGone);
  });
});
