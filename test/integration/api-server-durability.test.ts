import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { apiVersionOf, type KubeObject, type ResourceType } from "../../src/api/meta.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Informer } from "../../src/machinery/informer.ts";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer, type Reply } from "../support/killable-api-server.ts";
import { randomFrom } from "../support/random.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** The long form is for `make soak`. */
const KILLS = process.env.SLIPWAY_SOAK ? 100 : 6;
/** Set it to repeat what another run did, as far as the moments of kills allow. */
const SEED = Number(process.env.SLIPWAY_SEED ?? Date.now() % 1_000_000);
const WRITERS = 16;
const OBJECTS_EACH = 3;
const PADDING = "x".repeat(2000);

interface Widget extends KubeObject {
  readonly spec?: { readonly first?: number; readonly second?: number; readonly applied?: number; padding?: string };
  readonly status?: { readonly seen?: number; readonly again?: number };
}

const widgets: ResourceType<Widget> = {
  ...{ group: "test.example", version: "v1", kind: "Widget", plural: "widgets", namespaced: true },
};
const WIDGETS = "/apis/test.example/v1/namespaces/default/widgets";
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.test.example" },
  spec: {
    group: "test.example",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        ...{ name: "v1", served: true, storage: true, subresources: { status: {} } },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** What every write of an object sets together, so that half of one would show. Undefined: there is no such object. */
type State = { spec: Widget["spec"]; status: Widget["status"] } | undefined;

function stateOf(object: { spec?: unknown; status?: unknown } | undefined): State {
  return object && ({ spec: object.spec, status: object.status } as State);
}

/** One object as its only writer knows it. */
interface Known {
  readonly name: string;
  acknowledged: State;
  version: string | undefined;
  /** What the write that is under way would make of it. */
  attempted?: { readonly state: State };
}

interface Write {
  readonly state: State;
  readonly call: readonly [method: string, path: string, body?: unknown, contentType?: string];
}

/** A write that suits what is there, and what it makes of it. */
function nextWrite({ name, acknowledged, version }: Known, at: number, random: () => number): Write {
  const path = `${WIDGETS}/${name}`;
  const head = { apiVersion: apiVersionOf(widgets), kind: widgets.kind };
  const written = { first: at, second: at, padding: PADDING };
  if (!acknowledged) {
    const body = { ...head, metadata: { name }, spec: written };
    return { state: { spec: written, status: undefined }, call: ["POST", WIDGETS, body] };
  }
  const { spec, status } = acknowledged;
  const choice = random();
  if (choice < 0.2) {
    const body = { ...head, metadata: { name, resourceVersion: version }, spec: written };
    return { state: { spec: written, status }, call: ["PUT", path, body] };
  }
  if (choice < 0.45) {
    const change = { first: at, second: at };
    const patch = { spec: change };
    return {
      state: { spec: { ...spec, ...change }, status },
      call: ["PATCH", path, patch, "application/merge-patch+json"],
    };
  }
  if (choice < 0.65) {
    const body = { ...head, metadata: { name }, spec: { applied: at } };
    const call = ["PATCH", `${path}?fieldManager=soak&force=true`, body, "application/apply-patch+yaml"] as const;
    return { state: { spec: { ...spec, applied: at }, status }, call };
  }
  if (choice < 0.85) {
    const seen = { seen: at, again: at };
    const call = ["PATCH", `${path}/status`, { status: seen }, "application/merge-patch+json"] as const;
    return { state: { spec, status: seen }, call };
  }
  return { state: undefined, call: ["DELETE", path] };
}

describe("kill -9 of the API server", () => {
  it(
    `loses no acknowledged write of ${WRITERS} writers in ${KILLS} kills, leaves none half done, never counts back, and watches resume`,
    async () => {
      console.info(`SLIPWAY_SEED=${SEED}`);
      const random = randomFrom(SEED);
      await using server = await KillableApiServer.start();
      expect(
        (await server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)).status,
      ).toBe(201);
      await eventually("widgets are served", async () => (await server.call("GET", WIDGETS)).status === 200);

      using client = await createKubeClient({ kubeconfigPath: server.announced.kubeconfigPath });
      const told = new Map<string, number[]>();
      let lists = 0;
      const informer = new Informer({
        ...{ client, type: widgets, scope: { namespace: "default" }, logger: recordingLogger().logger },
        timing: { healthyAfterMs: 0, minBackoffMs: 10, maxBackoffMs: 100 },
        metrics: {
          listed: () => {
            lists++;
          },
        },
      });
      informer.onChange((_, after) => {
        if (after)
          told.set(after.metadata.name, [
            ...(told.get(after.metadata.name) ?? []),
            Number(after.metadata.resourceVersion),
          ]);
      });
      const stop = new AbortController();
      const run = informer.run(stop.signal);
      await informer.whenReady(AbortSignal.timeout(30_000));

      const owned = Array.from({ length: WRITERS }, (_, writer) =>
        Array.from(
          { length: OBJECTS_EACH },
          (_, at): Known => ({ name: `w${writer}-${at}`, acknowledged: undefined, version: undefined }),
        ),
      );
      let highest = 0;
      let writes = 0;
      const refusals: unknown[] = [];

      /** Writes until the server is gone. */
      const writer = async (objects: readonly Known[], isAlive: () => boolean) => {
        while (isAlive()) {
          const object = objects[Math.floor(random() * objects.length)] as Known;
          const { state, call } = nextWrite(object, ++writes, random);
          object.attempted = { state };
          const answer = await server.call(...call).catch(() => undefined);
          if (!answer) return;
          if (answer.status >= 300) {
            refusals.push({ call, answer });
            return;
          }
          object.acknowledged = state;
          delete object.attempted;
          const version = answer.body.metadata.resourceVersion;
          object.version = version;
          // The answer to a deletion may be a Status, which has none.
          if (state) highest = Math.max(highest, Number(version));
        }
      };

      const compare = ({ items, metadata }: Reply) => {
        expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(highest);
        highest = Number(metadata.resourceVersion);
        const found = new Map(items.map((item) => [item.metadata.name, item]));
        for (const object of owned.flat()) {
          const item = found.get(object.name);
          const actual = stateOf(item);
          const isAttempted =
            object.attempted !== undefined && isDeepStrictEqual(clean(actual), clean(object.attempted.state));
          if (!isAttempted)
            expect({ name: object.name, state: clean(actual) }).toEqual({
              name: object.name,
              state: clean(object.acknowledged),
            });
          object.acknowledged = actual;
          object.version = item?.metadata.resourceVersion;
          delete object.attempted;
        }
      };

      for (let kill = 0; kill < KILLS; kill++) {
        let isAlive = true;
        const writers = owned.map((objects) => writer(objects, () => isAlive));
        await sleep(20 + random() * 600);
        await server.kill();
        isAlive = false;
        await Promise.all(writers);
        expect(refusals).toEqual([]);
        if (kill % 4 === 3) await server.dieStarting(random() * 900);
        await server.start();
        compare((await server.call("GET", WIDGETS)).body);
      }

      const { body: list } = await server.call("GET", WIDGETS);
      const versions = (objects: readonly { metadata: { name: string; resourceVersion?: string } }[]) =>
        objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
      await eventually("the cache equals the server", () =>
        isDeepStrictEqual(versions(informer.list()), versions(list.items)),
      );
      stop.abort();
      await run;
      expect(writes).toBeGreaterThan(KILLS * WRITERS);
      expect(lists).toBe(1);
      for (const seen of told.values()) expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
      console.info(`${KILLS} kills, ${writes} writes, resourceVersion ${highest}`);
    },
    60_000 + KILLS * 10_000,
  );
});

/** JSON has no undefined. */
function clean(state: State): unknown {
  return state === undefined ? undefined : JSON.parse(JSON.stringify(state));
}
