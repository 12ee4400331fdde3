import { randomBytes } from "node:crypto";
import { expect, it } from "@jest/globals";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import { STAMP_KEY_BYTES, stampKeySecret } from "../approvals/stamp-keys.ts";
import { type AdmissionCaches, knownToCaches, missingIn } from "./known-to-caches.ts";

const clock = { now: () => new Date("2026-01-01T00:00:00Z") };

function cache(objects: readonly object[] = [], isSynced = true) {
  const all = objects as readonly KubeObject[];
  return {
    get: (key: ObjectKey) => all.find((each) => formatKey(keyOf(each)) === formatKey(key)),
    list: () => all,
    hasSynced: () => isSynced,
    onChange: () => () => undefined,
  };
}

const key = stampKeySecret(randomBytes(STAMP_KEY_BYTES));

function cachesOf(some: Partial<Record<keyof AdmissionCaches, ReturnType<typeof cache>>>): AdmissionCaches {
  const none = { profiles: cache(), deployments: cache(), backends: cache(), namespaces: cache(), policies: cache() };
  return { ...none, secrets: cache([key]), ...some } as unknown as AdmissionCaches;
}

it.each<{ because: string; some: Parameters<typeof cachesOf>[0]; want: string | undefined }>([
  { because: "all is there", some: {}, want: undefined },
  {
    because: "caches are not filled",
    some: { profiles: cache([], false), policies: cache([], false) },
    want: "the profiles, policies have not been read yet",
  },
  {
    because: "the Secrets are not there",
    some: { secrets: cache([key], false) },
    want: "the secrets have not been read yet",
  },
  {
    because: "nothing can be stamped",
    some: { secrets: cache([]) },
    want: "the Secret slipway-admission-key is missing",
  },
])("tells what is missing: $because", ({ some, want }) => {
  expect(missingIn(cachesOf(some))).toBe(want);
});

it("reads every cache by the name that rules ask for", () => {
  const named = (name: string, namespace?: string) => ({ metadata: { name, ...(namespace && { namespace }) } });
  const known = knownToCaches(
    cachesOf({
      profiles: cache([named("p")]),
      deployments: cache([named("d", "team")]),
      backends: cache([named("b")]),
      namespaces: cache([named("n")]),
      policies: cache([named("q")]),
    }),
    { clock, watchNamespaces: ["team"] },
  );
  expect(["team", "other"].map((namespace) => known.isWatched?.(namespace))).toEqual([true, false]);
  expect([
    ...[known.profile("p"), known.deployment({ namespace: "team", name: "d" }), known.approvalPolicy("q")],
    ...[...known.deployments(), ...known.backends(), ...known.namespaces()],
  ]).toMatchObject(["p", "d", "q", "d", "b", "n"].map((name) => ({ metadata: { name } })));
  expect([known.profile("q"), known.hasApprovalPolicies(), known.now()]).toEqual([undefined, true, clock.now()]);
  expect(known.stampKeys()?.verify).toHaveLength(1);
});
