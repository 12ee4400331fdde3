import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { FakeApi, silence } from "../../test/support/fake-api.ts";
import { TestFence } from "../../test/support/test-fence.ts";
import { configMaps } from "../api/core.ts";
import { LeadershipLost } from "./fence.ts";
import { createKubeClient, type DisposableKubeClient } from "./http-kube-client.ts";
import { splitClient } from "./split-client.ts";

let api: FakeApi;
let fence: TestFence;
let following: DisposableKubeClient;
let fenced: DisposableKubeClient;

beforeEach(async () => {
  api = await FakeApi.start();
  fence = new TestFence();
  following = await createKubeClient({ kubeconfigText: api.kubeconfig() });
  fenced = await createKubeClient({ kubeconfigText: api.kubeconfig(), fence });
});

afterEach(async () => {
  following[Symbol.dispose]();
  fenced[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

describe("a client behind a fence", () => {
  it("asks while the fence stands", async () => {
    expect((await fenced.list(configMaps)).items).toEqual([]);
    expect(fence.checks).toBeGreaterThan(1);
  });

  it("asks nothing once it has fallen", async () => {
    await fenced.list(configMaps);
    fence.stands = false;
    await expect(fenced.list(configMaps)).rejects.toThrow(LeadershipLost);
    await expect(fenced.request("POST", "/review", {})).rejects.toThrow(LeadershipLost);
    expect(api.requests).toHaveLength(1);
  });

  it("breaks off what is under way when it closes, and says why", async () => {
    api.failNext("any", silence);
    const waiting = fenced.request("POST", "/review", {});
    await eventually("it was asked", () => api.requests.length === 1, { everyMs: 5 });
    fence.close();
    await expect(waiting).rejects.toThrow(LeadershipLost);
  });

  it("leaves lists and watches to one that has none", async () => {
    const acting = splitClient({ following, acting: fenced });
    fence.stands = false;
    expect((await acting.list(configMaps)).items).toEqual([]);
    const key = { namespace: "default", name: "one" };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: key };
    const patch = { type: "merge", body: {} } as const;
    await expect(acting.get(configMaps, key)).rejects.toThrow(LeadershipLost);
    await expect(acting.create(configMaps, object)).rejects.toThrow(LeadershipLost);
    await expect(acting.patch(configMaps, key, patch)).rejects.toThrow(LeadershipLost);
    await expect(acting.delete(configMaps, key)).rejects.toThrow(LeadershipLost);
    expect(api.requests.map(({ method }) => method)).toEqual(["GET"]);
  });
});
