import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { Probe } from "./probe.ts";
import { ProbeError } from "./probe-error.ts";
import type { McpFacts, ProbeTarget } from "./prober.ts";
import { ScheduledProber } from "./scheduled-prober.ts";

const refused = new ProbeError("ProbeRefused", "nobody listens");
const facts: McpFacts = { protocolVersion: "1", serverInfo: { name: "a", version: "1" }, tools: 1, toolNames: ["x"] };

/** A server that does as it is told, and remembers when it was asked. */
class Server {
  readonly askedAtMs: number[] = [];
  answer: () => Promise<McpFacts | undefined> = async () => facts;
  ended = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  probe(): Probe {
    return {
      run: ({ signal }) => {
        this.askedAtMs.push(this.#clock.monotonicMs());
        const { promise, reject } = Promise.withResolvers<never>();
        signal.addEventListener("abort", () => reject(signal.reason));
        return Promise.race([this.answer(), promise]);
      },
      end: async () => {
        this.ended += 1;
      },
    };
  }
}

function target(changes: Partial<ProbeTarget> = {}): ProbeTarget {
  return {
    instance: "container-1",
    probe: { kind: "http", url: "http://127.0.0.1:1/" },
    periodMs: 30_000,
    timeoutMs: 5_000,
    failureThreshold: 3,
    ...changes,
  };
}

function setUp({ concurrency = 10 } = {}) {
  const { logger, lines: log } = recordingLogger();
  const clock = new FakeClock();
  const server = new Server(clock);
  const prober = new ScheduledProber({ clock, logger, concurrency, random: () => 0, makeProbe: () => server.probe() });
  const changes: string[] = [];
  prober.onChange((key) => changes.push(`${key} ${prober.verdict(key)?.kind}`));
  return { clock, server, prober, changes, log };
}

const never = () => new Promise<never>(() => undefined);

describe("the schedule", () => {
  it("asks at once, then quickly until the first success, then once a period", async () => {
    const { clock, server, prober } = setUp();
    server.answer = () => Promise.reject(refused);
    prober.watch("a", target());
    await clock.advance(500);
    expect(server.askedAtMs).toEqual([0, 100, 250, 475]);
    server.answer = async () => facts;
    await clock.advance(400);
    expect(prober.verdict("a")).toEqual({ kind: "ready", mcp: facts });
    const asked = server.askedAtMs.length;
    await clock.advance(63_500);
    expect(server.askedAtMs.length - asked).toBe(3);
  });

  it("asks again at once when told to hurry, and after the probe that is under way", async () => {
    const { clock, server, prober } = setUp();
    prober.watch("a", target());
    await clock.advance(10);
    prober.hurry("a");
    await clock.advance(0);
    expect(server.askedAtMs).toEqual([0, 10]);
    server.answer = never;
    prober.hurry("a");
    await clock.advance(1_000);
    prober.hurry("a");
    prober.hurry("a");
    await clock.advance(4_000);
    expect(server.askedAtMs).toEqual([0, 10, 10, 5_010]);
  });

  it("keeps many within the number of probes at once, with one timer beside their timeouts", async () => {
    const { clock, server, prober } = setUp({ concurrency: 8 });
    server.answer = never;
    for (let index = 0; index < 100; index += 1) prober.watch(`k${index}`, target());
    await clock.advance(0);
    expect(server.askedAtMs).toHaveLength(4);
    expect(clock.pending).toBeLessThanOrEqual(5);
    await clock.advance(5_000);
    expect(server.askedAtMs).toHaveLength(8);
    server.answer = async () => facts;
    await clock.advance(5_000);
    expect(new Set(Array.from({ length: 100 }, (_, index) => prober.verdict(`k${index}`)?.kind))).toEqual(
      new Set(["ready", "pending"]),
    );
    await clock.advance(30_000);
    expect(prober.verdict("k0")?.kind).toBe("ready");
    expect(prober.verdict("k99")?.kind).toBe("ready");
    await prober[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  it("asks servers that work in time, however many others hang", async () => {
    const { clock, server, prober } = setUp({ concurrency: 4 });
    prober.watch("a", target());
    await clock.advance(1_000);
    server.askedAtMs.length = 0;
    const hanging = target({ probe: { kind: "http", url: "http://127.0.0.1:2/" }, timeoutMs: 20_000 });
    server.answer = never;
    for (let index = 0; index < 100; index += 1) prober.watch(`k${index}`, hanging);
    await clock.advance(3_000);
    // Two of those that hang, and the other when its first period is over: it is cut to a tenth where random is 0.
    expect(server.askedAtMs).toEqual([1_000, 1_000, 3_000]);
  });

  it("follows a shorter period from the change on", async () => {
    const { clock, server, prober } = setUp();
    prober.watch("a", target());
    await clock.advance(1);
    prober.watch("a", target({ periodMs: 1_000 }));
    await clock.advance(2_500);
    expect(server.askedAtMs).toEqual([0, 1_001, 2_001]);
    expect(prober.verdict("a")?.kind).toBe("ready");
  });
});

describe("verdicts", () => {
  it("tells only what changed", async () => {
    const { clock, server, prober, changes, log } = setUp();
    server.answer = () => Promise.reject(refused);
    prober.watch("a", target());
    await clock.advance(2_000);
    server.answer = async () => facts;
    await clock.advance(600_000);
    server.answer = async () => ({ ...facts, tools: 2 });
    await clock.advance(30_000);
    server.answer = () => Promise.reject(refused);
    await clock.advance(300_000);
    server.answer = async () => facts;
    await clock.advance(60_000);
    expect(changes).toEqual(["a pending", "a ready", "a ready", "a failed", "a ready"]);
    expect(log).toEqual([]);
  });

  it("fails a server that stops answering within period × threshold, and sees it back within seconds", async () => {
    const { clock, server, prober } = setUp();
    prober.watch("a", target());
    await clock.advance(40_000);
    server.answer = never;
    await clock.advance(90_000);
    expect(prober.verdict("a")).toMatchObject({ kind: "failed", failure: { reason: "ProbeTimeout" } });
    server.answer = async () => facts;
    await clock.advance(13_000);
    expect(prober.verdict("a")?.kind).toBe("ready");
  });

  it("forgets an instance with what was known of it", async () => {
    const { clock, server, prober } = setUp();
    prober.watch("a", target());
    await clock.advance(0);
    prober.watch("a", target());
    expect(prober.verdict("a")?.kind).toBe("ready");
    prober.watch("a", target({ instance: "container-2" }));
    expect(prober.verdict("a")).toEqual({ kind: "pending", failures: 0, failure: undefined });
    expect(server.ended).toBe(1);
    await clock.advance(0);
    expect(prober.verdict("a")?.kind).toBe("ready");
  });

  it("lets no late answer of an old instance count for the new one", async () => {
    const { clock, server, prober, changes } = setUp();
    const late = Promise.withResolvers<McpFacts>();
    server.answer = () => late.promise;
    prober.watch("a", target());
    await clock.advance(0);
    server.answer = never;
    prober.watch("a", target({ instance: "container-2" }));
    late.resolve(facts);
    await clock.advance(100);
    expect(prober.verdict("a")?.kind).toBe("pending");
    expect(changes).toEqual([]);
    expect(server.ended).toBe(1);
  });

  it("says when the probe itself is broken, and goes on", async () => {
    const { clock, server, prober, log } = setUp();
    server.answer = () => Promise.reject(new TypeError("a bug"));
    prober.watch("a", target());
    await clock.advance(0);
    expect(prober.verdict("a")).toMatchObject({ kind: "pending", failure: { reason: "ProbeInvalidAnswer" } });
    expect(log).toMatchObject([{ level: "error" }]);
    server.answer = async () => facts;
    await clock.advance(100);
    expect(prober.verdict("a")?.kind).toBe("ready");
  });
});

describe("the end", () => {
  it("asks nobody that is forgotten, and ends what it keeps there", async () => {
    const { clock, server, prober } = setUp();
    server.answer = never;
    prober.watch("a", target());
    await clock.advance(0);
    prober.forget("a");
    expect(prober.verdict("a")).toBeUndefined();
    await clock.advance(100_000);
    expect(server.askedAtMs).toEqual([0]);
    expect(server.ended).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it("disposes while probes are under way, and watches nothing after that", async () => {
    const { clock, server, prober } = setUp();
    server.answer = never;
    for (const key of ["a", "b", "c"]) prober.watch(key, target());
    await clock.advance(0);
    await prober[Symbol.asyncDispose]();
    prober.watch("d", target());
    await clock.advance(100_000);
    expect(server.askedAtMs).toEqual([0, 0, 0]);
    expect(server.ended).toBe(3);
    expect(clock.pending).toBe(0);
  });
});
