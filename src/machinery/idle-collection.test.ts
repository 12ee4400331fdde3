import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { IdleCollection } from "./idle-collection.ts";

const MB = 1_000_000;

function world() {
  const clock = new FakeClock();
  const state = { cpuMs: 0, committed: 100 * MB, alive: 40 * MB, collections: 0 };
  const heap = {
    cpuMs: () => state.cpuMs,
    committed: () => state.committed,
    used: () => state.alive,
    collect() {
      state.collections += 1;
      state.committed = state.alive;
    },
  };
  const stop = new AbortController();
  const running = new IdleCollection({ clock, logger: recordingLogger().logger, heap }).run(stop.signal);
  return {
    state,
    /** Ten seconds in which the process works for `cpuMs`. */
    async look(cpuMs: number) {
      state.cpuMs += cpuMs;
      await clock.advance(10_000);
    },
    async end() {
      stop.abort();
      await running;
    },
  };
}

describe("an idle process", () => {
  it("collects what a burst has left behind when that is over, and not before", async () => {
    const w = world();
    await w.look(5_000);
    expect(w.state.collections).toBe(0);
    await w.look(200);
    expect(w.state.collections).toBe(1);
    await w.end();
  });

  it("collects again only when its heap has grown by half over what was alive", async () => {
    const w = world();
    await w.look(200);
    w.state.committed = 1.4 * w.state.alive;
    await w.look(200);
    expect(w.state.collections).toBe(1);
    w.state.committed = 1.6 * w.state.alive;
    await w.look(200);
    expect(w.state.collections).toBe(2);
    await w.end();
  });

  it("ends while it waits", async () => {
    const w = world();
    await w.end();
    expect(w.state.collections).toBe(0);
  });
});
