import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Body } from "./support/body.ts";
import { STRATEGIC_PATCH } from "./support/client.ts";
import { configMap, deployment } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let ns: Namespace;
let path: string;

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly object[];
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly { readonly mountPath: string; readonly name: string }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly object[];
  readonly tolerations?: readonly object[];
  readonly nodeSelector?: object;
}

beforeEach(async () => {
  ns = await suite.namespace();
  path = ns.in("apps/v1", "deployments", "web");
  const container = {
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ],
    args: ["--one", "--two"],
    ports: [{ containerPort: 80, name: "http" }],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
  const pod = {
    volumes: [{ name: "data", emptyDir: {} }],
    tolerations: [{ key: "a", operator: "Exists" }],
    nodeSelector: { disk: "ssd", zone: "a" },
  };
  await suite.api.create(ns.in("apps/v1", "deployments"), deployment("web", container, pod));
});

const podOf = ({ spec }: Body) => (spec as { template: { spec: PodSpec } }).template.spec;
const patchPod = async (spec: object) => podOf(await suite.api.strategic(path, { spec: { template: { spec } } }));
const patchMain = async (container: object) => {
  const { containers } = await patchPod({ containers: [{ name: "main", ...container }] });
  return containers[0] as Container;
};

// https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ and
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
describe("a strategic merge patch", () => {
  it("merges containers by name and leaves the rest of them", async () => {
    const { containers } = await patchPod({
      containers: [
        { name: "main", image: "example.com/image:2" },
        { name: "side", image: "example.com/side:1" },
      ],
    });
    expect(containers.map(({ name, image }) => `${name} ${image}`).toSorted()).toEqual([
      "main example.com/image:2",
      "side example.com/side:1",
    ]);
    expect(containers.find(({ name }) => name === "main")?.env).toHaveLength(2);
  });

  it("deletes an item that it marks", async () => {
    const { env } = await patchMain({ env: [{ name: "A", $patch: "delete" }] });
    expect(env).toEqual([{ name: "B", value: "2" }]);
  });

  it("replaces lists without a merge key", async () => {
    expect((await patchMain({ args: ["--three"] })).args).toEqual(["--three"]);
    const { tolerations } = await patchPod({ tolerations: [{ key: "b", operator: "Exists" }] });
    expect(tolerations).toEqual([{ key: "b", operator: "Exists" }]);
  });

  it("replaces a merged list when told so", async () => {
    const { env } = await patchMain({ env: [{ $patch: "replace" }, { name: "C", value: "3" }] });
    expect(env).toEqual([{ name: "C", value: "3" }]);
  });

  it("replaces a map when told so", async () => {
    const { nodeSelector } = await patchPod({ nodeSelector: { $patch: "replace", only: "this" } });
    expect(nodeSelector).toEqual({ only: "this" });
  });

  it("orders items as it says", async () => {
    const { env } = await patchMain({
      "$setElementOrder/env": [{ name: "C" }, { name: "B" }, { name: "A" }],
      env: [{ name: "C", value: "3" }],
    });
    expect(env?.map(({ name }) => name)).toEqual(["C", "B", "A"]);
  });

  it("keeps of a volume only the keys that it retains", async () => {
    const { volumes } = await patchPod({
      volumes: [{ name: "data", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }],
    });
    expect(volumes).toEqual([{ name: "data", configMap: { name: "c", defaultMode: 420 } }]);
  });

  it("removes a map's key by null", async () => {
    expect((await patchPod({ nodeSelector: { disk: null } })).nodeSelector).toEqual({ zone: "a" });
  });

  it("merges finalizers, and removes the one that it names", async () => {
    const at = ns.core("configmaps", "held");
    const finalizers = ["example.com/a", "example.com/b"];
    suite.defer(() => suite.api.send("PATCH", at, { type: STRATEGIC_PATCH, body: NO_FINALIZERS }));
    await suite.api.create(ns.core("configmaps"), configMap("held", { metadata: { finalizers } }));
    const added = await suite.api.strategic(at, { metadata: { finalizers: ["example.com/c"] } });
    expect(added.metadata.finalizers?.toSorted()).toEqual([...finalizers, "example.com/c"]);
    const removed = await suite.api.strategic(at, {
      metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/a"] },
    });
    expect(removed.metadata.finalizers?.toSorted()).toEqual(["example.com/b", "example.com/c"]);
  });

  it("merges owners by uid", async () => {
    const at = ns.core("configmaps", "owned");
    const owners = ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", name, uid: `uid-of-${name}` }));
    const metadata = { ownerReferences: owners };
    await suite.api.create(
      ns.core("configmaps"),
      configMap("owned", { metadata: { ...metadata, finalizers: ["example.com/held"] } }),
    );
    suite.defer(() => suite.api.send("PATCH", at, { type: STRATEGIC_PATCH, body: NO_FINALIZERS }));
    const patched = await suite.api.strategic(at, {
      metadata: { ownerReferences: [{ uid: "uid-of-a", controller: true }] },
    });
    expect(patched.metadata.ownerReferences).toEqual([{ ...owners[0], controller: true }, owners[1]]);
  });

  it("is not for custom objects", async () => {
    const kind = await suite.kind();
    await suite.api.create(kind.in(ns.name), kind.object("custom"));
    const { status, body } = await suite.api.send("PATCH", kind.in(ns.name, "custom"), {
      type: STRATEGIC_PATCH,
      body: { spec: { color: "red" } },
    });
    expect([status, body.reason]).toEqual([415, "UnsupportedMediaType"]);
  });
});

const NO_FINALIZERS = { metadata: { finalizers: null } };
