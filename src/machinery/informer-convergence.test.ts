import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { eventually } from "../../test/support/eventually.ts";
import { FakeApi, hangUp, refuse } from "../../test/support/fake-api.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type ConfigMap, configMaps } from "../api/core.ts";
import { createKubeClient, type DisposableKubeClient } from "./http-kube-client.ts";
import { Informer } from "./informer.ts";

const timing = { silenceMs: 60_000, healthyAfterMs: 0, minBackoffMs: 1, maxBackoffMs: 5 };

let api: FakeApi;
let client: DisposableKubeClient;

beforeEach(async () => {
  api = await FakeApi.start();
  client = await createKubeClient({ kubeconfigText: api.kubeconfig(), requestTimeoutMs: 20_000 });
});

afterEach(async () => {
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

/** What is known of each object: enough to tell any two states apart. */
function stateOf(objects: readonly ConfigMap[]): string[] {
  return objects
    .map(({ metadata, data }) => `${metadata.namespace}/${metadata.name}=${data?.value}@${metadata.resourceVersion}`)
    .sort();
}

async function inStep(informer: Informer<ConfigMap>): Promise<void> {
  await eventually(
    "the cache equals the server",
    () => JSON.stringify(stateOf(informer.list())) === JSON.stringify(stateOf(api.objects)),
    { everyMs: 2, timeoutMs: 20_000, explain: () => JSON.stringify([stateOf(informer.list()), stateOf(api.objects)]) },
  );
}

describe("whatever happens in whatever order", () => {
  const names = fc.constantFrom("a", "b", "c", "d");
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("put"), name: names, value: fc.string({ maxLength: 4 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("remove"), name: names }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "cut",
          "cutMidLine",
          "end",
          "compact",
          "bookmark",
          "garbage",
          "mute",
          "unmute",
          "pause",
          "refuseWatch",
          "refuseList",
          "hangUp",
        ),
      }),
    },
  );
  type Step = { do: string; name?: string; value?: string };

  const perform: Record<string, (step: Step) => unknown> = {
    put: ({ name = "", value }) => api.put(name, value),
    remove: ({ name = "" }) => api.remove(name),
    cut: () => api.cutWatches(),
    cutMidLine: () => api.cutWatches({ midLine: true }),
    end: () => api.endWatches(),
    compact: () => api.compact(),
    bookmark: () => api.bookmark(),
    garbage: () => api.say("{]\n"),
    mute: () => api.mute(true),
    // What was swallowed is gone for this connection: only a new one learns of it.
    unmute: () => {
      api.cutWatches();
      api.mute(false);
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    refuseWatch: () => api.failNext("watch", refuse(503, "ServiceUnavailable")),
    refuseList: () => api.failNext("list", refuse(429, "TooManyRequests")),
    hangUp: () => api.failNext("any", hangUp),
  };

  it("the cache ends equal to the server, and handlers have been told each step to it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps: Step[]) => {
        const { logger } = recordingLogger();
        const indexes = { value: ({ data }: ConfigMap) => [data?.value ?? ""] };
        const informer = new Informer({
          client,
          type: configMaps,
          logger,
          indexes,
          timing: { ...timing, pageSize: 2 },
        });
        /** The cache as told by handlers alone: it must never contradict what they are told next. */
        const mirror = new Map<string, ConfigMap>();
        const contradictions: string[] = [];
        informer.onChange((before, after) => {
          const { name } = (after ?? before)?.metadata ?? { name: "" };
          if (mirror.get(name) !== before) contradictions.push(`${name}: another state was told before`);
          if (informer.get({ namespace: "default", name }) !== after) contradictions.push(`${name}: not in the cache`);
          if (before && before.metadata.resourceVersion === after?.metadata.resourceVersion)
            contradictions.push(`${name}: told twice`);
          if (after) mirror.set(name, after);
          else mirror.delete(name);
        });
        const stopThis = new AbortController();
        const run = informer.run(stopThis.signal);
        try {
          for (const each of steps) await perform[each.do]?.(each);
          api.cutWatches();
          api.mute(false);
          await inStep(informer);
          expect(contradictions).toEqual([]);
          expect(stateOf([...mirror.values()])).toEqual(stateOf(api.objects));
          const values = new Set(api.objects.map(({ data }) => data?.value ?? ""));
          const indexed = [...values].flatMap((value) => informer.byIndex("value", value));
          expect(stateOf(indexed)).toEqual(stateOf(api.objects));
          expect(stateOf(informer.list("default"))).toEqual(stateOf(api.objects));
        } finally {
          stopThis.abort();
          await run;
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
