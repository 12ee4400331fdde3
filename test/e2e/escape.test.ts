import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { DEFAULT_CAPABILITIES } from "../../src/guardrails/held-capabilities.ts";
import { ECHO_PORT, forbidden, RESOLVER } from "../support/escape/addresses.ts";
import { ensureEscapeImage, NOBODY } from "../support/escape/image.ts";
import { Inside } from "../support/escape/inside.ts";
import { Name, PROFILES, type Profile } from "../support/escape/profiles.ts";
import { lookInside, type SeenInside } from "../support/escape/seen-inside.ts";
import { HOLD_SECONDS, Stage } from "../support/escape/stage.ts";
import { ATTEMPTS, CONTROL_NUMBER, PROVEN_BY_LOOKING, Trials } from "../support/escape/trials.ts";
import { eventually } from "../support/eventually.ts";
import { readyOf } from "../support/installation.ts";

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

/** All but what depends on the machine. */
type Expected = Omit<SeenInside, "appArmor">;

/** What every profile but `unrestricted` comes to where it says nothing else. */
const STRICT: Expected = {
  ...{ capabilities: [], bounding: [], noNewPrivileges: true, seccomp: true, rootIsReadOnly: true, writable: [] },
  ...{ cpuMillis: 500, memoryMiB: 512, pids: 100 },
};
const ALL: readonly string[] = [...DEFAULT_CAPABILITIES].sort();
const INSIDE: Readonly<Record<Profile, Expected>> = {
  unrestricted: {
    ...{ capabilities: ALL, bounding: ALL, noNewPrivileges: true, seccomp: false, rootIsReadOnly: false },
    ...{
      writable: ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"],
      cpuMillis: 2_000,
      memoryMiB: 1_024,
      pids: 1_000,
    },
  },
  standard: {
    ...STRICT,
    ...{ capabilities: ["NET_BIND_SERVICE"], bounding: ["NET_BIND_SERVICE"], writable: ["/cache", "/data"] },
  },
  restricted: { ...STRICT, cpuMillis: 250, memoryMiB: 256, pids: 50 },
  airgapped: { ...STRICT, cpuMillis: 250, memoryMiB: 128 },
  listed: { ...STRICT, writable: ["/tmp"] },
  open: STRICT,
  capable: { ...STRICT, capabilities: ["CHOWN"], bounding: ["CHOWN"] },
};

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
      expect(await trials.answer(attempt, profile)).toMatchObject({ ok: verb === "succeeds" });
    });

    it("reads of itself what the profile says", async () => {
      const { SecurityOptions = [] } = (await stage.slipway.engine.info()) as { SecurityOptions?: string[] };
      const confined = profile === "unrestricted" ? "unconfined" : "docker-default (enforce)";
      const appArmor = SecurityOptions.some((option) => option.includes("apparmor")) ? confined : undefined;
      expect(await lookInside(stage.inside(profile))).toEqual({ ...INSIDE[profile], appArmor });
    });

    it("claims nothing to be enforced that nobody has tried here", async () => {
      const { status } = await stage.slipway.get(profile);
      const claimed = (status?.guardrails?.fields ?? []).filter(
        ({ enforcement, reason }) => enforcement === "Enforced" && !reason.startsWith("not restricted: "),
      );
      const tried = rows.filter((row) => row.profile === profile).flatMap(({ attempt }) => attempt.proves);
      const proven = new Set<string>([...tried, ...PROVEN_BY_LOOKING]);
      expect(status?.guardrails?.fields?.length).toBeGreaterThan(0);
      expect(claimed.map(({ field }) => field).filter((field) => !proven.has(field))).toEqual([]);
    });
  });

  describe("that lacks just one protection", () => {
    const controlled = ATTEMPTS.filter(({ control }) => control !== undefined);
    it.each(controlled)("succeeds: $name", async (attempt) => {
      expect(await trials.control(attempt)).toMatchObject({ ok: true });
    });
  });

  describe("when all has been tried", () => {
    beforeAll(async () => {
      await trials.done();
    });

    it.each(CLOSED)("has sent no packet outside under %s", async (profile) => {
      const { v4, v6 } = forbidden(PROFILES.indexOf(profile));
      expect([await stage.outside.arrivals(v4), await stage.outside.arrivals(v6)]).toEqual([0, 0]);
    });

    it("has sent packets outside without a sandbox", async () => {
      const { v4, v6 } = forbidden(CONTROL_NUMBER);
      for (const protocol of ["tcp", "udp", "icmp"] as const) {
        expect(await stage.outside.arrivals(v4, protocol)).toBeGreaterThan(0);
        expect(await stage.outside.arrivals(v6, protocol)).toBeGreaterThan(0);
      }
    });

    it("reaches an allowed name's address for one to two times P after the answer, and keeps what it has open", async () => {
      const hold = ["hold", Name.Hold, String(ECHO_PORT), String(3 * HOLD_SECONDS)];
      const [seen, control] = await Promise.all([
        stage.inside("listed").attempt(hold),
        (await stage.controls.without("network")).attempt(hold),
      ]);
      expect(seen).toMatchObject({ ok: true, heldLives: true });
      expect(seen.firstFailureMs).toBeGreaterThanOrEqual(HOLD_SECONDS * 1_000);
      // What empties the sets is a process that is started anew for each time.
      expect(seen.lastSuccessMs).toBeLessThanOrEqual(2 * HOLD_SECONDS * 1_000 + 1_000);
      expect(control).toMatchObject({ ok: true, firstFailureMs: -1 });
    });

    it("is not taken for the resolver by having its number as USER", async () => {
      const question = ["dns", "udp", RESOLVER.v4, "impostor.test", "A"];
      await stage.deploy("impostor", "listed");
      await stage.slipway.untilPhase("impostor", "Connected");
      const user = await resolverUser(stage, "impostor");
      const first = new Inside(await stage.slipway.container("impostor"));
      expect(await first.attempt(question)).toMatchObject({ ok: false });
      // The number alone decides, and so nobody may know it beforehand.
      expect(await first.attempt(question, { user })).toMatchObject({ ok: true });

      const image = await ensureEscapeImage({ user });
      await stage.deploy("impostor", "listed", { image });
      await stage.slipway.until("impostor", ({ status }) => status?.workload?.generation === 2);
      expect(await resolverUser(stage, "impostor")).not.toBe(user);
      const second = new Inside(await eventually("there is one container", () => stage.slipway.container("impostor")));
      expect((await second.container.inspect()).Config.User).toBe(user);
      expect(await second.attempt(question)).toMatchObject({ ok: false });
      await stage.slipway.remove("impostor");
      await stage.slipway.forgetImage(image);
    });
  });

  describe("by what its deployment asks for", () => {
    it("mounts nothing where the profile does not allow it", async () => {
      const volumes = [{ name: "elsewhere", mountPath: "/srv", volume: {} }];
      await stage.deploy("mounts", "standard", { volumes });
      const { message } = await stage.slipway.untilFailing("mounts", "VolumeNotAllowed");
      expect(message).toContain("/srv");
      expect(await stage.slipway.containers("mounts")).toEqual([]);

      await stage.deploy("mounts", "unrestricted", { volumes });
      await stage.slipway.untilPhase("mounts", "Connected");
      const control = new Inside(await stage.slipway.container("mounts"));
      expect(await control.attempt(["write", "/srv/kept"])).toMatchObject({ ok: true });
      await stage.slipway.remove("mounts");
    });

    it("gets no capability that leads past its network", async () => {
      await stage.deploy("sender", "listed", { overrides: { capabilities: { add: ["NET_RAW"] } } });
      const { message } = await stage.slipway.untilFailing("sender", "InvalidSpec");
      expect(message).toContain("NET_RAW");
      expect(await stage.slipway.containers("sender")).toEqual([]);
      await stage.slipway.remove("sender");
    });

    it("does not run as root where the profile forbids it", async () => {
      await stage.deploy("root", "nonroot");
      const refused = await stage.slipway.until("root", (each) => each.status?.phase === "Error");
      expect(readyOf(refused)?.message).toContain("runAsNonRoot");
      expect(await stage.slipway.containers("root")).toEqual([]);

      await stage.deploy("root", "nonroot", { image: await ensureEscapeImage({ user: NOBODY }) });
      await stage.slipway.untilPhase("root", "Connected");
      const allowed = new Inside(await stage.slipway.container("root"));
      expect(await allowed.read("/proc/1/status")).toMatch(new RegExp(`^Uid:\\s${NOBODY}\\s`, "m"));
      expect(await allowed.attempt(["setuid", "0"])).toMatchObject({ ok: false });
      await stage.slipway.remove("root");
    });
  });
});

/** The user of the process in a deployment's sandbox that is not root. */
async function resolverUser({ slipway }: Stage, name: string): Promise<string> {
  // That of a revision before it may still be there.
  const sandbox = await eventually("there is one sandbox", () => slipway.container(name, "sandbox"));
  const { Processes } = (await sandbox.top({ ps_args: "-eo pid,uid,comm" })) as { Processes: string[][] };
  const users = Processes.flatMap(([, user]) => (user === undefined || user === "0" ? [] : [user]));
  if (!users[0]) throw new Error(`nobody but root runs in the sandbox of ${name}`);
  return users[0];
}
