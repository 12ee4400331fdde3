import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import {
  addPerson,
  approvalsOf,
  type Person,
  policy,
  untilApprovalIs,
  untilAsked,
} from "../support/approval-people.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, makeUniqueImage, WEB_SERVER } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";
import { Registry } from "../support/registry.ts";

jest.setTimeout(180_000);

/** That what runs is what was approved, whatever happens to tags and to the controller in between. */
describe("what was approved", () => {
  let slipway: Installation;
  let registry: Registry;
  let developer: Person;
  let approver: Person;

  beforeAll(async () => {
    await ensureMcpImage();
    registry = await Registry.start();
    slipway = await Installation.start();
    developer = await addPerson(slipway, "dana", { roles: ["slipway-developer"] });
    approver = await addPerson(slipway, "sam", { roles: ["slipway-approver"], groups: ["security"] });
    await slipway.kubectl.apply(policy("production"));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/production", "--timeout=60s"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    if (registry) await slipway?.forgetImages(registry.address);
    await registry?.[Symbol.asyncDispose]();
  });

  const approve = async (name: string) => {
    const said = await approver.slipway("approve", name, "--reason", "looked at it");
    expect(said).toMatchObject({ code: 0, stderr: "" });
  };
  const hasImage = async (reference: string) =>
    await slipway.engine
      .getImage(reference)
      .inspect()
      .then(
        () => true,
        () => false,
      );

  it("is an image by its digest, which is not pulled before and runs although its tag was moved since", async () => {
    const reference = await registry.publish("team/web:1");
    const spec = { source: { image: { reference, pullPolicy: "Always" } }, ...WEB_SERVER };
    await developer.kubectl.apply(deployment("web", spec));
    const asked = await untilAsked(slipway, "web");
    const { image } = asked.spec.effective as { image: string };
    expect(image).toMatch(new RegExp(`^${registry.address}/team/web@sha256:[0-9a-f]{64}$`));
    expect((await approver.slipway("describe", "web")).stdout).toContain(image);
    expect(await slipway.containers("web")).toEqual([]);
    expect(await hasImage(image)).toBe(false);

    await registry.publish("team/web:1");
    await approve("web");
    await slipway.untilPhase("web", "Running");
    const { Image } = await (await slipway.container("web")).inspect();
    const { RepoDigests } = await slipway.engine.getImage(Image).inspect();
    expect(RepoDigests).toContain(image);

    // Asked for again, the tag means another.
    await developer.kubectl.run([
      "patch",
      "rtd",
      "web",
      "--type=merge",
      "-p",
      '{"spec":{"args":["httpd","-f","-p","8080","-h","/www","-v"]}}',
    ]);
    const newer = await untilAsked(slipway, "web");
    expect((newer.spec.effective as { image: string }).image).not.toBe(image);
    expect((await (await slipway.container("web")).inspect()).Image).toBe(Image);
    await slipway.remove("web");
  });

  it("is the first image that ran, where no registry knows what its name means", async () => {
    const tag = "slipway.test/swapped:1";
    await makeUniqueImage(tag);
    try {
      const spec = { source: { image: { reference: tag, pullPolicy: "Never" } }, ...WEB_SERVER };
      await developer.kubectl.apply(deployment("local", spec));
      const asked = await untilAsked(slipway, "local");
      expect(asked.spec.effective).toMatchObject({ image: "unresolved" });
      await approve("local");
      await slipway.untilPhase("local", "Running");
      const { Image } = await (await slipway.container("local")).inspect();

      await makeUniqueImage(tag);
      await (await slipway.container("local")).remove({ force: true });
      await slipway.until("local", ({ status }) => (status?.workload?.restartCount ?? 0) === 1);
      await slipway.untilPhase("local", "Running");
      expect((await (await slipway.container("local")).inspect()).Image).toBe(Image);
      await restart();
      await (await slipway.container("local")).remove({ force: true });
      await slipway.until("local", ({ status }) => (status?.workload?.restartCount ?? 0) === 2);
      await slipway.untilPhase("local", "Running");
      expect((await (await slipway.container("local")).inspect()).Image).toBe(Image);
      await slipway.remove("local");
      await slipway.forgetImage(Image);
    } finally {
      await slipway.forgetImage(tag);
    }
  });

  it("waits over a kill of the controller, and is asked once", async () => {
    await developer.kubectl.apply(deployment("waiting"));
    const asked = await untilAsked(slipway, "waiting");
    await restart();
    await slipway.until("waiting", ({ status }) => status?.phase === "PendingApproval");
    await developer.kubectl.run(["annotate", "rtd", "waiting", "note=x"]);
    const [only, ...others] = await approvalsOf(slipway, "waiting");
    expect([only?.metadata.uid, others]).toEqual([asked.metadata.uid, []]);
    expect(await slipway.containers("waiting")).toEqual([]);
    await slipway.remove("waiting");
  });

  it("starts once where the controller is killed between the decision and the start", async () => {
    await developer.kubectl.apply(deployment("killed"));
    const asked = await untilAsked(slipway, "killed");
    using engine = await slipway.engineEvents("killed");
    await approve("killed");
    await restart();
    await slipway.untilPhase("killed", "Connected");
    await untilApprovalIs(slipway, asked.metadata.name, "Approved");
    expect(await slipway.containers("killed")).toHaveLength(1);
    expect(engine.count("create")).toBe(1);
    const { status } = await slipway.kubectl.get<typeof asked>("approval", asked.metadata.name);
    expect(status?.history?.map(({ type }) => type)).toEqual(["Requested", "Approved", "Decided"]);
    await slipway.remove("killed");
  });

  it("is asked later, too, of what runs already, which goes on", async () => {
    await slipway.kubectl.run(["delete", "approvalpolicy", "production"]);
    await developer.kubectl.apply(deployment("earlier"));
    await slipway.untilPhase("earlier", "Connected");
    const before = (await slipway.container("earlier")).id;
    await slipway.kubectl.apply(policy("production"));
    const asked = await untilAsked(slipway, "earlier");
    await slipway.until("earlier", ({ status }) => conditionOf(status, "Approved")?.status === "False");
    expect((await slipway.container("earlier")).id).toBe(before);
    expect((await slipway.get("earlier")).status?.phase).toBe("Connected");
    await approve("earlier");
    await untilApprovalIs(slipway, asked.metadata.name, "Approved");
    await eventually("nothing is to be asked", async () => {
      const { status } = await slipway.get("earlier");
      return conditionOf(status, "Approved")?.status === "True";
    });
    expect((await slipway.container("earlier")).id).toBe(before);
    await slipway.remove("earlier");
  });

  it("is stopped while a newer version waits, where the policy says so, and comes back with what was approved", async () => {
    await slipway.kubectl.apply(policy("production", { onChange: "Stop" }));
    await developer.kubectl.apply(deployment("strict"));
    await untilAsked(slipway, "strict");
    await approve("strict");
    await slipway.untilPhase("strict", "Connected");
    await developer.kubectl.apply(deployment("strict", { env: [{ name: "WHICH", value: "two" }] }));
    await untilAsked(slipway, "strict");
    await slipway.untilPhase("strict", "PendingApproval");
    await eventually("nothing runs", async () =>
      (await slipway.containers("strict")).every(({ State }) => State !== "running"),
    );
    await developer.kubectl.apply(deployment("strict"));
    await slipway.untilPhase("strict", "Connected");
    await slipway.remove("strict");
  });

  async function restart(): Promise<void> {
    await slipway.process.kill9();
    await slipway.process.start();
    for (const person of [developer, approver]) person.reconnect();
  }
});
