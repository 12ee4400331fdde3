import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { stringify } from "yaml";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import type { GuardrailProfile, RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

/** What a platform team sees of guardrails, with the real program, kubectl and Engine. */
describe("guardrails", () => {
  let slipway: Installation;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "slipway-guardrails-"));
    await ensureMcpImage();
    await ensureSandboxImage(() => undefined);
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const profile = (name: string, spec: object) => ({
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "GuardrailProfile", metadata: { name } },
    spec,
  });
  const open = { egressAllowed: true, allowedHosts: ["*"] };
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await slipway.kubectl.try(args);
    expect(code).toBe(1);
    return stderr;
  };
  const fileOf = (...objects: object[]) => {
    const path = join(folder, "check.yaml");
    writeFileSync(path, objects.map((object) => stringify(object)).join("---\n"));
    return path;
  };

  it("are there from the start, and say what this Engine makes of them", async () => {
    const names = (await slipway.kubectl.run(["get", "guardrailprofiles", "-o", "name"])).trim().split("\n");
    expect(names.map((name) => name.split("/")[1])).toEqual(["airgapped", "restricted", "standard", "unrestricted"]);
    const compatibility = await eventually("standard tells of the Engine", async () => {
      const { status } = await slipway.kubectl.get<GuardrailProfile>("grp", "standard");
      return status?.backends?.find(({ name }) => name === "docker");
    });
    expect(compatibility.fields).toHaveLength(13);
    const described = await slipway.kubectl.run(["describe", "grp", "standard"]);
    expect(described).toMatch(/Field: +network\.allowedHosts/);
    expect(await slipway.kubectl.run(["get", "grp", "standard"])).toMatch(
      /^NAME +ENFORCEMENT +EGRESS +READ-ONLY +DEPLOYMENTS +AGE\nstandard +Warn +true +true +0 /,
    );
    expect(await slipway.kubectl.run(["explain", "grp.spec.network"])).toContain("allowedHosts");
  });

  it("are made, changed and deleted, but for those that ship with Slipway", async () => {
    await slipway.kubectl.apply(profile("mine", { network: open }));
    await slipway.kubectl.run(["patch", "grp", "mine", "--type=merge", "-p", '{"spec":{"runAsNonRoot":true}}']);
    await slipway.kubectl.run(["delete", "grp", "mine"]);
    const patch = ["patch", "grp", "standard", "--type=merge", "-p", '{"spec":{"network":{"allowedHosts":["*"]}}}'];
    expect(await refusal(...patch)).toContain("it ships with Slipway and its spec cannot be changed");
    expect(await refusal("delete", "grp", "standard")).toContain("it ships with Slipway and cannot be deleted");
  });

  it("are standard where none are named, and the status says how far they hold", async () => {
    await slipway.deploy("plain", { guardrails: null, resources: null });
    const { status } = await slipway.untilPhase("plain", "Connected");
    expect(status?.guardrails).toMatchObject({
      profile: "standard",
      limits: { cpu: "500m", memory: "512Mi", pids: 100 },
    });
    expect(status?.guardrails?.fields).toHaveLength(13);
    expect(conditionOf(status, "GuardrailsApplied")?.status).toBe("True");
    const { HostConfig } = await (await slipway.container("plain")).inspect();
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, PidsLimit: 100, CapDrop: ["ALL"] });

    const { stdout } = await slipway.process.command("status", "plain");
    expect(stdout).toMatch(/^Guardrails: +standard$/m);
    expect(stdout).toMatch(/^network\.allowedHosts +Enforced +/m);
    const described = await slipway.kubectl.run(["describe", "rtd", "plain"]);
    expect(described).toMatch(/Guardrails:\n/);
    expect(described).toMatch(/Field: +filesystem\.readOnlyRoot/);
    expect(described).toMatch(/Guardrails(Partly)?Enforced +.*profile standard/);
    await slipway.remove("plain");
  });

  it("are checked without deploying", async () => {
    const wide = deployment("wide", { guardrails: { profile: "standard" }, resources: { cpu: "4" } });
    const refused = await slipway.process.command("guardrails", "check", "-f", fileOf(wide));
    expect(refused.stdout).toMatch(
      /^RuntimeDeployment default\/wide on RuntimeBackend docker: refused\n {2}LimitExceeded: /,
    );
    expect(refused.code).toBe(1);
    const fine = await slipway.process.command("guardrails", "check", "-o", "json", "-f", fileOf(deployment("fine")));
    expect(JSON.parse(fine.stdout)).toMatchObject([{ name: "fine", backend: "docker", refusals: [] }]);
    expect(fine.code).toBe(0);
    expect((await slipway.process.command("guardrails", "check")).code).toBe(2);
    expect(await slipway.kubectl.run(["get", "rtd", "-o", "name"])).toBe("");
    expect(await slipway.containers()).toEqual([]);
  });

  it("say the same when it is deployed all the same", async () => {
    await slipway.deploy("wide", { guardrails: { profile: "standard" }, resources: { cpu: "4" } });
    const { message } = await slipway.untilFailing("wide", "LimitExceeded");
    const { stdout } = await slipway.process.command(
      ...["guardrails", "check", "-o", "json", "-f"],
      fileOf(deployment("wide", { guardrails: { profile: "standard" }, resources: { cpu: "4" } })),
    );
    expect(JSON.parse(stdout)[0].refusals).toEqual([{ reason: "LimitExceeded", message }]);
    expect(await slipway.containers("wide")).toEqual([]);
    await slipway.remove("wide");
  });

  it("roll what runs under a changed profile, one at a time, and say why", async () => {
    const names = ["roll-a", "roll-b", "roll-c"];
    await slipway.kubectl.apply(profile("rolling", { network: open, resources: { maxPids: 60 } }));
    for (const name of names) await slipway.deploy(name, { guardrails: { profile: "rolling" } });
    const before = new Map<string, string>();
    for (const name of names)
      before.set(name, (await slipway.untilPhase(name, "Connected")).status?.workload?.id ?? "");
    expect(await refusal("delete", "grp", "rolling")).toContain(
      "it is in use by RuntimeDeployments default/roll-a, default/roll-b, default/roll-c",
    );

    await slipway.kubectl.run([
      "patch",
      "grp",
      "rolling",
      "--type=merge",
      "-p",
      '{"spec":{"resources":{"maxPids":50}}}',
    ]);
    let mostAtOnce = 0;
    const rolled = async () => {
      const containers = await slipway.containers();
      const candidates = containers.filter(({ Names }) => Names.some((each) => each.endsWith("-candidate")));
      mostAtOnce = Math.max(mostAtOnce, candidates.length);
      const all = await Promise.all(names.map((name) => slipway.get(name)));
      return all.every((each) => isAnew(each, before));
    };
    await eventually("all three have rolled", rolled, { timeoutMs: 120_000, everyMs: 50 });
    expect(mostAtOnce).toBe(1);
    for (const name of names) {
      const { note } = await slipway.untilEvent(name, "GuardrailsChanged");
      expect(note).toContain("rolling");
      expect(note).toContain("resources.maxPids");
      const { HostConfig } = await (await slipway.container(name)).inspect();
      expect(HostConfig.PidsLimit).toBe(50);
      expect((await slipway.get(name)).status?.workload?.restartCount).toBe(0);
    }
    for (const name of names) await slipway.remove(name);
    await slipway.kubectl.run(["delete", "grp", "rolling"]);
  });

  it("hold against a bound that comes later", async () => {
    const label = (value: string) => ["label", "namespace", "default", `slipway.dev/guardrails-bound${value}`];
    await slipway.deploy("loose");
    await slipway.untilPhase("loose", "Connected");
    await slipway.kubectl.run(label("=standard"));
    try {
      const { message } = await slipway.untilFailing("loose", "GuardrailsTooWide");
      expect(message).toContain("namespace default");
      await eventually("it is stopped", async () =>
        (await slipway.containers("loose")).every(({ State }) => State !== "running"),
      );
    } finally {
      await slipway.kubectl.run(label("-"));
    }
    await slipway.untilPhase("loose", "Connected");
    await slipway.remove("loose");
  });

  it("wait for a profile that is not there yet", async () => {
    const input = JSON.stringify(deployment("early", { guardrails: { profile: "later" } }));
    const { stderr } = await slipway.kubectl.try(["apply", "-f", "-"], { input });
    expect(stderr).toContain('Warning: spec.guardrails.profile: GuardrailProfile "later" does not exist');
    await slipway.untilFailing("early", "GuardrailProfileNotFound");
    expect(await slipway.containers("early")).toEqual([]);
    await slipway.kubectl.apply(profile("later", { network: open }));
    await slipway.untilPhase("early", "Connected");
    await slipway.remove("early");
  });

  it("leave the profiles as they are over a restart", async () => {
    const profiles = async () => (await slipway.kubectl.get<{ items: GuardrailProfile[] }>("grp")).items;
    const versions = async () => (await profiles()).map(({ metadata }) => [metadata.name, metadata.resourceVersion]);
    await eventually("nothing is said to run", async () =>
      (await profiles()).every(({ status }) => status?.deployments === 0),
    );
    const before = await versions();
    await slipway.process.terminate();
    await slipway.process.start();
    await sleep(2_000);
    expect(await versions()).toEqual(before);
  });
});

function isAnew({ metadata, status }: RuntimeDeployment, before: ReadonlyMap<string, string>): boolean {
  return status?.phase === "Connected" && status.workload?.id !== before.get(metadata.name);
}
