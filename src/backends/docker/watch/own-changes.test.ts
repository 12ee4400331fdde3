import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { OwnChanges } from "./own-changes.ts";

describe("OwnChanges", () => {
  it("knows what is being changed, and its echo for a moment", async () => {
    const clock = new FakeClock();
    const own = new OwnChanges(clock, 1_000);
    await own.during(["a", undefined], async () => {
      await clock.advance(60_000);
      expect([own.has("a"), own.has("b")]).toEqual([true, false]);
    });
    await clock.advance(999);
    expect(own.has("a")).toBe(true);
    await clock.advance(1);
    expect(own.has("a")).toBe(false);
  });

  it("takes nothing for an echo once it is told so", async () => {
    const own = new OwnChanges(new FakeClock());
    await own.during(["a"], async () => undefined);
    own.forget("a");
    expect(own.has("a")).toBe(false);
  });

  it("ends with a change that fails, at once where no echo is waited for", async () => {
    const own = new OwnChanges(new FakeClock(), 0);
    await expect(own.during(["a"], () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(own.has("a")).toBe(false);
  });
});
