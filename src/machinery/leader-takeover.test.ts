import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { candidate } from "../../test/support/lease-candidate.ts";
import { hangs, isGone, MemoryLeases, refusal } from "../../test/support/memory-leases.ts";

const LEASE_MS = 15_000;
const RENEW_MS = 2_000;
/** Of one that only looks. */
const LOOK_MS = 2_000;

/** `a` leads, with a clock of its own: it is killed where that stands still. */
async function startPair(wire?: Parameters<MemoryLeases["client"]>[0]) {
  const [leases, clock, own] = [new MemoryLeases(), new FakeClock(), new FakeClock()];
  const a = candidate(leases, "a", clock, { gatewayAddress: () => "10.0.0.1:7080" });
  await clock.advance(0);
  // Its looks do not fall on the ends of leases.
  const b = candidate(leases, "b", own, { client: leases.client(wire), random: () => 0.5 });
  const both = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      await own.advance(100);
      await clock.advance(100);
      await own.advance(0);
    }
  };
  await own.advance(0);
  return { leases, clock, own, a, b, both };
}

describe("one that follows", () => {
  it.each([100, 1_000, 1_900, 2_000, 2_700, 9_900])(
    "takes the lease at its very end, %i ms after it began to follow, counted from the last renewal",
    async (aliveMs) => {
      const { own, b, both } = await startPair();
      await both(aliveMs);
      const renewedMs = Math.floor(aliveMs / RENEW_MS) * RENEW_MS;
      await own.advance(renewedMs + LEASE_MS - aliveMs - 1);
      expect(b.election.isReady()).toBe(false);
      await own.advance(1);
      expect(b.election.isReady()).toBe(true);
    },
  );

  it("asks for nothing while it is told of each renewal", async () => {
    const { leases, b, both } = await startPair();
    leases.calls.length = 0;
    await both(60_000);
    expect(leases.calls).toEqual(Array.from({ length: 30 }, () => "update"));
    expect(leases.watches).toBe(2);
    expect(b.election.isReady()).toBe(false);
  });

  it("takes the lease with one call, on condition of the version it saw", async () => {
    const { leases, own, b } = await startPair();
    await own.advance(LEASE_MS - 1);
    leases.calls.length = 0;
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
    expect(leases.calls).toEqual(["update"]);
  });

  it("is not held up by a look that hangs", async () => {
    const { leases, own, b } = await startPair();
    leases.fail("get", { before: hangs });
    await own.advance(LEASE_MS);
    expect(b.election.isReady()).toBe(true);
  });

  it("knows who leads, and where, the moment that changes", async () => {
    const { leases, own, b } = await startPair();
    expect(b.election.leader).toEqual({ isSelf: false, identity: "a", gatewayAddress: "10.0.0.1:7080" });
    leases.edit(({ metadata, spec }) => ({
      metadata: { ...metadata, annotations: { "slipway.dev/gateway-address": "10.0.0.3:7080" } },
      spec: { ...spec, holderIdentity: "c", leaseTransitions: 1 },
    }));
    await own.advance(0);
    expect(b.election.leader).toEqual({ isSelf: false, identity: "c", gatewayAddress: "10.0.0.3:7080" });
    leases.delete();
    await own.advance(0);
    expect(b.election.leader).toEqual({ isSelf: false, identity: "", gatewayAddress: undefined });
  });

  it("does not miss a renewal of which the event is still on its way when the lease seems over", async () => {
    const events = Promise.withResolvers<void>();
    let isLate = false;
    const { leases, own, b } = await startPair((what) => (isLate && what === "event" ? events.promise : undefined));
    await own.advance(LEASE_MS - 100);
    isLate = true;
    leases.edit(({ spec }) => ({ spec: { ...spec, renewTime: "2026-01-01T00:00:14.900000Z" } }));
    leases.calls.length = 0;
    await own.advance(100);
    expect(b.election.isReady()).toBe(false);
    expect(leases.stored?.spec?.holderIdentity).toBe("a");
    expect(leases.calls).toEqual(["update", "get"]);
    // It counts from when it learned of it, though the renewal was earlier.
    await own.advance(LEASE_MS - 1);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
    // What comes now is of before.
    events.resolve();
    await own.advance(RENEW_MS);
    expect(b.election.isReady()).toBe(true);
  });

  it.each([500, 3_000, 13_000])("takes it the later for events that are %i ms late, never earlier", async (lateMs) => {
    const clocks: { own?: FakeClock } = {};
    const { leases, own, b } = await startPair(
      (what, signal) =>
        new Promise<void>((resolve) => {
          if (what !== "event" || !clocks.own) return resolve();
          const cancel = clocks.own.schedule(lateMs, resolve);
          signal?.addEventListener("abort", () => {
            cancel();
            resolve();
          });
        }),
    );
    clocks.own = own;
    // The look is no help, so that the events alone are what it knows.
    leases.fail("get", { before: hangs });
    await own.advance(1_000);
    leases.edit(({ spec }) => ({ spec: { ...spec, renewTime: "2026-01-01T00:00:01.000000Z" } }));
    await own.advance(lateMs + LEASE_MS - 1);
    expect(b.election.isReady()).toBe(false);
    await own.advance(1);
    expect(b.election.isReady()).toBe(true);
  });

  it.each([
    { because: "has no right to watch", refusal: refusal(403, "Forbidden") },
    { because: "is told that the version is too old", refusal: refusal(410, "Expired") },
    { because: "is told to come later", refusal: refusal(429, "TooManyRequests") },
  ])("looks every 2 s where it $because, and says so once", async (refused) => {
    const pair = await startPair();
    const { leases, both } = pair;
    leases.watchRefusal = refused.refusal;
    const own = new FakeClock();
    const c = candidate(leases, "c", own);
    pair.b.stop();
    for (let at = 0; at < 60; at += 1) {
      await both(1_000);
      await own.advance(1_000);
    }
    expect(c.election.leader.identity).toBe("a");
    expect(c.election.isReady()).toBe(false);
    const warnings = c.lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual(["the lease could not be watched"]);
    // The last renewal is seen at the next look.
    await own.advance(LEASE_MS + LOOK_MS);
    expect(c.election.isReady()).toBe(true);
  });

  it.each([
    { because: "closed", how: "closed" as const },
    { because: "broken", how: new Error("the connection broke") },
    { because: "expired", how: refusal(410, "Expired") },
  ])("goes on as before when its watch is $because: what there is comes with the next", async ({ how }) => {
    const { leases, own, b, both } = await startPair();
    await both(6_000);
    expect(leases.watches).toBe(2);
    leases.endWatches(how);
    // A renewal within the gap.
    leases.edit(({ spec }) => ({ spec: { ...spec, renewTime: "2026-01-01T00:00:06.001000Z" } }));
    await own.advance(200);
    expect(leases.watches).toBe(3);
    await own.advance(LEASE_MS - 201);
    expect(b.election.isReady()).toBe(false);
    await own.advance(200);
    expect(b.election.isReady()).toBe(true);
  });

  it("looks, and begins another watch, where one is dead and does not say so", async () => {
    let isDead = false;
    const { leases, b, own, both } = await startPair((what, signal) =>
      isDead && what === "event" ? hangs(signal).catch(() => undefined) : undefined,
    );
    await both(2_000);
    isDead = true;
    leases.calls.length = 0;
    await both(12_000);
    expect(leases.calls.filter((verb) => verb === "get").length).toBeGreaterThanOrEqual(4);
    expect(leases.watches).toBe(2);
    isDead = false;
    await both(6_000);
    expect(leases.watches).toBe(3);
    leases.calls.length = 0;
    await both(20_000);
    expect(leases.calls).not.toContain("get");
    // As exact as ever.
    await own.advance(LEASE_MS);
    expect(b.election.isReady()).toBe(true);
  });

  it("is not driven by a server that closes each watch at once, and answers each claim with a conflict", async () => {
    const { leases, own, b } = await startPair();
    await own.advance(LEASE_MS - 1);
    leases.calls.length = 0;
    const before = leases.watches;
    const refuses = { before: () => Promise.reject(refusal(409, "Conflict")) };
    for (let count = 0; count < 5_000; count += 1) leases.fail("update", refuses);
    for (let passed = 0; passed < 60_000; passed += 50) {
      leases.endWatches();
      await own.advance(50);
    }
    expect(b.election.isReady()).toBe(false);
    // Every 2 s, beside what each watch tells at its beginning.
    expect(leases.watches - before).toBeLessThan(60);
    expect(leases.calls.length).toBeLessThan(3 * 60);
  });

  it("drops the answer to a look that an event has overtaken", async () => {
    let answers: Promise<void> | undefined;
    const { leases, own, b } = await startPair((what) => (what === "answer" ? answers : undefined));
    const late = Promise.withResolvers<void>();
    answers = late.promise;
    // It looks, and is answered that `a` leads, which is still on its way.
    await own.advance(4_000);
    expect(leases.calls.at(-1)).toBe("get");
    leases.edit(({ spec }) => ({ spec: { ...spec, holderIdentity: "c", leaseTransitions: 1 } }));
    await own.advance(0);
    late.resolve();
    await own.advance(0);
    expect(b.election.leader.identity).toBe("c");
  });

  it("acts for two thirds of the lease from when its claim was sent, not from its answer", async () => {
    let answers: Promise<void> | undefined;
    const { leases, own, b } = await startPair((what) => (what === "answer" ? answers : undefined));
    await own.advance(LEASE_MS - 1);
    const late = Promise.withResolvers<void>();
    answers = late.promise;
    await own.advance(5_001);
    expect(b.election.isReady()).toBe(false);
    late.resolve();
    await own.advance(0);
    expect(b.election.isReady()).toBe(true);
    leases.fail("any", { before: isGone });
    await own.advance(4_999);
    expect(b.election.isReady()).toBe(true);
    await own.advance(1);
    expect(b.election.isReady()).toBe(false);
  });

  it("has one of many that wake at the same instant lead, and the others ask once", async () => {
    const [leases, clock, own] = [new MemoryLeases(), new FakeClock(), new FakeClock()];
    candidate(leases, "a", clock);
    await clock.advance(0);
    // Each way takes a while, so that none has heard of the first when it asks.
    const client = leases.client((what) =>
      what === "event" ? undefined : new Promise((resolve) => own.schedule(5, resolve)),
    );
    const others = Array.from({ length: 20 }, (_, at) => candidate(leases, `candidate-${at}`, own, { client }));
    await own.advance(LEASE_MS - 1);
    leases.calls.length = 0;
    await own.advance(100);
    expect(others.filter(({ election }) => election.isReady())).toHaveLength(1);
    expect(leases.calls.filter((verb) => verb === "update")).toHaveLength(20);
    expect(leases.calls.length).toBeLessThanOrEqual(40);
    expect(new Set(others.map(({ election }) => election.leader.identity)).size).toBe(1);
    expect(others.flatMap(({ lines }) => lines).filter(({ level }) => level === "warn")).toEqual([]);
  });

  it("claims at once what an answer that it missed has given it", async () => {
    const { leases, own, b } = await startPair();
    leases.fail("update", { after: isGone });
    await own.advance(LEASE_MS);
    expect(b.election.isReady()).toBe(true);
    expect(leases.stored?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("watches no longer once it leads or is stopped", async () => {
    const { leases, own, a, b } = await startPair();
    await own.advance(LEASE_MS);
    expect(b.election.isReady()).toBe(true);
    expect(leases.watching).toBe(0);
    a.stop();
    const c = candidate(leases, "c", own);
    await own.advance(0);
    expect(leases.watching).toBe(1);
    c.stop();
    await c.ended;
    await own.advance(0);
    expect(leases.watching).toBe(0);
  });
});
