import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type ConfigMap, configMaps } from "../api/core.ts";
import type { KubeList, StatusFailure } from "../api/meta.ts";
import { ApiError, ApiUnreachable, type KubeClient, type WatchEvent } from "./client.ts";
import { Informer } from "./informer.ts";

const page: KubeList<ConfigMap> = {
  apiVersion: "v1",
  kind: "ConfigMapList",
  metadata: { resourceVersion: "1" },
  items: [],
};

function refusal(code: number, retryAfterMs?: number): ApiError {
  const status: StatusFailure = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "no",
    code,
  };
  return new ApiError(status, retryAfterMs);
}

type Watch = (signal: AbortSignal) => AsyncGenerator<WatchEvent<ConfigMap>>;

/** An informer of a server that is a function, on a clock of its own. Notes when it is asked for what. */
function start(watch: Watch, list: () => Promise<KubeList<ConfigMap>> = async () => page) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const watches: number[] = [];
  const lists: number[] = [];
  const client = {
    list() {
      lists.push(clock.monotonicMs());
      return list();
    },
    watch(_type: unknown, _options: unknown, signal: AbortSignal) {
      watches.push(clock.monotonicMs());
      return watch(signal);
    },
  } as unknown as KubeClient;
  const informer = new Informer({ client, type: configMaps, logger, clock });
  const stop = new AbortController();
  return { clock, lines, watches, lists, stop, run: informer.run(stop.signal) };
}

const until = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** Lives for `ms`, then breaks. */
const living = (clock: () => FakeClock, ms: number): Watch =>
  async function* (signal) {
    const end = Promise.withResolvers<void>();
    clock().schedule(ms, () => end.resolve());
    await Promise.race([end.promise, until(signal)]);
    throw new ApiUnreachable("broken");
  };

const gaps = (times: readonly number[]) => times.slice(1).map((at, index) => at - (times[index] ?? 0));

describe("the pace of an informer", () => {
  const hostile: { because: string; watch: Watch; list?: () => Promise<KubeList<ConfigMap>> }[] = [
    {
      because: "every watch is closed at once",
      watch: async function* () {
        yield* [];
      },
    },
    {
      because: "every watch breaks at once",
      watch: async function* () {
        yield* [];
        throw new ApiUnreachable("broken");
      },
    },
    {
      because: "every version is too old",
      watch: async function* () {
        yield* [];
        throw refusal(410);
      },
    },
    {
      because: "every watch says one thing and breaks",
      watch: async function* () {
        yield {
          type: "BOOKMARK",
          object: { apiVersion: "v1", kind: "ConfigMap", metadata: { ...page.metadata } as never },
        };
        throw new ApiUnreachable("broken");
      },
    },
    {
      because: "no list succeeds",
      watch: async function* () {
        yield* [];
      },
      list: () => Promise.reject(refusal(500)),
    },
  ];

  it.each(hostile)("slows down to one attempt in half a minute: $because", async ({ watch, list }) => {
    const { clock, watches, lists, stop, run } = start(watch, list);
    await clock.advance(600_000);
    const asked = Math.max(watches.length, lists.length);
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(60);
    const between = gaps(watches.length > 0 ? watches : lists);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...between)).toBeLessThanOrEqual(30_000);
    // Jitter: informers that lost the same server do not come back as one.
    expect(new Set(between.slice(-10)).size).toBeGreaterThan(1);
    stop.abort();
    await run;
  });

  it("is quick again after a watch that lived, and lists only once", async () => {
    const test: ReturnType<typeof start> = start(living(() => test.clock, 60_000));
    await test.clock.advance(600_000);
    expect(test.lists).toHaveLength(1);
    for (const gap of gaps(test.watches)) expect(gap).toBeLessThanOrEqual(60_200);
    test.stop.abort();
    await test.run;
  });

  it("is not quick again after a watch that hardly lived", async () => {
    const test: ReturnType<typeof start> = start(living(() => test.clock, 5_000));
    await test.clock.advance(600_000);
    expect(gaps(test.watches).at(-1)).toBeGreaterThanOrEqual(20_000);
    test.stop.abort();
    await test.run;
  });

  it("waits as long as the server asks for, within its own bound", async () => {
    const asked = [5_000, 3_600_000];
    const { clock, lists, stop, run } = start(
      async function* (signal) {
        yield* [];
        await until(signal);
      },
      async () => {
        const retryAfterMs = asked.shift();
        if (retryAfterMs !== undefined) throw refusal(429, retryAfterMs);
        return page;
      },
    );
    await clock.advance(60_000);
    expect(lists).toEqual([0, 5_000, 35_000]);
    stop.abort();
    await run;
  });

  it("cuts a silent watch, whatever the wall clock says, and resumes without delay", async () => {
    const { clock, watches, lists, stop, run } = start(async function* (signal) {
      yield* [];
      await until(signal);
    });
    let jumps = 0;
    clock.now = () => {
      jumps++;
      return new Date(jumps % 2 === 0 ? 0 : 4e12);
    };
    await clock.advance(300_000);
    expect(watches).toEqual([0, 90_000, 180_000, 270_000]);
    expect(lists).toEqual([0]);
    stop.abort();
    await run;
  });

  it("keeps a watch that says something now and then", async () => {
    const test: ReturnType<typeof start> = start(async function* (signal) {
      for (;;) {
        const tick = Promise.withResolvers<void>();
        test.clock.schedule(60_000, () => tick.resolve());
        await Promise.race([tick.promise, until(signal)]);
        yield {
          type: "BOOKMARK",
          object: { apiVersion: "v1", kind: "ConfigMap", metadata: { ...page.metadata } as never },
        };
      }
    });
    await test.clock.advance(3_600_000);
    expect(test.watches).toEqual([0]);
    test.stop.abort();
    await test.run;
  });

  it("tells of an outage as it begins and every few minutes, not with every attempt", async () => {
    let up = true;
    const test: ReturnType<typeof start> = start(async function* (signal) {
      yield* [];
      if (!up) throw new ApiUnreachable("connect ECONNREFUSED");
      await Promise.race([living(() => test.clock, 60_000)(signal).next(), until(signal)]);
    });
    await test.clock.advance(1_000);
    up = false;
    const warnings = () => test.lines.filter(({ level }) => level === "warn").length;
    await test.clock.advance(90_000);
    expect(warnings()).toBe(1);
    await test.clock.advance(3_600_000);
    expect(warnings()).toBeGreaterThan(10);
    expect(warnings()).toBeLessThan(20);
    test.stop.abort();
    await test.run;
  });

  it("dies of a defect rather than hide it", async () => {
    const { run } = start(async function* () {
      yield* [];
      throw new TypeError("defect");
    });
    await expect(run).rejects.toThrow("defect");
  });
});
