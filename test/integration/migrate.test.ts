import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { migrate } from "../../src/cli/migrate.ts";
import { type Clock, systemClock } from "../../src/machinery/clock.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { startGuarded } from "../support/guarded-server.ts";
import { Kubectl } from "../support/kubectl.ts";

/** A definition that changed long ago need not be waited for. */
const LATER: Clock = { ...systemClock, now: () => new Date(Date.now() + 60_000) };
const MANY = 120;

let server: TestApiServer;
let kubectl: Kubectl;
beforeEach(async () => {
  server = await startTestApiServer({ crds: [] });
  kubectl = new Kubectl(server.kubeconfig);
  await kubectl.apply(things("v1alpha1"), gadgets);
  await kubectl.run(["wait", "crd/things.slipway.dev", "--for=condition=Established", "--timeout=20s"]);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const OPEN = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const version = (name: string, storage: boolean) => ({
  ...{ name, served: true, storage },
  schema: { openAPIV3Schema: { type: "object", properties: { spec: OPEN } } },
});

function definition(plural: string, kind: string, versions: readonly object[]): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.slipway.dev` },
    spec: {
      group: "slipway.dev",
      names: { plural, kind, singular: kind.toLowerCase() },
      scope: "Namespaced",
      versions,
    },
  };
}

/** A kind of two versions, and which of them is stored. */
function things(stored: string): object {
  return definition(
    "things",
    "Thing",
    ["v1alpha1", "v1beta1"].map((name) => version(name, name === stored)),
  );
}

const gadgets = definition("gadgets", "Gadget", [version("v1", true)]);
const thing = (name: string, spec: object = { size: 1 }) => ({
  ...{ apiVersion: "slipway.dev/v1alpha1", kind: "Thing", spec },
  metadata: { name, namespace: "default" },
});

async function run(options: { dryRun?: boolean; signal?: AbortSignal; kubeconfig?: string } = {}) {
  const said = { stdout: "", stderr: "" };
  const into = (stream: keyof typeof said) => ({
    write(chunk: string | Uint8Array) {
      said[stream] += String(chunk);
      return true;
    },
  });
  const { dryRun = false, signal = new AbortController().signal, kubeconfig = server.kubeconfig } = options;
  const context = { stdout: into("stdout"), stderr: into("stderr"), env: {}, signal };
  const code = await migrate({ kubeconfig, dryRun }, context, LATER);
  return { code, ...said };
}

const remembered = async () =>
  (await kubectl.get<CustomResourceDefinition>("crd", "things.slipway.dev")).status?.storedVersions;

/** As they lie on the disk: how many of each version. */
function stored(): Record<string, number> {
  using database = new DatabaseSync(join(server.dataDir, "store.db"), { readOnly: true });
  const rows = database.prepare("SELECT json FROM objects WHERE resource = 'slipway.dev/things'").all();
  const found: Record<string, number> = {};
  for (const { json } of rows) {
    const { apiVersion } = JSON.parse(String(json)) as { apiVersion: string };
    found[apiVersion] = (found[apiVersion] ?? 0) + 1;
  }
  return found;
}

const versions = () => kubectl.run(["get", "things", "-o", "jsonpath={.items[*].metadata.resourceVersion}"]);

describe("slipway migrate", () => {
  it("leaves alone what is stored in one version", async () => {
    await kubectl.apply(thing("one"));
    const before = await versions();
    expect(await run()).toEqual({
      code: 0,
      stdout: "gadgets.slipway.dev: stored as v1 alone\nthings.slipway.dev: stored as v1alpha1 alone\n",
      stderr: "",
    });
    expect(await versions()).toBe(before);
  });

  it("stores every object in the new version, so that the old one can leave the definition", async () => {
    await kubectl.apply(...Array.from({ length: MANY }, (_, index) => thing(`t${index}`)));
    await kubectl.apply(things("v1beta1"));
    await kubectl.apply(thing("changed", { size: 2 }));
    expect(stored()).toEqual({ "slipway.dev/v1alpha1": MANY, "slipway.dev/v1beta1": 1 });
    expect(await remembered()).toEqual(["v1alpha1", "v1beta1"]);
    const without = definition("things", "Thing", [version("v1beta1", true)]);
    await expect(kubectl.apply(without)).rejects.toThrow("storage migration");

    expect((await run({ dryRun: true })).stdout).toContain(
      `things.slipway.dev: stored as v1alpha1, v1beta1; would write ${MANY + 1} as v1beta1\n`,
    );
    expect(stored()).toEqual({ "slipway.dev/v1alpha1": MANY, "slipway.dev/v1beta1": 1 });

    const before = await kubectl.run(["get", "things", "-o", "jsonpath={.items[*].spec}"]);
    const { code, stdout } = await run();
    expect(stdout).toContain(`things.slipway.dev: wrote ${MANY + 1} as v1beta1; stored as v1beta1 alone\n`);
    expect(code).toBe(0);
    expect(stored()).toEqual({ "slipway.dev/v1beta1": MANY + 1 });
    expect(await remembered()).toEqual(["v1beta1"]);
    expect(await kubectl.run(["get", "things", "-o", "jsonpath={.items[*].spec}"])).toBe(before);
    // A generation counts changes of the spec, of which there was none.
    const generations = await kubectl.run(["get", "things", "-o", "jsonpath={.items[*].metadata.generation}"]);
    expect(new Set(generations.split(" "))).toEqual(new Set(["1"]));

    await kubectl.apply(without);
    expect((await kubectl.run(["get", "things", "-o", "name"])).trim().split("\n")).toHaveLength(MANY + 1);
  });

  it("goes on where it was ended", async () => {
    await kubectl.apply(...Array.from({ length: MANY }, (_, index) => thing(`t${index}`)));
    await kubectl.apply(things("v1beta1"));
    const ending = new AbortController();
    const first = run({ signal: ending.signal }).catch(() => "ended");
    while ((stored()["slipway.dev/v1beta1"] ?? 0) < 20) await new Promise(setImmediate);
    ending.abort();
    expect(await first).toBe("ended");
    expect(await remembered()).toEqual(["v1alpha1", "v1beta1"]);
    const done = (await versions()).split(" ");
    expect((await run()).code).toBe(0);
    expect(stored()).toEqual({ "slipway.dev/v1beta1": MANY });
    // What was done was not written again.
    const after = new Set((await versions()).split(" "));
    expect(done.filter((each) => after.has(each)).length).toBeGreaterThanOrEqual(20);
  });

  it("writes what others change meanwhile", async () => {
    await kubectl.apply(...Array.from({ length: 40 }, (_, index) => thing(`t${index}`)));
    await kubectl.apply(things("v1beta1"));
    const changing = kubectl.run(["label", "things", "--all", "touched=yes"]);
    expect((await run()).code).toBe(0);
    await changing;
    expect(stored()).toEqual({ "slipway.dev/v1beta1": 40 });
  });

  it("names what is refused, and keeps the older version until it is mended", async () => {
    await kubectl.apply(thing("mine"), thing("theirs"));
    await kubectl.apply(things("v1beta1"));
    const user = await server.addUser("migrator");
    const rules = [
      { apiGroups: ["slipway.dev"], resources: ["things", "gadgets"], verbs: ["get", "list"] },
      { apiGroups: ["slipway.dev"], resources: ["things"], resourceNames: ["mine"], verbs: ["patch"] },
      { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: ["get", "list"] },
    ];
    const apiVersion = "rbac.authorization.k8s.io/v1";
    await kubectl.apply({ apiVersion, kind: "ClusterRole", metadata: { name: "migrator" }, rules });
    await kubectl.run(["create", "clusterrolebinding", "migrator", "--clusterrole=migrator", "--user=migrator"]);
    const { code, stderr } = await run({ kubeconfig: user });
    expect(code).toBe(1);
    expect(stderr).toContain("things.slipway.dev: 1 of 2 could not be written; mend or delete them");
    expect(stderr).toMatch(/^ {2}default\/theirs: .*forbidden/m);
    expect(stored()).toEqual({ "slipway.dev/v1alpha1": 1, "slipway.dev/v1beta1": 1 });
    expect(await remembered()).toEqual(["v1alpha1", "v1beta1"]);
    expect((await run()).code).toBe(0);
    expect(await remembered()).toEqual(["v1beta1"]);
  });

  it("makes nobody a requester, and rolls nothing, where admission is asked", async () => {
    await using guarded = await startGuarded("inprocess");
    const admin = new Kubectl(guarded.kubeconfig);
    await admin.run(["create", "clusterrolebinding", "dana", "--clusterrole=slipway-developer", "--user=dana"]);
    const dana = new Kubectl(await guarded.addUser("dana"));
    await dana.apply({
      ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment" },
      metadata: { name: "files", namespace: "default" },
      spec: { source: { image: { reference: "x:1" } } },
    });
    const crd = await admin.get<CustomResourceDefinition>("crd", "runtimedeployments.slipway.dev");
    const [first] = crd.spec.versions;
    const newer = { op: "add", path: "/spec/versions/-", value: { ...first, name: "v1beta1" } };
    const older = { op: "replace", path: "/spec/versions/0/storage", value: false };
    await admin.run(["patch", "crd", crd.metadata.name, "--type=json", "-p", JSON.stringify([older, newer])]);
    const files = async () =>
      await admin.get<KubeObject & { spec: object }>("runtimedeployments.v1alpha1.slipway.dev", "files");
    const before = await files();
    expect((await run({ kubeconfig: guarded.kubeconfig })).stdout).toContain("runtimedeployments.slipway.dev: wrote 1");
    const { metadata, spec } = await files();
    expect(metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    expect(spec).toEqual(before.spec);
    expect(metadata.generation).toBe(1);
    expect(Object.keys(metadata.annotations ?? {})).not.toEqual([]);
    expect(metadata.annotations).toEqual(before.metadata.annotations);
  });

  it("says so where no kind of ours is", async () => {
    await kubectl.run(["delete", "crd", "--all"]);
    await expect(run()).rejects.toThrow("no kind of slipway.dev");
  });
});
