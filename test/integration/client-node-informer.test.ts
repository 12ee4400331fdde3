import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from "@kubernetes/client-node";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer } from "../support/killable-api-server.ts";

/** The informer that most programs in JavaScript use, with its own way to list, watch and begin again. */

const PATH = "/api/v1/namespaces/default/configmaps";
let server: KillableApiServer;

beforeAll(async () => {
  server = await KillableApiServer.start();
}, 60_000);
afterAll(() => server?.[Symbol.asyncDispose]());

it("ends with what is there, over creations, changes, deletions and a killed server", async () => {
  const config = new KubeConfig();
  config.loadFromFile(server.announced.kubeconfigPath);
  const api = config.makeApiClient(CoreV1Api);
  const informer = makeInformer(config, PATH, () => api.listNamespacedConfigMap({ namespace: "default" }));
  const told = { add: 0, update: 0, delete: 0 };
  informer.on("add", () => {
    told.add += 1;
  });
  informer.on("update", () => {
    told.update += 1;
  });
  informer.on("delete", () => {
    told.delete += 1;
  });
  // As its documentation says: who wants it to go on starts it again.
  const again = new Set<NodeJS.Timeout>();
  let isOver = false;
  informer.on("error", () => {
    if (!isOver) again.add(setTimeout(() => void informer.start().catch(() => undefined), 200));
  });
  await informer.start();
  try {
    const body = (name: string, value: string) => ({ metadata: { name }, data: { value } });
    for (let index = 0; index < 30; index += 1)
      await api.createNamespacedConfigMap({ namespace: "default", body: body(`c${index}`, "1") });
    for (let index = 0; index < 10; index += 1) {
      const name = `c${index}`;
      await api.replaceNamespacedConfigMap({ namespace: "default", name, body: body(name, "2") });
    }
    for (let index = 20; index < 30; index += 1)
      await api.deleteNamespacedConfigMap({ namespace: "default", name: `c${index}` });
    const seen = () => informer.list("default") as readonly V1ConfigMap[];
    await eventually("it has seen all", async () => told.add === 30 && told.update === 10 && told.delete === 10);

    await server.kill();
    await server.start();
    await api.createNamespacedConfigMap({ namespace: "default", body: body("after", "3") });
    await eventually("it has seen what came after", async () =>
      seen().some(({ metadata }) => metadata?.name === "after"),
    );
    const { items } = await api.listNamespacedConfigMap({ namespace: "default" });
    const state = (objects: readonly V1ConfigMap[]) =>
      objects.map(({ metadata, data }) => `${metadata?.name}=${data?.value}`).sort();
    expect(state(seen())).toEqual(state(items));
  } finally {
    isOver = true;
    for (const timer of again) clearTimeout(timer);
    await informer.stop();
  }
}, 120_000);
