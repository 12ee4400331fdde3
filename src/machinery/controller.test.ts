import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { ConfigMap } from "../api/core.ts";
import { formatKey, type ObjectKey, parseKey, type StatusFailure } from "../api/meta.ts";
import { ApiError } from "./client.ts";
import { Controller, type ControllerOptions } from "./controller.ts";
import { correlatedLogger } from "./correlation.ts";
import { TerminalError, TransientError } from "./errors.ts";
import type { ChangeHandler, ChangeSource } from "./lister.ts";
import type { Result } from "./reconciler.ts";

type Reconcile = (key: ObjectKey, signal: AbortSignal) => Promise<Result>;

const a = parseKey("ns/a");
const b = parseKey("ns/b");

function start(reconcile: Reconcile, options: Partial<ControllerOptions> = {}) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const results: string[] = [];
  const runs: string[] = [];
  const controller = new Controller({
    name: "test",
    reconciler: {
      reconcile(key, signal) {
        runs.push(formatKey(key));
        return reconcile(key, signal);
      },
    },
    logger: correlatedLogger(logger),
    clock,
    metrics: { reconciled: (result) => results.push(result) },
    ...options,
  });
  const stop = new AbortController();
  const abort = new AbortController();
  const ended = controller.run(stop.signal, abort.signal);
  /** Each reconcile has a line of its own, for who looks closely. */
  const told = () => lines.filter(({ level }) => level !== "debug");
  return { controller, clock, told, lines, results, runs, stop, abort, ended };
}

function refusal(code: number, reason: string, retryAfterMs?: number): ApiError {
  const status: StatusFailure = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: reason,
    reason,
    code,
  };
  return new ApiError(status, retryAfterMs);
}

/** Fails with each error in turn, then succeeds. */
function failing(...errors: unknown[]): Reconcile {
  return async () => {
    if (errors.length > 0) throw errors.shift();
    return {};
  };
}

