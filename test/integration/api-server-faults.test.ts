import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { FaultySystem, whyNoFaults } from "../support/faulty-system.ts";
import { KillableApiServer, type WatchLine } from "../support/killable-api-server.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const DAY_MS = 24 * 60 * 60_000;
const reason = whyNoFaults();
if (reason !== undefined) console.warn(`faults of disk and clock are not tested: ${reason}`);
const describeWithFaults = reason === undefined ? describe : describe.skip;

let system: FaultySystem;
let server: KillableApiServer;

beforeAll(() => {
  if (reason === undefined) system = new FaultySystem();
});

afterAll(() => system?.[Symbol.dispose]());

beforeEach(async () => {
  system.set({});
  server = await KillableApiServer.start({ env: system.env });
});

afterEach(async () => {
  system.set({});
  await server[Symbol.asyncDispose]();
});

const create = (name: string, data: object = {}) => server.call("POST", CONFIG_MAPS, { metadata: { name }, data });
const versionOf = async (name: string) => Number((await create(name)).body.metadata.resourceVersion);

interface Heard extends WatchLine {
  /** By `performance.now()`. */
  readonly atMs: number;
}

/** Collects the lines of a watch until the server ends. */
function follow(path: string): Heard[] {
  const lines: Heard[] = [];
  void (async () => {
    for await (const line of server.watch(path)) lines.push({ ...line, atMs: performance.now() });
  })().catch(() => undefined);
  return lines;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

describeWithFaults("a disk whose fsync takes 200 ms", () => {
  const FSYNC_MS = 200;
  const WRITERS = 64;

  it("slows each write, but neither reads nor watches, and writers share its cost", async () => {
    await create("read");
    const events = follow(`${CONFIG_MAPS}?watch=true&resourceVersion=0`);
    await eventually("the watch has begun", () => events.length > 0);
    system.set({ fsyncMs: FSYNC_MS });
    const writes: number[] = [];
    const reads: number[] = [];
    const acknowledged = new Map<string, number>();
    const started = performance.now();
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let at = 0; !isOver; at++) {
        const name = `w${writer}-${at}`;
        writes.push(await tookMs(() => create(name)));
        acknowledged.set(name, performance.now());
      }
    });
    while (performance.now() - started < 4_000) {
      reads.push(await tookMs(() => server.call("GET", `${CONFIG_MAPS}/read`)));
      await sleep(20);
    }
    isOver = true;
    await Promise.all(writers);
    const perSecond = (writes.length / (performance.now() - started)) * 1000;
    expect(Math.min(...writes)).toBeGreaterThan(FSYNC_MS * 0.9);
    // One fsync for each write would allow five a second.
    expect(perSecond).toBeGreaterThan(10 * (1000 / FSYNC_MS));
    expect(median(reads)).toBeLessThan(FSYNC_MS / 2);
    await eventually("all are heard of", () => events.length > acknowledged.size);
    const delays = events.map(({ object, atMs }) => atMs - (acknowledged.get(object.metadata.name) ?? 0)).slice(1);
    expect(median(delays)).toBeLessThan(FSYNC_MS / 2);
  });
});

describeWithFaults("a disk whose fsync fails", () => {
  it("gets writes refused, shows nothing of them, and loses nothing that was acknowledged", async () => {
    const before = await versionOf("before");
    const events = follow(`${CONFIG_MAPS}?watch=true&resourceVersion=${before}`);
    system.set({ fsyncErrno: 5 });
    for (const name of ["refused-1", "refused-2"]) {
      const { status, body } = await create(name);
      expect([status, body.kind, body.reason]).toEqual([500, "Status", "InternalError"]);
      expect(body.message).toMatch(/the write could not be stored: disk I\/O error/);
    }
    expect((await server.call("GET", `${CONFIG_MAPS}/refused-1`)).status).toBe(404);
    expect((await server.call("GET", `${CONFIG_MAPS}/before`)).status).toBe(200);
    system.set({});
    const after = await versionOf("after");
    expect(after).toBeGreaterThan(before);
    await eventually("the watch goes on", () => events.length > 0);
    await server.kill();
    await server.start();
    const { body } = await server.call("GET", CONFIG_MAPS);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(["after", "before"]);
    expect(events.map(({ object }) => object.metadata.name)).toEqual(["after"]);
  });
});

describeWithFaults("a clock that jumps", () => {
  const lease = (holderIdentity: string, renewTime: string) => ({
    ...{ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "leader" } },
    spec: { holderIdentity, renewTime, leaseDurationSeconds: 15 },
  });

  it.each([
    { because: "a day back", clockMs: -DAY_MS },
    { because: "a second back", clockMs: -1_000 },
    { because: "a day ahead and back again", clockMs: DAY_MS, thenMs: 0 },
  ])(
    "$because leaves versions, watches, tokens and leases in order",
    async ({ clockMs, thenMs }) => {
      const accounts = "/api/v1/namespaces/default/serviceaccounts";
      await server.call("POST", accounts, { metadata: { name: "robot" } });
      const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
      const issue = async () =>
        ((await server.call("POST", `${accounts}/robot/token`, request)).body.status as { token: string }).token;
      const isKnown = async (token: string) => {
        const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
        const { body } = await server.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review);
        return (body.status as { authenticated?: boolean }).authenticated === true;
      };
      const token = await issue();
      const first = await versionOf("first");
      const events = follow(`${CONFIG_MAPS}?watch=true&resourceVersion=${first}`);
      await server.call("POST", LEASES, lease("one", "2026-01-01T00:00:00.000000Z"));

      const names = ["during", ...(thenMs === undefined ? [] : ["then"])];
      let last = first;
      for (const [at, jump] of [clockMs, thenMs].filter((jump) => jump !== undefined).entries()) {
        system.set({ clockMs: jump });
        const { body } = await create(String(names[at]));
        const expected = Date.now() + jump;
        expect(Math.abs(Date.parse(body.metadata.creationTimestamp) - expected)).toBeLessThan(120_000);
        expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(last);
        last = Number(body.metadata.resourceVersion);
        expect(await isKnown(await issue())).toBe(true);
        // A token of an hour is over by a clock that is a day ahead, and no other.
        expect(await isKnown(token)).toBe(jump <= 0);
      }
      const renewal = { spec: lease("two", "2026-01-01T00:00:01.000000Z").spec };
      const { status } = await server.call("PATCH", `${LEASES}/leader`, renewal, "application/merge-patch+json");
      expect(status).toBe(200);
      await eventually("the watch tells all", () => events.length === names.length);
      expect(events.map(({ object }) => object.metadata.name)).toEqual(names);

      // Also over a restart, with changes of the future in the file.
      await server.kill();
      await server.start();
      const resumed = server.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${first}`);
      expect((await resumed.next()).value).toMatchObject({ type: "ADDED", object: { metadata: { name: "during" } } });
      await resumed.return(undefined);
      expect(await versionOf("after-restart")).toBeGreaterThan(last);
    },
    60_000,
  );
});
