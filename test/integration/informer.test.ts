import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "@jest/globals";
import { type ConfigMap, configMaps } from "../../src/api/core.ts";
import type { ObjectKey } from "../../src/api/meta.ts";
import { ApiUnreachable, isReason, type KubeClient } from "../../src/machinery/client.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Informer } from "../../src/machinery/informer.ts";
import { type ApiServer, startApiServer } from "../../src/server/api-server.ts";
import { markRevision } from "../../src/server/storage/store-format.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { KubectlWatch } from "../support/kubectl-watch.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** The long form is for `make soak`. */
const CHANGES = process.env.SLIPWAY_SOAK ? 10_000 : 2_000;
const ROUNDS = 8;
const NAMES = 150;

const keyOf = (at: number): ObjectKey => ({ namespace: "default", name: `c${at % NAMES}` });

/** Creates, changes and deletes, so that each object goes through many lives. */
async function change(client: KubeClient, at: number): Promise<void> {
  const key = keyOf(at * 31);
  const signal = AbortSignal.timeout(30_000);
  const data = { at: String(at) };
  try {
    if (at % 5 === 4) await client.delete(configMaps, key, { signal });
    else await client.patch(configMaps, key, { type: "merge", body: { data } }, { signal });
  } catch (error) {
    // Two writers may meet at one object; whoever loses has changed nothing.
    if (isReason(error, "Conflict")) return change(client, at);
    if (!isReason(error, "NotFound")) throw error;
    const created = client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: key, data }, signal);
    await created.catch((refusal: unknown) => {
      if (!isReason(refusal, "AlreadyExists")) throw refusal;
      return change(client, at);
    });
  }
}

/** Eight writers at once: changes of different objects overlap. */
async function changeAll(client: KubeClient, from: number, to: number): Promise<void> {
  let next = from;
  const writer = async () => {
    while (next < to) await change(client, next++);
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}

/** What a server without a memory of its changes answers 410 to. Only while no server runs. */
function forgetChanges(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, "store.db"));
  const { highest } = database.prepare("SELECT max(revision) AS highest FROM changes").get() as { highest: number };
  markRevision(database, highest, Date.now());
  database.close();
}

describe("an informer and kubectl against the embedded API server", () => {
  it(
    `miss and repeat nothing in ${CHANGES} changes with restarts and compactions`,
    async () => {
      await using test = await startTestApiServer({ crds: [] });
      const port = Number(new URL(test.url).port);
      const { logger } = recordingLogger();
      let server: ApiServer = test.server;
      const restart = async (at: number) => {
        await server.close();
        server = await startApiServer({
          dataDir: test.dataDir,
          listen: { host: "127.0.0.1", port: at },
          crds: [],
          logger,
        });
      };
      const clientAt = async (url: string) => createKubeClient({ kubeconfigText: await kubeconfigAt(test, url) });
      using client = await createKubeClient({ kubeconfigPath: test.kubeconfig });

      const lists: number[] = [];
      const told = new Map<string, number[]>();
      const last = new Map<string, ConfigMap | undefined>();
      const contradictions: string[] = [];
      const informer = new Informer({
        client,
        type: configMaps,
        scope: { namespace: "default" },
        logger,
        timing: { pageSize: 40, healthyAfterMs: 0, minBackoffMs: 10, maxBackoffMs: 100 },
        metrics: { listed: (objects) => lists.push(objects) },
      });
      informer.onChange((before, after) => {
        const { name } = (after ?? before)?.metadata ?? { name: "" };
        if (last.get(name) !== before) contradictions.push(name);
        last.set(name, after);
        if (after) told.set(name, [...(told.get(name) ?? []), Number(after.metadata.resourceVersion)]);
      });
      const stop = new AbortController();
      const run = informer.run(stop.signal);
      await informer.whenReady(AbortSignal.timeout(30_000));

      const kubectl = new KubectlWatch(test.kubeconfig, "configmaps");

      const perRound = CHANGES / ROUNDS;
      for (let round = 0; round < ROUNDS; round++) {
        await changeAll(client, round * perRound, (round + 0.5) * perRound);
        if (round % 2 === 0) {
          // The second half happens where the informer cannot see it, and is forgotten before it can.
          await restart(0);
          using elsewhere = await clientAt(server.url);
          await changeAll(elsewhere, (round + 0.5) * perRound, (round + 1) * perRound);
          await server.close();
          forgetChanges(test.dataDir);
          await restart(port);
        } else {
          await restart(port);
          await changeAll(client, (round + 0.5) * perRound, (round + 1) * perRound);
        }
      }

      const versions = (objects: readonly ConfigMap[]) =>
        objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
      const { items } = await client.list(configMaps, { namespace: "default" });
      await eventually(
        "the cache equals the server",
        () => versions(informer.list()).join() === versions(items).join(),
      );
      await eventually("kubectl equals the server", () => kubectl.state.join() === versions(items).join());
      stop.abort();
      await run;
      await kubectl.stop();
      await server.close();

      expect(kubectl.contradictions).toEqual([]);
      expect(kubectl.runs).toBeGreaterThan(ROUNDS / 2);
      expect(versions([...last.values()].filter((object) => object !== undefined))).toEqual(versions(items));
      expect(contradictions).toEqual([]);
      // Never a version twice, never back in time.
      for (const seen of told.values()) expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
      // One list at the start, and one for each compaction; a plain restart needs none.
      expect(lists).toHaveLength(1 + ROUNDS / 2);
    },
    CHANGES * 90,
  );

  it("trusts only the certificate authority of its kubeconfig", async () => {
    await using test = await startTestApiServer({ crds: [] });
    await using other = await startTestApiServer({ crds: [] });
    using client = await createKubeClient({ kubeconfigText: await kubeconfigAt(test, other.url) });
    const outcome = await client.list(configMaps).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(ApiUnreachable);
    using right = await createKubeClient({ kubeconfigPath: test.kubeconfig });
    expect((await right.list(configMaps, { namespace: "default" })).kind).toBe("ConfigMapList");
  });
});

async function kubeconfigAt(test: TestApiServer, url: string): Promise<string> {
  return (await readFile(test.kubeconfig, "utf8")).replace(test.url, url);
}
