import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { MemoryStore } from "../../test/support/memory-store.ts";
import type { ConfigMap, Namespace, Secret } from "../api/core.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  GUARDRAILS_BOUND_LABEL,
  type GuardrailProfile,
  type RuntimeBackend,
  type RuntimeDeployment,
} from "../api/v1alpha1/index.ts";
import { approvalIndexes } from "./runtime-deployment/gate/ports.ts";
import { deploymentIndexes, profileIndexes } from "./runtime-deployment/indexes.ts";
import { connect } from "./sources.ts";

function world() {
  const caches = {
    deployments: new MemoryStore<RuntimeDeployment>(deploymentIndexes),
    backends: new MemoryStore<RuntimeBackend>(),
    profiles: new MemoryStore<GuardrailProfile>(profileIndexes),
    namespaces: new MemoryStore<Namespace>(),
    secrets: new MemoryStore<Secret>(),
    configMaps: new MemoryStore<ConfigMap>(),
    policies: new MemoryStore<ApprovalPolicy>(),
    approvals: new MemoryStore<Approval>(approvalIndexes),
  };
  const object = <T extends KubeObject>(key: Partial<ObjectKey>, rest: object): T =>
    ({ metadata: { name: key.name, namespace: key.namespace, uid: formatKey(key as ObjectKey) }, ...rest }) as T;
  const queued = {
    deployments: [] as string[],
    backends: [] as string[],
    profiles: [] as string[],
    approvals: [] as string[],
  };
  const into = (list: string[]) => ({ enqueue: (key: ObjectKey) => void list.push(formatKey(key)) });
  const clock = new FakeClock();
  return {
    ...caches,
    clock,
    connect: () =>
      connect(caches, {
        clock,
        deploymentController: into(queued.deployments),
        backendController: into(queued.backends),
        profileController: into(queued.profiles),
        approvalController: into(queued.approvals),
        policyController: { enqueue: () => undefined },
        forgetApprovals: () => undefined,
        isKnown: () => false,
        secretsOf: () => [],
      }),
    approvalsLooked: () => queued.approvals.splice(0).join(" "),
    policy: (name: string, generation: number, rules: object[] = []) => {
      const made = object<ApprovalPolicy>({ name }, { spec: { namespaceSelector: {}, rules } });
      caches.policies.put({ ...made, metadata: { ...made.metadata, generation } });
    },
    approval: (status: object = {}, generation = 1) => {
      const spec = { deploymentRef: { name: "own", uid: "a/own" } };
      const made = object<Approval>({ namespace: "a", name: "own-1" }, { spec, status });
      caches.approvals.put({ ...made, metadata: { ...made.metadata, generation } });
    },
    /** What was enqueued since the last look. */
    look() {
      const { deployments, backends, profiles } = queued;
      const found = [deployments.splice(0), backends.splice(0), profiles.splice(0)];
      return found.map((keys) => [...new Set(keys)].sort().join(" "));
    },
    deployment: (namespace: string, name: string, guardrails?: object, backend?: string) =>
      caches.deployments.put(
        object({ namespace, name }, { spec: { source: { image: { reference: "i" } }, guardrails, backend } }),
      ),
    profile: (name: string, generation: number, seccomp: object = { type: "RuntimeDefault" }) => {
      const made = object<GuardrailProfile>({ name }, { spec: { seccomp } });
      caches.profiles.put({ ...made, metadata: { ...made.metadata, generation } });
    },
    namespace: (name: string, bound?: string) => {
      const made = object<Namespace>({ name }, {});
      caches.namespaces.put({
        ...made,
        metadata: { ...made.metadata, labels: { [GUARDRAILS_BOUND_LABEL]: bound ?? "" } },
      });
    },
    backend: (name: string, spec: object, status: object = {}, generation = 1) => {
      const made = object<RuntimeBackend>({ name }, { spec, status });
      caches.backends.put({ ...made, metadata: { ...made.metadata, generation } });
    },
  };
}

function peopled() {
  const found = world();
  found.namespace("a");
  found.namespace("b", "tight");
  found.backend("docker", { default: true });
  found.backend("edge", { guardrailsBound: "edgy" });
  for (const name of ["standard", "own", "tight", "edgy"]) found.profile(name, 1);
  found.deployment("a", "default");
  found.deployment("a", "own", { profile: "own" });
  found.deployment("b", "bounded", { profile: "own" });
  found.deployment("a", "far", {}, "edge");
  found.connect();
  found.look();
  return found;
}

