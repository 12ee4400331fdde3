import { createServer } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { FakeApi, silence } from "../../test/support/fake-api.ts";
import { listen } from "../../test/support/listen.ts";
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

  it("asks again behind a proxy, right before it writes", async () => {
    const proxy = createServer().on("connect", ({ url = "" }, socket) => {
      const [host, port] = url.split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) end.on("error", () => end.destroy());
    });
    const address = await listen(proxy);
    const config = JSON.parse(api.kubeconfig());
    config.clusters[0].cluster["proxy-url"] = `http://${address}`;
    using proxied = await createKubeClient({ kubeconfigText: JSON.stringify(config), fence });
    try {
      expect((await proxied.list(configMaps)).items).toEqual([]);
      const before = api.requests.length;
      const check = fence.check.bind(fence);
      // It falls while the proxy is spoken to.
      fence.check = () => {
        check();
        fence.stands = false;
      };
      await expect(proxied.request("POST", "/review", {})).rejects.toThrow("over");
      expect(api.requests).toHaveLength(before);
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });
});
