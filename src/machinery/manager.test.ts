import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { Manager } from "./manager.ts";
import type { Runnable } from "./runnable.ts";

/** A part that tells what happens to it, and ends as it is told. */
class Part implements Runnable {
  readonly name: string;
  readonly #story: string[];
  readonly #end = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #drains: boolean;
  #isReady: boolean;

  constructor(name: string, story: string[], { ready = true, drains = true } = {}) {
    this.name = name;
    this.#story = story;
    this.#isReady = ready;
    this.#drains = drains;
    if (ready) this.#ready.resolve();
  }

  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    this.#story.push(`${this.name} starts`);
    stop.addEventListener("abort", () => {
      this.#story.push(`${this.name} stops`);
      if (this.#drains) this.#end.resolve();
    });
    abort.addEventListener("abort", () => {
      this.#story.push(`${this.name} breaks off`);
    });
    await this.#end.promise;
    this.#story.push(`${this.name} ended`);
  }

  isReady(): boolean {
    return this.#isReady;
  }

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  becomeReady(): void {
    this.#isReady = true;
    this.#ready.resolve();
  }

  readonly #lost = new AbortController();

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** As when another has taken what it held. */
  lose(reason: Error): void {
    this.#isReady = false;
    this.#lost.abort(reason);
  }

  end(error?: Error): void {
    if (error) this.#end.reject(error);
    else this.#end.resolve();
  }
}

function newManager() {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const story: string[] = [];
  return {
    clock,
    lines,
    story,
    stop: new AbortController(),
    manager: new Manager({ logger, clock, drainTimeoutMs: 5_000 }),
  };
}

