import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Approval } from "../../src/api/v1alpha1/index.ts";
import { untilApprovalIs, untilAsked } from "../support/approval-people.ts";
import { approve, passed, Suspects } from "../support/approval-suspects.ts";
import { eventually } from "../support/eventually.ts";
import { conditionOf, deployment } from "../support/installation.ts";

jest.setTimeout(120_000);

/** Ways around an approval by changing what it is about, before and after. */
describe.each(["inprocess", "webhook"])("nobody gets something else approved, with admission by %s:", (mode) => {
  let they: Suspects;

  beforeAll(async () => {
    they = await Suspects.gather(mode);
  });
  afterAll(async () => {
    await they?.[Symbol.asyncDispose]();
  });

  it("by an edit of an approver's that a colleague saves again", async () => {
    await they.running("edited");
    await they.people.sam.kubectl.apply(deployment("edited", { args: ["/app/mcp.mjs", "--evil"] }));
    await untilAsked(they.slipway, "edited");
    await they.people.dana.kubectl.run(["annotate", "rtd", "edited", "note=harmless"]);
    await they.people.dana.kubectl.run([
      "patch",
      "rtd",
      "edited",
      "--type=merge",
      "-p",
      '{"spec":{"health":{"periodSeconds":2}}}',
    ]);
    const approval = await untilAsked(they.slipway, "edited");
    expect(approval.spec.requesters.map(({ username }) => username)).toContain("sam");
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /it is your own request/);
    await they.people.dana.kubectl.apply(
      deployment("edited", { args: ["/app/mcp.mjs", "--evil"], env: [{ name: "A", value: "1" }] }),
    );
    await eventually("it is asked about anew", async () => {
      const { metadata, spec } = await untilAsked(they.slipway, "edited");
      return metadata.name !== approval.metadata.name && spec.requesters.some(({ username }) => username === "dana");
    });
    const newer = await untilAsked(they.slipway, "edited");
    expect(newer.spec.requesters.map(({ username }) => username).toSorted()).toEqual(["dana", "sam"]);
    await they.refused(they.people.sam, () => approve(they.people.sam, newer), /it is your own request/);
    await they.slipway.remove("edited");
  });

  it("by a ConfigMap that is edited after approval", async () => {
    const config = (value: string) => ({
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } },
      data: { WHICH: value },
    });
    await they.slipway.kubectl.apply(config("one"));
    await they.running("configured", { envFrom: [{ configMapRef: { name: "settings" } }] });
    const before = (await they.slipway.container("configured")).id;
    await they.people.sam.kubectl.apply(config("two"));
    const approval = await untilAsked(they.slipway, "configured");
    expect(JSON.stringify(approval.spec.review?.changes)).toContain("two");
    passed(await approve(they.people.sam, approval));
    // Nobody knows who wrote it, so that one alone is not enough.
    const { status } = await they.slipway.kubectl.get<Approval>("approval", approval.metadata.name);
    expect(status?.phase).toBe("Pending");
    expect((await they.slipway.container("configured")).id).toBe(before);
    passed(await approve(they.people.kim, approval));
    await eventually("it runs with the other", async () => {
      const { Config } = await (await they.slipway.container("configured")).inspect();
      return Config.Env.includes("WHICH=two");
    });
    await they.slipway.remove("configured");
  });

  it("by a profile that an approver widens for a colleague's deployment", async () => {
    const profile = (pids: number) => ({
      ...{ apiVersion: "slipway.dev/v1alpha1", kind: "GuardrailProfile", metadata: { name: "shared" } },
      spec: { network: { egressAllowed: true, allowedHosts: ["*"] }, resources: { maxPids: pids } },
    });
    await they.slipway.kubectl.run([
      "create",
      "clusterrolebinding",
      "kim",
      "--clusterrole=slipway-admin",
      "--user=kim",
    ]);
    await they.slipway.kubectl.apply(profile(50));
    await they.running("profiled", { guardrails: { profile: "shared" } });
    const before = (await they.slipway.container("profiled")).id;
    await they.people.kim.kubectl.apply(profile(500));
    const approval = await untilAsked(they.slipway, "profiled");
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual(["kim"]);
    await they.refused(they.people.kim, () => approve(they.people.kim, approval), /it is your own request/);
    expect((await they.slipway.container("profiled")).id).toBe(before);
    passed(await approve(they.people.sam, approval));
    await untilApprovalIs(they.slipway, approval.metadata.name, "Approved");
    await eventually("it has the wider profile", async () => (await they.slipway.container("profiled")).id !== before);
    await they.slipway.remove("profiled");
    await they.slipway.kubectl.run(["delete", "grp", "shared"]);
  });

  it("by a list of requesters that one writes oneself", async () => {
    const forged = JSON.stringify([
      { user: "dana", groups: [], at: new Date().toISOString(), digest: "v1:sha256:0", mac: "x" },
    ]);
    const wish = deployment("forged") as { metadata: object };
    await they.people.sam.kubectl.apply({
      ...wish,
      metadata: { ...wish.metadata, annotations: { "slipway.dev/requesters": forged } },
    });
    const approval = await untilAsked(they.slipway, "forged");
    expect(approval.spec.requesters.map(({ username }) => username)).toEqual(["sam"]);
    await they.people.sam.kubectl.try(["annotate", "rtd", "forged", "--overwrite", `slipway.dev/requesters=${forged}`]);
    await they.people.sam.kubectl.try(["annotate", "rtd", "forged", "slipway.dev/requesters-"]);
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /it is your own request/);
    expect((await untilAsked(they.slipway, "forged")).spec.requesters.map(({ username }) => username)).toEqual(["sam"]);
    await they.waits("forged");
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
  // What changes the digest does so however a request is admitted: the other way shows it by two.
  const tried = mode === "inprocess" || process.env.SLIPWAY_SOAK ? edits : edits.slice(0, 2);

  it.each(tried)("by an edit of its $what while it is pending", async ({ what, spec }) => {
    const name = `x-${what}`;
    const approval = await they.asked(name, they.people.dana, closed);
    await they.people.dana.kubectl.run(["replace", "-f", "-"], {
      input: JSON.stringify(deployment(name, { ...closed, ...spec })),
    });
    await untilApprovalIs(they.slipway, approval.metadata.name, "Superseded");
    await they.refused(they.people.sam, () => approve(they.people.sam, approval), /Superseded/);
    expect(await they.slipway.containers(name)).toEqual([]);
    await they.slipway.remove(name);
  });

  it("by an edit of its source to one that cannot run here", async () => {
    const approval = await they.asked("x-source");
    const git = { source: { git: { url: "https://git.test/x" } } };
    await they.people.dana.kubectl.run(["replace", "-f", "-"], { input: JSON.stringify(deployment("x-source", git)) });
    await they.slipway.untilPhase("x-source", "Error");
    // Nothing of the deployment is what they say yes to.
    await approve(they.people.sam, approval);
    await sleep(2_000);
    expect(await they.slipway.containers("x-source")).toEqual([]);
    await they.slipway.remove("x-source");
  });

  it.concurrent.each(tried)("by an edit of its $what after approval", async ({ what, spec }) => {
    const name = `y-${what}`;
    await they.running(name, closed);
    const before = (await they.slipway.container(name)).id;
    await they.people.dana.kubectl.run(["replace", "-f", "-"], {
      input: JSON.stringify(deployment(name, { ...closed, ...spec })),
    });
    await they.slipway.until(name, ({ status }) => conditionOf(status, "Approved")?.reason === "PendingApproval");
    expect((await they.slipway.container(name)).id).toBe(before);
    await they.slipway.remove(name);
  });

  it("by another deployment of the name that was approved", async () => {
    const old = await they.running("reborn");
    await they.slipway.remove("reborn");
    const approval = await they.asked("reborn");
    expect(approval.spec.digest).toBe(old.spec.digest);
    expect(approval.metadata.name).not.toBe(old.metadata.name);
    await they.waits("reborn");
  });
});
