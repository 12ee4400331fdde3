import { describe, expect, it } from "@jest/globals";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import type { Secret } from "../../api/core.ts";
import type { StatusFailure } from "../../api/meta.ts";
import type { Approval, ApprovalPolicy } from "../../api/v1alpha1/index.ts";
import { sealOf } from "../../approvals/seal.ts";
import { STAMP_KEY_SECRET, type StampKeys } from "../../approvals/stamp-keys.ts";
import { ApiError, type KubeClient } from "../../machinery/client.ts";
import { approvalIndexes } from "../runtime-deployment/gate/ports.ts";
import { createGate, stampKeyReader } from "./create-gate.ts";
import { WantedDigests } from "./wanted-digests.ts";

const BYTES = Buffer.alloc(32, 7);
const KEYS: StampKeys = { sign: BYTES, verify: [BYTES] };
const never = new AbortController().signal;

function approvalOf(requester: string): Approval {
  const metadata = { name: "files-1", namespace: "team-a", uid: "a-1", resourceVersion: "7", creationTimestamp: "" };
  const spec = {
    deploymentRef: { name: "files", uid: "d-1" },
    digest: `v1:sha256:${"a".repeat(64)}`,
    effective: {},
    requesters: [{ username: requester }],
    requestedAt: "2026-01-01T00:00:00Z",
    policies: [{ name: "images", uid: "p-1", approvers: { required: 1 }, timeoutHours: 48 }],
    triggers: [{ policy: "images", rule: "any", message: "any" }],
    decisions: [],
  };
  const sealed = { ...spec, seal: sealOf({ metadata, spec }, KEYS) };
  return { apiVersion: "slipway.dev/v1alpha1", kind: "Approval", metadata, spec: sealed };
}

function refusal(code: number, reason: string): ApiError {
  const failure = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: reason } as const;
  return new ApiError({ ...failure, reason, code } satisfies StatusFailure);
}

/** An API server that stores one Approval. */
function world(stored?: Approval, refused?: ApiError) {
  const patches: unknown[] = [];
  const client = {
    async create(_: unknown, object: Approval) {
      if (refused) throw refused;
      if (stored) throw refusal(409, "AlreadyExists");
      return object;
    },
    get: async () => stored,
    patch: async (...args: unknown[]) => void patches.push(args.slice(1)),
  } as unknown as KubeClient;
  const gate = createGate({
    ...{ client, fieldManager: "test", stampKeys: () => KEYS, wanted: new WantedDigests(() => undefined) },
    knowsPolicies: () => true,
    policies: new MemoryStore<ApprovalPolicy>(),
    approvals: new MemoryStore<Approval>(approvalIndexes),
    admission: () => ({ kind: "works" }),
    images: { resolve: async () => "" },
  });
  return { gate, patches };
}

describe("a request for approval", () => {
  const asked = approvalOf("dana") as Parameters<ReturnType<typeof world>["gate"]["request"]>[0];

  it.each([
    { because: "nobody has its name", stored: undefined, taken: true },
    { because: "the controller asked it before", stored: approvalOf("dana"), taken: true },
    {
      because: "something else has its name",
      stored: { ...approvalOf("dana"), spec: { ...approvalOf("dana").spec, requesters: [] } },
      taken: false,
    },
  ])("is asked: $taken, since $because", async ({ stored, taken }) => {
    expect(await world(stored).gate.request(asked, never)).toBe(taken);
  });

  it("is refused as the API server refuses it", async () => {
    const { gate } = world(undefined, refusal(403, "Forbidden"));
    await expect(gate.request(asked, never)).rejects.toMatchObject({ reason: "Forbidden" });
  });
});

describe("the image that ran first", () => {
  it("is kept in the status, against the version that was read", async () => {
    const { gate, patches } = world();
    await gate.keepImage(approvalOf("dana"), "sha256:1", never);
    expect(patches).toEqual([
      [
        { namespace: "team-a", name: "files-1" },
        { type: "merge", body: { metadata: { resourceVersion: "7" }, status: { image: "sha256:1" } } },
        { subresource: "status", fieldManager: "test", signal: never },
      ],
    ]);
  });
});

describe("the keys of the stamps", () => {
  it("are those of the Secret as it is now", () => {
    const secrets = new MemoryStore<Secret>();
    const keys = stampKeyReader(secrets);
    expect(keys()).toBeUndefined();
    const put = (fill: number) => {
      const metadata = { ...STAMP_KEY_SECRET, uid: "s", resourceVersion: String(fill), creationTimestamp: "" };
      secrets.put({
        apiVersion: "v1",
        kind: "Secret",
        metadata,
        data: { key: Buffer.alloc(32, fill).toString("base64") },
      });
    };
    put(1);
    expect(keys()?.sign).toEqual(Buffer.alloc(32, 1));
    expect(keys()).toBe(keys());
    put(2);
    expect(keys()?.sign).toEqual(Buffer.alloc(32, 2));
    secrets.remove(STAMP_KEY_SECRET);
    expect(keys()).toBeUndefined();
  });
});

describe("what deployments ask for", () => {
  it("is told when it changes, once", () => {
    const changed: string[] = [];
    const wanted = new WantedDigests((uid) => void changed.push(uid));
    for (const digest of ["a", "a", "b"]) wanted.set("d-1", digest);
    expect([changed, wanted.get("d-1")]).toEqual([["d-1", "d-1"], "b"]);
    wanted.delete("d-1");
    expect(wanted.get("d-1")).toBeUndefined();
  });
});