describe("a controller", () => {
  it("reconciles what it is asked to, once more for what came meanwhile, and no settled key again", async () => {
    const { controller, clock, runs, results } = start(async () => ({}));
    for (let at = 0; at < 10; at++) controller.enqueue(a);
    await clock.advance(3_600_000);
    expect(runs).toEqual(["ns/a", "ns/a"]);
    expect(results).toEqual(["success", "success"]);
  });

  it("comes back when the reconciler asked for it", async () => {
    const { controller, clock, runs } = start(async () => ({ requeueAfterMs: 1_000 }));
    controller.enqueue(a);
    await clock.advance(999);
    expect(runs).toHaveLength(1);
    await clock.advance(2_001);
    expect(runs).toHaveLength(4);
  });

  it("counts the answer of the last reconcile only, when a change came between", async () => {
    const { controller, clock, runs } = start(async () => ({ requeueAfterMs: 1_000 }));
    controller.enqueue(a);
    await clock.advance(500);
    controller.enqueue(a);
    await clock.advance(999);
    expect(runs).toHaveLength(2);
    await clock.advance(1);
    expect(runs).toHaveLength(3);
  });

  it.each([
    { because: "an error backs off", error: new TypeError("defect"), result: "error", level: "warn", again: [5, 10] },
    {
      because: "a failed step backs off",
      error: new TransientError("R", "m"),
      result: "error",
      level: "warn",
      again: [5, 10],
    },
    {
      because: "a step says when",
      error: new TransientError("R", "m", { retryAfterMs: 700 }),
      result: "error",
      level: "warn",
      again: [700, 700],
    },
    {
      because: "the server says when",
      error: refusal(429, "TooManyRequests", 300),
      result: "error",
      level: "warn",
      again: [300, 300],
    },
    {
      because: "a conflict is ordinary",
      error: refusal(409, "Conflict"),
      result: "conflict",
      level: undefined,
      again: [5, 10],
    },
    { because: "somebody throws what is no error", error: "text", result: "error", level: "warn", again: [5, 10] },
  ])("retries: $because", async ({ error, result, level, again }) => {
    const { controller, clock, runs, results, told } = start(failing(error, error));
    controller.enqueue(a);
    await clock.advance(again[0] ?? 0);
    expect(runs).toHaveLength(2);
    await clock.advance((again[1] ?? 0) - 1);
    expect(runs).toHaveLength(2);
    await clock.advance(1);
    expect(results).toEqual([result, result, "success"]);
    expect([...new Set(told().map((line) => line.level))]).toEqual(level ? [level] : []);
    await clock.advance(3_600_000);
    expect(runs).toHaveLength(3);
  });

  it("begins with the shortest delay again after a success", async () => {
    const error = new Error("once");
    const outcomes = [error, error, undefined, error];
    const { controller, clock, runs } = start(async () => {
      const outcome = outcomes.shift();
      if (outcome) throw outcome;
      return {};
    });
    controller.enqueue(a);
    await clock.advance(100);
    controller.enqueue(a);
    await clock.advance(5);
    expect(runs).toHaveLength(5);
  });

  it("does not retry what only a change can help, until there is one", async () => {
    const { controller, clock, runs, results } = start(failing(new TerminalError("InvalidSpec", "no")));
    controller.enqueue(a);
    await clock.advance(3_600_000);
    expect(runs).toHaveLength(1);
    controller.enqueue(a);
    await clock.advance(0);
    expect(results).toEqual(["terminal", "success"]);
  });

  it("keeps one key's failure from the others", async () => {
    const { controller, clock, runs } = start(
      (key) => {
        if (key.name === "a") throw new Error("thrown before any promise");
        return Promise.resolve({});
      },
      { workers: 1 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await clock.advance(0);
    expect(runs).toEqual(["ns/a", "ns/b"]);
  });

  it("works on as many keys at once as it has workers, and never twice on one", async () => {
    const open = new Map<string, () => void>();
    const { controller, clock } = start(
      (key) => new Promise((resolve) => open.set(formatKey(key), () => resolve({}))),
      { workers: 2 },
    );
    for (const key of [a, b, parseKey("ns/c")]) controller.enqueue(key);
    controller.enqueue(a);
    await clock.advance(0);
    expect([...open.keys()]).toEqual(["ns/a", "ns/b"]);
    open.get("ns/b")?.();
    await clock.advance(0);
    expect([...open.keys()]).toEqual(["ns/a", "ns/b", "ns/c"]);
    expect(controller.depth).toBe(0);
  });

  it("ends a reconcile that takes too long, and retries it", async () => {
    const { controller, clock, results, told, runs } = start(
      (_key, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      { reconcileTimeoutMs: 1_000 },
    );
    controller.enqueue(a);
    await clock.advance(1_000);
    expect(results).toEqual(["error"]);
    expect(told()[0]).toMatchObject({ level: "warn", fields: { key: "ns/a", reason: "ReconcileTimeout" } });
    await clock.advance(5);
    expect(runs).toHaveLength(2);
  });

  it("gives the worker of a reconcile that never ends to the other keys, and locks only its own", async () => {
    const { controller, clock, runs, told } = start(
      (key) => (key.name === "a" ? new Promise(() => undefined) : Promise.resolve({})),
      { workers: 1, reconcileTimeoutMs: 1_000 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await clock.advance(10_999);
    expect(runs).toEqual(["ns/a"]);
    controller.enqueue(a);
    await clock.advance(60_000);
    expect(runs).toEqual(["ns/a", "ns/b"]);
    expect(told().map(({ level }) => level)).toEqual(["error"]);
  });

  it("enqueues what a changed object concerned and concerns", async () => {
    const { controller, clock, runs } = start(async () => ({}));
    const handlers: ChangeHandler<ConfigMap>[] = [];
    const source: ChangeSource<ConfigMap> = {
      onChange(handler) {
        handlers.push(handler);
        return () => undefined;
      },
      hasSynced: () => true,
    };
    controller.watch(source).watch(source, ({ data }) => [{ namespace: "owners", name: data?.owner ?? "" }]);
    const configMap = (owner: string): ConfigMap => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace: "ns", uid: "u", resourceVersion: "1", creationTimestamp: "" },
      data: { owner },
    });
    for (const handler of handlers) handler(configMap("old"), configMap("new"));
    await clock.advance(0);
    expect(runs.sort()).toEqual(["ns/c", "owners/new", "owners/old"]);
  });

  it("finishes what it has begun when it is stopped, and begins nothing more", async () => {
    let finish: (() => void) | undefined;
    const { controller, clock, runs, stop, ended } = start(
      () =>
        new Promise((resolve) => {
          finish = () => resolve({});
        }),
      { workers: 1 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await clock.advance(0);
    stop.abort();
    let over = false;
    const end = ended.then(() => {
      over = true;
    });
    await clock.advance(1_000);
    expect(over).toBe(false);
    finish?.();
    await end;
    expect(runs).toEqual(["ns/a"]);
  });

  it("breaks off at the second signal, without a word about what that interrupts", async () => {
    const { controller, clock, stop, abort, ended, told } = start(
      (_key, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    controller.enqueue(a);
    await clock.advance(0);
    stop.abort();
    abort.abort();
    await ended;
    await clock.advance(0);
    expect(told()).toEqual([]);
  });

  it("gives each reconcile an id of its own, which stands in its lines", async () => {
    const { controller, clock, lines } = start(async () => ({}));
    controller.enqueue({ namespace: "ns", name: "a" });
    controller.enqueue({ namespace: "", name: "b" });
    await clock.advance(0);
    expect(lines.map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ controller: "test", namespace: "ns", name: "a", reconcileID: expect.any(String) }),
      expect.objectContaining({ controller: "test", name: "b", reconcileID: expect.any(String) }),
    ]);
    expect(new Set(lines.map(({ fields }) => fields.reconcileID)).size).toBe(2);
  });
});