describe("a change", () => {
  it.each<{ because: string; change: (world: ReturnType<typeof peopled>) => void; want: [string, string, string] }>([
    {
      because: "of a profile concerns those that name it",
      change: ({ profile }) => profile("own", 2),
      want: ["a/own b/bounded", "", "own"],
    },
    {
      because: "of the default profile concerns those that name none",
      change: ({ profile }) => profile("standard", 2),
      want: ["a/default a/far", "", "standard"],
    },
    {
      because: "of a profile that bounds a namespace concerns all in there",
      change: ({ profile }) => profile("tight", 2),
      want: ["b/bounded", "", "tight"],
    },
    {
      because: "of a profile that bounds a backend concerns it, and all that run there",
      change: ({ profile }) => profile("edgy", 2),
      want: ["a/far", "edge", "edgy"],
    },
    {
      because: "of a profile's status concerns nobody",
      change: ({ profile }) => profile("own", 1),
      want: ["", "", ""],
    },
    {
      because: "of a namespace's bound concerns all in there",
      change: ({ namespace }) => namespace("b", "own"),
      want: ["b/bounded", "", ""],
    },
    {
      because: "of anything else there concerns nobody",
      change: ({ namespace }) => namespace("b", "tight"),
      want: ["", "", ""],
    },
    {
      because: "of what a backend can do concerns the profiles",
      change: ({ backend }) => backend("docker", { default: true }, { capabilities: { guardrails: [] } }),
      want: ["", "", "edgy own standard tight"],
    },
    {
      because: "of a backend's health concerns nobody",
      change: ({ backend }) => backend("docker", { default: true }, { version: "2" }),
      want: ["", "", ""],
    },
  ])("$because", ({ change, want }) => {
    const found = peopled();
    change(found);
    expect(found.look()).toEqual(want);
  });

  it("of a seccomp profile concerns those that name it, and those whose profile does", () => {
    const found = peopled();
    const filters = { type: "ConfigMap", namespace: "security", name: "filters", key: "k" };
    found.profile("own", 2, filters);
    found.deployment("a", "mine", { overrides: { seccomp: { ...filters, namespace: "a" } } });
    found.look();
    const put = (namespace: string) => {
      const metadata = { namespace, name: "filters", uid: "u", resourceVersion: "1", creationTimestamp: "" };
      found.configMaps.put({ apiVersion: "v1", kind: "ConfigMap", metadata });
    };
    put("security");
    expect(found.look()[0]).toBe("a/own b/bounded");
    put("a");
    expect(found.look()[0]).toBe("a/mine");
  });

  it("of a deployment's profile is counted once the burst has passed", async () => {
    const found = peopled();
    await found.clock.advance(2_000);
    found.look();
    found.deployment("a", "default", { profile: "own" });
    expect(found.look()).toEqual(["a/default", "", ""]);
    await found.clock.advance(2_000);
    expect(found.look()).toEqual(["", "docker edge", "edgy own standard tight"]);
  });

  it("is not needed for the profiles that ship with Slipway", () => {
    const found = world();
    found.connect();
    expect(found.look()).toEqual(["", "", "airgapped restricted standard unrestricted"]);
  });

  it("in the cache of namespaces calls those that waited for it", () => {
    const found = world();
    found.deployment("a", "files");
    found.connect();
    found.look();
    found.namespace("a");
    expect(found.look()[0]).toBe("a/files");
  });
});

describe("what people have to approve", () => {
  const everybody = "a/default a/far a/own b/bounded";

  it.each<{ because: string; change: (world: ReturnType<typeof peopled>) => void; want: string; approvals: string }>([
    { because: "a policy came", change: ({ policy }) => policy("new", 1), want: everybody, approvals: "" },
    { because: "its rules changed", change: ({ policy }) => policy("known", 2), want: everybody, approvals: "" },
    { because: "a policy reports", change: ({ policy }) => policy("known", 1), want: "", approvals: "" },
    { because: "somebody decided", change: ({ approval }) => approval({}, 2), want: "a/own", approvals: "a/own-1" },
    {
      because: "it expired",
      change: ({ approval }) => approval({ phase: "Expired" }),
      want: "a/own",
      approvals: "a/own-1",
    },
    {
      because: "somebody was told",
      change: ({ approval }) => approval({ notifications: [{ state: "Delivered" }] }),
      want: "",
      approvals: "a/own-1",
    },
    {
      because: "its deployment is gone",
      change: ({ deployments }) => deployments.remove({ namespace: "a", name: "own" }),
      want: "a/own",
      approvals: "a/own-1",
    },
    {
      because: "a profile changed that a policy measures by",
      change: ({ profile }) => profile("measure", 2),
      want: everybody,
      approvals: "",
    },
  ])("is looked at again since $because", ({ change, want, approvals }) => {
    const found = peopled();
    found.policy("known", 1, [{ name: "weak", weakerThan: "measure" }]);
    found.approval();
    found.look();
    found.approvalsLooked();
    change(found);
    expect([found.look()[0], found.approvalsLooked()]).toEqual([want, approvals]);
  });
});
