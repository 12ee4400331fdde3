import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { answer, FakeApi, refuse } from "../../test/support/fake-api.ts";
import { type ConfigMap, configMaps } from "../api/core.ts";
import { addFinalizer, hasFinalizer, removeFinalizer } from "./finalizers.ts";
import { createKubeClient, type DisposableKubeClient } from "./http-kube-client.ts";

const finalizer = "slipway.dev/teardown";
let api: FakeApi;
let client: DisposableKubeClient;

beforeEach(async () => {
  api = await FakeApi.start();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig() });
});

afterEach(async () => {
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

const object = (finalizers: string[], deletionTimestamp?: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: "a",
    namespace: "ns",
    uid: "u",
    resourceVersion: "7",
    creationTimestamp: "",
    finalizers,
    ...(deletionTimestamp ? { deletionTimestamp } : {}),
  },
});
const options = () => ({ client, type: configMaps, finalizer });
const sent = () => JSON.parse(api.requests[0]?.body ?? "null");

describe("addFinalizer", () => {
  it("adds it to those of others, on condition of the version that was read", async () => {
    api.failNext("any", answer(200, JSON.stringify(object(["other/x", finalizer]))));
    const after = await addFinalizer(object(["other/x"]), options());
    expect(hasFinalizer(after, finalizer)).toBe(true);
    expect(sent()).toEqual({ metadata: { resourceVersion: "7", finalizers: ["other/x", finalizer] } });
  });

  it.each([
    { because: "it is there", before: object([finalizer]) },
    { because: "the object is being deleted", before: object([], "2026-01-01T00:00:00Z") },
  ])("asks nothing of the server: $because", async ({ before }) => {
    expect(await addFinalizer(before, options())).toBe(before);
    expect(api.requests).toEqual([]);
  });

  it("passes a conflict on", async () => {
    api.failNext("any", refuse(409, "Conflict"));
    await expect(addFinalizer(object([]), options())).rejects.toMatchObject({ reason: "Conflict" });
  });
});

describe("removeFinalizer", () => {
  it("leaves those of others", async () => {
    api.failNext("any", answer(200, JSON.stringify(object(["other/x"]))));
    await removeFinalizer(object([finalizer, "other/x"]), options());
    expect(sent()).toEqual({ metadata: { resourceVersion: "7", finalizers: ["other/x"] } });
  });

  it("is fine with an object that is gone, and with one that never had it", async () => {
    api.failNext("any", refuse(404, "NotFound"));
    await removeFinalizer(object([finalizer]), options());
    await removeFinalizer(object(["other/x"]), options());
    expect(api.requests).toHaveLength(1);
  });

  it("passes a conflict on", async () => {
    api.failNext("any", refuse(409, "Conflict"));
    await expect(removeFinalizer(object([finalizer]), options())).rejects.toMatchObject({ reason: "Conflict" });
  });
});
