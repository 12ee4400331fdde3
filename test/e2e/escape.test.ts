import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { forbidden } from "../support/escape/addresses.ts";
import { PROFILES } from "../support/escape/profiles.ts";
import { Stage } from "../support/escape/stage.ts";
import { ATTEMPTS, CONTROL_NUMBER, Trials } from "../support/escape/trials.ts";

jest.setTimeout(300_000);

const rows = ATTEMPTS.flatMap((attempt) =>
  (attempt.profiles ?? PROFILES).map((profile) => ({
    attempt,
    profile,
    name: attempt.name,
    verb: attempt.succeedsIn.includes(profile) ? "succeeds" : "fails",
  })),
);

/** Profiles that leave no way out to the addresses that only their own deployment tries. */
const CLOSED = PROFILES.filter((profile) => profile !== "unrestricted" && profile !== "open");

describe("a workload that tries to get out", () => {
  let stage: Stage;
  let trials: Trials;

  beforeAll(async () => {
    stage = await Stage.start();
    trials = new Trials(stage);
  });
  afterAll(async () => {
    await trials?.done();
    await stage?.[Symbol.asyncDispose]();
  });

  describe.each(PROFILES)("under %s", (profile) => {
    it.each(rows.filter((row) => row.profile === profile))("$verb: $name", async ({ attempt, verb }) => {
      const answer = await trials.answer(attempt, profile);
      expect(answer).toMatchObject({ ok: verb === "succeeds" });
    });
  });

  describe("that lacks just one protection", () => {
    const controlled = ATTEMPTS.filter(({ control }) => control !== undefined);
    it.each(controlled)("succeeds: $name", async (attempt) => {
      expect(await trials.control(attempt)).toMatchObject({ ok: true });
    });
  });

  describe("seen from outside", () => {
    beforeAll(async () => {
      await trials.done();
    });

    it.each(CLOSED)("sent no packet there under %s", async (profile) => {
      const { v4, v6 } = forbidden(PROFILES.indexOf(profile));
      expect([await stage.outside.arrivals(v4), await stage.outside.arrivals(v6)]).toEqual([0, 0]);
    });

    it("sent packets there without a sandbox", async () => {
      const { v4, v6 } = forbidden(CONTROL_NUMBER);
      for (const protocol of ["tcp", "udp", "icmp"] as const) {
        expect(await stage.outside.arrivals(v4, protocol)).toBeGreaterThan(0);
        expect(await stage.outside.arrivals(v6, protocol)).toBeGreaterThan(0);
      }
    });
  });
});
