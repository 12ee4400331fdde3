import { eventually } from "../../support/eventually.ts";
import type { Client } from "./client.ts";
import { configMap } from "./objects.ts";
import { connect, isExternal } from "./target.ts";

/** Longer than a controller takes that runs; one that does not run costs this once for each file that asks. */
const PATIENCE = { timeoutMs: 20_000, everyMs: 200 };

/**
 * Whether the controllers of the server reach objects of custom kinds, too. Not those of a server that is put together of two,
 * one of them for custom kinds: test/support/kubernetes-api.
 */
export const collectsCustomObjects = process.env.CONFORMANCE_COLLECTS !== "built-in";

/**
 * Whether what is deleted is also collected: a bare kube-apiserver has neither a garbage collector nor a namespace
 * controller, which are part of kube-controller-manager. Ours has both, so there it is not asked.
 */
export const runsNamespaceController = (): Promise<boolean> =>
  probe(async (api) => {
    const { metadata } = await api.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { generateName: "conformance-probe-" },
    });
    const path = `/api/v1/namespaces/${metadata.name}`;
    await api.remove(path);
    await eventually("the probe is gone", async () => (await api.send("GET", path)).status === 404, PATIENCE);
  });

/** The same for what owners leave behind. */
export const runsGarbageCollector = (): Promise<boolean> =>
  probe(async (api) => {
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "absent", uid: "00000000-0000-4000-8000-000000000000" };
    const path = "/api/v1/namespaces/default/configmaps";
    const probed = configMap("", { metadata: { generateName: "conformance-probe-", ownerReferences: [owner] } });
    const { metadata } = await api.create(path, probed);
    const at = `${path}/${metadata.name}`;
    try {
      await eventually("the probe is gone", async () => (await api.send("GET", at)).status === 404, PATIENCE);
    } finally {
      await api.send("DELETE", at);
    }
  });

async function probe(look: (api: Client) => Promise<void>): Promise<boolean> {
  if (!isExternal) return true;
  const { client, close } = await connect(undefined);
  try {
    await look(client);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("not within")) return false;
    throw error;
  } finally {
    await close();
  }
}