describe("a manager", () => {
  it("starts stage by stage, each when the one before is ready, and stops in reverse", async () => {
    const { manager, clock, story, stop } = newManager();
    const cache = new Part("cache", story, { ready: false });
    manager
      .add("controllers", new Part("controller", story))
      .add("caches", cache)
      .add("services", new Part("service", story));
    const run = manager.run(stop.signal);
    await clock.advance(0);
    expect(story).toEqual(["service starts", "cache starts"]);
    expect(manager.ready()).toEqual({ ready: false, waitingFor: ["controller", "cache"] });
    cache.becomeReady();
    await clock.advance(0);
    expect(story.at(-1)).toBe("controller starts");
    expect(manager.ready()).toEqual({ ready: true, waitingFor: [] });
    stop.abort();
    await run;
    expect(story.slice(3)).toEqual([
      "controller stops",
      "controller ended",
      "cache stops",
      "cache ended",
      "service stops",
      "service ended",
    ]);
    expect(manager.ready().ready).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("names what it still waits for", async () => {
    const { manager, clock, lines, story, stop } = newManager();
    manager.add("caches", new Part("cache", story, { ready: false }));
    const run = manager.run(stop.signal);
    await clock.advance(10_000);
    expect(lines).toEqual([{ level: "warn", message: "still waiting", fields: { for: ["cache"] } }]);
    stop.abort();
    await run;
  });

  it("stops while it still starts, without starting the rest", async () => {
    const { manager, clock, lines, story, stop } = newManager();
    manager.add("caches", new Part("cache", story, { ready: false })).add("controllers", new Part("controller", story));
    const run = manager.run(stop.signal);
    await clock.advance(0);
    stop.abort();
    await run;
    expect(story).toEqual(["cache starts", "cache stops", "cache ended"]);
    expect(lines).toEqual([]);
  });

  it.each([
    { because: "it fails", error: new Error("the lease is lost"), says: "controller died: the lease is lost" },
    { because: "it ends without being asked to", error: undefined, says: "controller ended" },
  ])("goes down loudly and in order with a part that dies: $because", async ({ error, says }) => {
    const { manager, clock, lines, story, stop } = newManager();
    const controller = new Part("controller", story);
    manager.add("caches", new Part("cache", story)).add("controllers", controller);
    const run = manager.run(stop.signal);
    const outcome = run.catch((cause: unknown) => cause);
    await clock.advance(0);
    controller.end(error);
    expect(await outcome).toMatchObject({ message: says });
    expect(story.slice(-2)).toEqual(["cache stops", "cache ended"]);
    expect(lines.at(-1)).toMatchObject({ level: "error", message: says });
  });

  it("goes down with a part that dies before the others are ready", async () => {
    const { manager, clock, story, stop } = newManager();
    const service = new Part("service", story);
    manager
      .add("services", service)
      .add("caches", new Part("cache", story, { ready: false }))
      .add("controllers", new Part("controller", story));
    const outcome = manager.run(stop.signal).catch((cause: unknown) => cause);
    await clock.advance(0);
    service.end(new Error("defect"));
    expect(await outcome).toMatchObject({ message: "service died: defect" });
    expect(story).not.toContain("controller starts");
  });

  it("has what does not drain in time break off, and goes on with the others", async () => {
    const { manager, clock, lines, story, stop } = newManager();
    const controller = new Part("controller", story, { drains: false });
    manager.add("caches", new Part("cache", story)).add("controllers", controller);
    const run = manager.run(stop.signal);
    await clock.advance(0);
    stop.abort();
    await clock.advance(4_999);
    expect(story.at(-1)).toBe("controller stops");
    await clock.advance(1);
    expect(story).toContain("controller breaks off");
    controller.end();
    await run;
    expect(story.slice(-2)).toEqual(["cache stops", "cache ended"]);
    expect(lines.at(-1)?.message).toContain("not drained within 5000 ms");
  });

  it("leaves behind what does not even break off, and says so", async () => {
    const { manager, clock, story, stop } = newManager();
    manager
      .add("caches", new Part("cache", story))
      .add("controllers", new Part("controller", story, { drains: false }));
    const outcome = manager.run(stop.signal).catch((cause: unknown) => cause);
    await clock.advance(0);
    stop.abort();
    await clock.advance(60_000);
    expect(await outcome).toMatchObject({ message: "did not end: controller" });
    expect(story).toContain("cache ended");
  });

  describe("of one of several processes", () => {
    function newReplica() {
      const made = newManager();
      const { manager, story } = made;
      const leadership = new Part("leadership", story, { ready: false });
      const controller = new Part("controller", story, { drains: false });
      manager
        .add("services", new Part("service", story))
        .add("leadership", leadership)
        .add("duties", new Part("duty", story))
        .add("controllers", controller);
      return { ...made, leadership, controller };
    }

    it("is ready while another leads, and does not call that waiting", async () => {
      const { manager, clock, lines, story, stop, leadership } = newReplica();
      const cache = new Part("cache", story, { ready: false });
      manager.add("caches", cache);
      const run = manager.run(stop.signal);
      await clock.advance(0);
      expect(manager.ready()).toMatchObject({
        ready: false,
        waitingFor: ["leadership", "duty", "controller", "cache"],
      });
      cache.becomeReady();
      await clock.advance(60_000);
      expect(manager.ready()).toEqual({ ready: true, waitingFor: [] });
      expect(story).not.toContain("duty starts");
      expect(lines).toEqual([]);
      stop.abort();
      await run;
      expect(leadership.isReady()).toBe(false);
      expect(story.slice(-6)).toEqual([
        ...["leadership stops", "leadership ended", "cache stops", "cache ended"],
        ...["service stops", "service ended"],
      ]);
    });

    it("acts once it leads, and gives leadership up when what acts has ended", async () => {
      const { manager, clock, story, stop, leadership, controller } = newReplica();
      const run = manager.run(stop.signal);
      await clock.advance(0);
      leadership.becomeReady();
      await clock.advance(0);
      expect(story.slice(2)).toEqual(["duty starts", "controller starts"]);
      expect(manager.ready().ready).toBe(true);
      stop.abort();
      await clock.advance(1_000);
      expect(story.at(-1)).toBe("controller stops");
      controller.end();
      await run;
      expect(story.slice(5)).toEqual([
        ...["controller ended", "duty stops", "duty ended", "leadership stops", "leadership ended"],
        ...["service stops", "service ended"],
      ]);
    });

    it("has what acts break off the moment that leadership is lost, lets the rest finish, and fails", async () => {
      const { manager, clock, story, stop, leadership, controller } = newReplica();
      const outcome = manager.run(stop.signal).catch((cause: unknown) => cause);
      leadership.becomeReady();
      await clock.advance(0);
      leadership.lose(new Error("another has it"));
      // Within the call: nothing of this process may run in between.
      expect(story).toContain("controller breaks off");
      expect(story).toContain("duty breaks off");
      controller.end();
      expect(await outcome).toMatchObject({ message: "leadership: another has it" });
      expect(story.slice(-2)).toEqual(["service stops", "service ended"]);
      expect(story).not.toContain("service breaks off");
    });

    it("does not wait for what acts and does not end", async () => {
      const { manager, clock, stop, leadership, lines } = newReplica();
      const outcome = manager.run(stop.signal).catch((cause: unknown) => cause);
      leadership.becomeReady();
      await clock.advance(0);
      leadership.lose(new Error("another has it"));
      await clock.advance(2_000);
      expect(await outcome).toMatchObject({ message: "leadership: another has it" });
      expect(lines.at(-1)).toEqual({ level: "error", message: "left behind", fields: { parts: ["controller"] } });
    });

    it("breaks off what it drains when leadership is lost meanwhile, and fails", async () => {
      const { manager, clock, story, stop, leadership } = newReplica();
      const outcome = manager.run(stop.signal).catch((cause: unknown) => cause);
      leadership.becomeReady();
      await clock.advance(0);
      stop.abort();
      await clock.advance(1_000);
      leadership.lose(new Error("another has it"));
      expect(story).toContain("controller breaks off");
      await clock.advance(2_000);
      expect(await outcome).toMatchObject({ message: "leadership: another has it" });
    });
  });

  it("runs once, and takes no parts while it runs", async () => {
    const { manager, stop, story } = newManager();
    stop.abort();
    await manager.run(stop.signal);
    expect(() => manager.add("services", new Part("late", story))).toThrow("runs already");
    await expect(manager.run(stop.signal)).rejects.toThrow("runs already");
  });
});
