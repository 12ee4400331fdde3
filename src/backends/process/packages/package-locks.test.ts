import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../machinery/clock.ts";
import { PackageLocks } from "./package-locks.ts";
import { type PinnedPackage, packageKey } from "./package-name.ts";

let directory: string;
let locks: PackageLocks;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-locks-"));
  locks = new PackageLocks({ directory, clock: systemClock });
});
afterEach(() => rm(directory, { recursive: true }));

/** Keeps what npm would have written where `dependency` is the newest version of what `server` depends on. */
async function keep(version: string, dependency: string, minute = 0): Promise<PinnedPackage> {
  const folder = join(directory, "unfinished-1");
  await mkdir(folder);
  const entry = (which: string) => ({
    version: which,
    resolved: "https://registry.test/x.tgz",
    integrity: `sha512-${which}`,
  });
  const lock = {
    lockfileVersion: 3,
    packages: {
      "": { name: "slipway-package", dependencies: { server: "^1" } },
      "node_modules/server": entry(version),
      "node_modules/dependency": entry(dependency),
    },
  };
  await writeFile(join(folder, "package-lock.json"), JSON.stringify(lock));
  const pinned = await locks.keep(folder, "server");
  await rm(folder, { recursive: true });
  const usedAt = new Date(Date.UTC(2026, 0, 1, 0, minute));
  await utimes(pathOf(pinned), usedAt, usedAt);
  return pinned;
}

const pathOf = (pinned: PinnedPackage) => join(directory, `${packageKey(pinned)}.lock.json`);

describe("locks", () => {
  it("are kept for the version that was chosen, each beside those with other dependencies", async () => {
    const [first, second] = [await keep("1.2.3", "5.0.0", 1), await keep("1.2.3", "5.0.1", 2)];
    expect(second).toEqual({ ...first, lock: expect.not.stringContaining(first.lock) });
    expect(await locks.find(first)).toBe(pathOf(first));
    expect(await locks.find(second)).toBe(pathOf(second));
    const kept = JSON.parse(await readFile(pathOf(first), "utf8"));
    expect(kept.packages[""]).toEqual({ name: "slipway-package", dependencies: { server: "1.2.3" } });
    expect(kept.packages["node_modules/dependency"].version).toBe("5.0.0");
  });

  it("answer for a version the one that was used last", async () => {
    const newer = await keep("1.2.3", "5.0.1", 2);
    await keep("1.2.3", "5.0.0", 1);
    expect(await locks.findVersion({ name: "server", version: "1.2.3" })).toEqual(newer);
    expect(await locks.findVersion({ name: "server", version: "1.2.4" })).toBeUndefined();
  });

  it.each([
    { because: "nothing", text: undefined },
    { because: "a half", text: '{"lockfileVersion": 3, "packages": {' },
    { because: "what is no lock", text: "{}" },
    { because: "what pins something else", text: "another's" },
  ])("are none where there is $because", async ({ text }) => {
    const pinned = await keep("1.2.3", "5.0.0");
    const other = await keep("1.2.4", "5.0.0");
    if (text === undefined) await rm(pathOf(pinned));
    else await writeFile(pathOf(pinned), text === "another's" ? await readFile(pathOf(other)) : text);
    expect(await locks.find(pinned)).toBeUndefined();
    expect(await locks.findVersion({ name: "server", version: "1.2.3" })).toBeUndefined();
    expect(await locks.findVersion({ name: "server", version: "1.2.4" })).toEqual(other);
  });

  it("are bounded where nobody uses them: those that were used longest ago go", async () => {
    const kept: PinnedPackage[] = [];
    for (let minute = 0; minute < 103; minute += 1) kept.push(await keep(`1.0.${minute}`, "5.0.0", minute));
    const [used, oldest, second] = kept as [PinnedPackage, PinnedPackage, PinnedPackage];
    await locks.prune(new Set([packageKey(used)]));
    expect(await readdir(directory)).toHaveLength(101);
    expect(await Promise.all([used, oldest, second].map((pinned) => locks.find(pinned)))).toEqual([
      pathOf(used),
      undefined,
      undefined,
    ]);
    const another = await keep("2.0.0", "5.0.0", 200);
    await locks.prune(new Set());
    expect(await locks.find(another)).toBe(pathOf(another));
    expect(await locks.find(used)).toBe(pathOf(used));
    expect(await readdir(directory)).toHaveLength(100);
  });
});
