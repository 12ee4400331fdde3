import { describe, expect, it } from "@jest/globals";
import { approvalOf, KEYS, serverOf } from "../../test/support/approvals.ts";
import { type KnownObjects, knownOf } from "../../test/support/known.ts";
import type { Namespace } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import type { GuardrailProfile, RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { CONTROLLER_USER } from "../approvals/people.ts";
import { BUILT_IN_NAMES, type BuiltInProfile, builtInProfile } from "../guardrails/built-in.ts";
import { amend, isJudged, judge } from "./rules.ts";
import type { Known, Write } from "./write.ts";

const meta = (name: string, more: object = {}) => ({
  ...{ name, uid: name, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  ...more,
});
const { spec } = builtInProfile("standard") as BuiltInProfile;
const typed = { apiVersion: "slipway.dev/v1alpha1" };

const profile = (name: string, given: unknown = spec, more: object = {}) =>
  ({ ...typed, kind: "GuardrailProfile", metadata: meta(name, more), spec: given }) as GuardrailProfile;
const deployment = (name: string, guardrails?: unknown, more: object = {}) =>
  ({
    ...{ ...typed, kind: "RuntimeDeployment", metadata: meta(name, { namespace: "team-a", ...more }) },
    spec: { source: { image: { reference: "x", pullPolicy: "Always" } }, ...(guardrails ? { guardrails } : {}) },
  }) as unknown as RuntimeDeployment;
const backend = (name: string, guardrailsBound?: string, more: object = {}) =>
  ({
    ...{ ...typed, kind: "RuntimeBackend", metadata: meta(name, more) },
    spec: { type: "docker", ...(guardrailsBound ? { guardrailsBound } : {}) },
  }) as unknown as RuntimeBackend;
const namespace = (name: string, bound?: string, more: object = {}) =>
  ({
    ...{ apiVersion: "v1", kind: "Namespace" },
    metadata: meta(name, {
      ...(bound === undefined ? {} : { labels: { "slipway.dev/guardrails-bound": bound } }),
      ...more,
    }),
  }) as Namespace;

const known = (objects: KnownObjects = {}): Known => knownOf({ profiles: [profile("standard")], ...objects });

function verdictOn(given: Write, about: Known) {
  const { refusal, warnings } = judge(given, about);
  return { refusal, warnings };
}

const PLURALS: Record<string, string> = {
  GuardrailProfile: "guardrailprofiles",
  RuntimeDeployment: "runtimedeployments",
  RuntimeBackend: "runtimebackends",
  Namespace: "namespaces",
};

function write(object: KubeObject | undefined, oldObject?: KubeObject): Write {
  const { kind, metadata } = (object ?? oldObject) as KubeObject;
  return {
    operation: object === undefined ? "DELETE" : oldObject === undefined ? "CREATE" : "UPDATE",
    group: kind === "Namespace" ? "" : "slipway.dev",
    resource: PLURALS[kind] ?? "",
    subresource: "",
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    user: { username: "someone", groups: [] },
    dryRun: false,
    object,
    oldObject,
  };
}

const wider = { ...spec, network: { egressAllowed: true }, resources: { ...spec.resources, maxCpu: "2" } };
const CHANGED =
  "it ships with Slipway and its spec cannot be changed (network.allowedHosts, resources.maxCpu); make a profile of another name, or use spec.guardrails.overrides of a RuntimeDeployment";

describe("a profile that ships with Slipway", () => {
  it.each<{ because: string; write: Write; want: string | undefined }>([
    { because: "an installation writes it as it ships", write: write(profile("standard")), want: undefined },
    {
      because: "labels and annotations are the user's",
      write: write(profile("standard", spec, { labels: { a: "b" }, annotations: { c: "d" } }), profile("standard")),
      want: undefined,
    },
    {
      because: "another spec is refused",
      write: write(profile("standard", wider), profile("standard")),
      want: CHANGED,
    },
    { because: "also as a new object, when it was gone", write: write(profile("standard", wider)), want: CHANGED },
    {
      because: "one that an earlier release left is brought up to date",
      write: write(profile("standard"), profile("standard", wider)),
      want: undefined,
    },
    {
      because: "and may lose a finalizer before that",
      write: write(profile("standard", wider), profile("standard", wider, { finalizers: ["example.com/x"] })),
      want: undefined,
    },
    {
      because: "but not become something third",
      write: write(profile("standard", { ...wider, runAsNonRoot: true }), profile("standard", wider)),
      want: CHANGED.replace("maxCpu)", "maxCpu, runAsNonRoot)"),
    },
    {
      because: "a list in another order is another spec",
      write: write(
        profile("standard", {
          ...spec,
          network: { ...spec.network, allowedHosts: spec.network.allowedHosts?.toReversed() },
        }),
      ),
      want: CHANGED.replace(", resources.maxCpu", ""),
    },
    {
      because: "nobody deletes it",
      write: write(undefined, profile("standard")),
      want: "it ships with Slipway and cannot be deleted",
    },
    { because: "other names are free", write: write(profile("mine", wider)), want: undefined },
    { because: "and may be changed", write: write(profile("mine", wider), profile("mine")), want: undefined },
    { because: "and deleted", write: write(undefined, profile("mine")), want: undefined },
  ])("$because", ({ write, want }) => {
    const refusal = want === undefined ? undefined : { reason: "Forbidden", because: want };
    expect(verdictOn(write, known())).toEqual({ refusal, warnings: [] });
  });

  it.each(BUILT_IN_NAMES)("%s passes as the manifests have it", (name) => {
    const { spec } = builtInProfile(name) as BuiltInProfile;
    expect(verdictOn(write(profile(name, spec)), known()).refusal).toBeUndefined();
  });

  it("takes its status", () => {
    const { subresource: _, ...rest } = write(profile("standard", wider), profile("standard"));
    expect(isJudged({ ...rest, subresource: "status" })).toBe(false);
  });
});

describe("a profile in use", () => {
  const ending = { deletionTimestamp: "2026-01-02T00:00:00Z" };
  it.each<{ because: string; objects: Parameters<typeof known>[0]; want: string | undefined }>([
    {
      because: "names the deployments that name it",
      objects: {
        deployments: [deployment("b", { profile: "mine" }), deployment("a", { profile: "mine" }), deployment("c")],
      },
      want: "RuntimeDeployments team-a/a, team-a/b",
    },
    {
      because: "names the namespaces that it bounds",
      objects: { namespaces: [namespace("team-a", "mine"), namespace("team-b", "standard"), namespace("team-c")] },
      want: "Namespace team-a (label slipway.dev/guardrails-bound)",
    },
    {
      because: "names the backends that it bounds",
      objects: { backends: [backend("docker", "mine"), backend("other")] },
      want: "RuntimeBackend docker (spec.guardrailsBound)",
    },
    {
      because: "names all of them at once",
      objects: {
        deployments: [deployment("a", { profile: "mine" })],
        namespaces: [namespace("team-a", "mine")],
        backends: [backend("docker", "mine")],
      },
      want: "RuntimeDeployment team-a/a; by Namespace team-a (label slipway.dev/guardrails-bound); by RuntimeBackend docker (spec.guardrailsBound)",
    },
    {
      because: "names eight, and how many more",
      objects: { deployments: Array.from({ length: 20 }, (_, at) => deployment(`d${10 + at}`, { profile: "mine" })) },
      want: `RuntimeDeployments ${Array.from({ length: 8 }, (_, at) => `team-a/d${10 + at}`).join(", ")} and 12 more`,
    },
    {
      because: "is free once its users are being deleted",
      objects: {
        deployments: [deployment("a", { profile: "mine" }, ending)],
        namespaces: [namespace("team-a", "mine", ending)],
        backends: [backend("docker", "mine", ending)],
      },
      want: undefined,
    },
  ])("$because", ({ objects, want }) => {
    const because = `it is in use by ${want}. Let them name another profile, or delete them, first`;
    const refusal = want === undefined ? undefined : { reason: "Conflict", because };
    expect(verdictOn(write(undefined, profile("mine")), known(objects)).refusal).toEqual(refusal);
  });
});

describe("a value that nobody can read", () => {
  const url = { network: { egressAllowed: true, allowedHosts: ["api.openai.com", "https://x.test/y"] } };
  const bad = { ...spec, ...url };
  const SAID = "Invalid value: https://x.test/y: is a URL; write only its host, x.test";
  it.each<{ because: string; write: Write; want: string | undefined; said?: string }>([
    { because: "is refused in a profile", write: write(profile("mine", bad)), want: "spec.network.allowedHosts[1]" },
    {
      because: "is refused in an update",
      write: write(profile("mine", bad), profile("mine")),
      want: "spec.network.allowedHosts[1]",
    },
    {
      because: "may stay where it is stored",
      write: write(profile("mine", bad, { labels: {} }), profile("mine", bad)),
      want: undefined,
    },
    {
      because: "is refused in overrides, although the profile is not there",
      write: write(deployment("a", { profile: "mine", overrides: url })),
      want: "spec.guardrails.overrides.network.allowedHosts[1]",
    },
    {
      because: "may stay in overrides, so that a finalizer can go",
      write: write(
        deployment("a", { overrides: url }),
        deployment("a", { overrides: url }, { finalizers: ["slipway.dev/teardown"] }),
      ),
      want: undefined,
    },
    {
      because: "may be a path",
      write: write(profile("mine", { ...spec, filesystem: { readOnlyRoot: true, allowedMounts: ["/data/../etc"] } })),
      want: "spec.filesystem.allowedMounts[0]",
      said: "Invalid value: /data/../etc: must begin with a slash and not contain the segments . and ..",
    },
    { because: "is not what can be read", write: write(profile("mine")), want: undefined },
    {
      because: "is not there without overrides",
      write: write(deployment("a", { profile: "standard" })),
      want: undefined,
    },
  ])("$because", ({ write, want, said = SAID }) => {
    const refusal = want === undefined ? undefined : { reason: "Invalid", problems: [{ path: want, message: said }] };
    expect(verdictOn(write, known()).refusal).toEqual(refusal);
  });
});

describe("a name of a profile that is not there", () => {
  it.each<{ because: string; object: KubeObject; want: string[] }>([
    {
      because: "is said of a deployment",
      object: deployment("a", { profile: "mine" }),
      want: [
        'spec.guardrails.profile: GuardrailProfile "mine" does not exist; until it does, this deployment does not start',
      ],
    },
    { because: "is not there where none is named", object: deployment("a"), want: [] },
    { because: "is not one that exists", object: deployment("a", { profile: "standard" }), want: [] },
    {
      because: "is said of a backend",
      object: backend("docker", "mine"),
      want: [
        'spec.guardrailsBound: GuardrailProfile "mine" does not exist; until it does, no deployment starts on this backend',
      ],
    },
    { because: "is not said of a backend without bound", object: backend("docker"), want: [] },
    {
      because: "is said of a namespace",
      object: namespace("team-a", "mine"),
      want: [
        'metadata.labels[slipway.dev/guardrails-bound]: GuardrailProfile "mine" does not exist; until it does, no deployment starts in this namespace',
      ],
    },
    {
      because: "is not an empty one",
      object: namespace("team-a", ""),
      want: [],
    },
    { because: "is not said of a namespace without label", object: namespace("team-a"), want: [] },
  ])("$because", ({ object, want }) => {
    expect(verdictOn(write(object), known())).toEqual({ refusal: undefined, warnings: want });
    expect(verdictOn(write(object, object), known()).warnings).toEqual(want);
    expect(verdictOn(write(undefined, object), known()).warnings).toEqual([]);
  });
});

it.each([
  { group: "", resource: "configmaps", want: false },
  { group: "example.com", resource: "guardrailprofiles", want: false },
  { group: "apps", resource: "namespaces", want: false },
  { group: "slipway.dev", resource: "guardrailprofiles", want: true },
  { group: "slipway.dev", resource: "runtimedeployments", want: true },
])("writes of $resource.$group are judged: $want", ({ group, resource, want }) => {
  expect(isJudged({ operation: "CREATE", subresource: "", group, resource })).toBe(want);
});

describe("the status of a deployment", () => {
  const { metadata, ...rest } = deployment("files");
  const stated = {
    ...rest,
    metadata,
    status: { build: { phase: "Succeeded", image: "evil" } },
  } as unknown as KubeObject;
  const asked: Write = { ...write(stated, deployment("files")), subresource: "status" };

  it.each([
    { because: "who runs the cluster is no exception", username: "root", groups: ["system:masters"], refused: true },
    { because: "the controller says what it found", username: CONTROLLER_USER, groups: [], refused: false },
  ])("is the controller's to write: $because", ({ username, groups, refused }) => {
    const given = { ...asked, user: { username, groups } };
    const refusal = refused
      ? { reason: "Forbidden", because: "only Slipway's controller writes its status" }
      : undefined;
    expect(judge(given, known()).refusal).toEqual(refusal);
    expect(amend(given, known())?.refusal).toEqual(refusal);
  });
});

describe("the deletion of an Approval", () => {
  const GOES = { reason: "Forbidden", because: 'it goes with its RuntimeDeployment "server", and not before' };
  const approval = approvalOf({});
  const forged = { ...approval, spec: { ...approval.spec, requesters: [] } };

  it.each([
    { because: "its deployment is there", oldObject: approval, keys: KEYS, want: GOES },
    { because: "nobody can tell whether it is one", oldObject: forged, keys: undefined, want: GOES },
    { because: "something else than the controller wrote it", oldObject: forged, keys: KEYS, want: undefined },
  ])("is judged by whether $because", ({ oldObject, keys, want }) => {
    const deployments = [serverOf()];
    const { namespace = "", name } = approval.metadata;
    const asked: Write = { ...write(undefined, oldObject), resource: "approvals", namespace, name };
    expect(judge(asked, known({ deployments, keys })).refusal).toEqual(want);
  });
});
