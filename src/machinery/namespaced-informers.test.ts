import { afterEach, describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type ConfigMap, configMaps } from "../api/core.ts";
import type { KubeClient, WatchEvent } from "./client.ts";
import type { InformerMetrics } from "./informer.ts";
import { NamespacedInformers } from "./namespaced-informers.ts";

const object = (namespace: string, name: string, value = "a"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace, name, uid: `${namespace}-${name}`, resourceVersion: "1", creationTimestamp: "" },
  data: { value },
});

/** An API server that keeps `stored`, and tells of `changes` in the namespace of each. */
function clientOf(stored: readonly ConfigMap[], changes: readonly ConfigMap[] = []) {
  const asked: (string | undefined)[] = [];
  const client = {
    async list(_type: unknown, { namespace }: { namespace?: string }) {
      asked.push(namespace);
      const items = stored.filter(({ metadata }) => metadata.namespace === namespace);
      return { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "1" }, items };
    },
    async *watch(_type: unknown, { namespace }: { namespace?: string }, signal: AbortSignal) {
      for (const change of changes.filter(({ metadata }) => metadata.namespace === namespace)) {
        yield { type: "ADDED", object: change } as WatchEvent<ConfigMap>;
      }
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  } as unknown as KubeClient;
  return { client, asked };
}

const stop = new AbortController();
afterEach(() => stop.abort());

describe("informers of a few namespaces", () => {
  it("are read as one cache, and ask for nothing elsewhere", async () => {
    const { client, asked } = clientOf([object("a", "x"), object("b", "x"), object("c", "x")], [object("b", "later")]);
    const attached: { readonly size: number }[] = [];
    const metrics: InformerMetrics = { attached: (whole) => attached.push(whole) };
    const indexes = { value: ({ data }: ConfigMap) => [data?.value ?? ""] };
    const { logger } = recordingLogger();
    const cache = new NamespacedInformers(["a", "b", "a"], { client, type: configMaps, logger, indexes, metrics });
    const told: string[] = [];
    cache.onChange((_before, after) => told.push(`${after?.metadata.namespace}/${after?.metadata.name}`));
    expect(cache.hasSynced()).toBe(false);
    void cache.run(stop.signal);
    await cache.whenReady(AbortSignal.timeout(20_000));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.sort()).toEqual(["a", "b"]);
    expect(told.sort()).toEqual(["a/x", "b/later", "b/x"]);
    expect(cache.list().map(({ metadata }) => metadata.uid)).toEqual(["a-x", "b-x", "b-later"]);
    expect(cache.list("b")).toHaveLength(2);
    expect(cache.list("c")).toEqual([]);
    expect(cache.get({ namespace: "c", name: "x" })).toBeUndefined();
    expect(cache.byIndex("value", "a")).toHaveLength(3);
    expect(attached.map(({ size }) => size)).toEqual([3]);
  });
});
