import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { systemClock } from "../../../machinery/clock.ts";
import { NpmPackages } from "./npm/npm-packages.ts";
import { exactLock, pinnedBy } from "./npm/package-lock.ts";
import { PackageLocks } from "./package-locks.ts";
import { type PinnedPackage, packageKey } from "./package-name.ts";
import { pinnedByLock } from "./pypi/python-lock.ts";
import { PythonPackages } from "./pypi/python-packages.ts";

let directory: string;
let locks: PackageLocks;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-locks-"));
  const options = { environment: {}, cache: directory, logger: recordingLogger().logger };
  const npm = new NpmPackages({ ...options, node: "node" });
  const pypi = new PythonPackages({ ...options, ownUsers: false });
  locks = new PackageLocks({ directory, clock: systemClock, tools: { npm, pypi } });
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
  const pinned = pinnedBy(lock, "server");
  await locks.keep({ pinned, text: JSON.stringify(exactLock(lock, "server")) }, folder);
  await rm(folder, { recursive: true });
  const usedAt = new Date(Date.UTC(2026, 0, 1, 0, minute));
  await utimes(pathOf(pinned), usedAt, usedAt);
  return pinned;
}

const pathOf = (pinned: PinnedPackage) => join(directory, `${packageKey(pinned)}.lock.json`);

const keptFor = async (pinned: PinnedPackage) => ({ pinned, text: await readFile(pathOf(pinned), "utf8") });

const npm = (version: string) => ({ registry: "npm", name: "server", version }) as const;

describe("locks", () => {
  it("are kept for the version that was chosen, each beside those with other dependencies", async () => {
    const [first, second] = [await keep("1.2.3", "5.0.0", 1), await keep("1.2.3", "5.0.1", 2)];
    expect(second).toEqual({ ...first, lock: expect.not.stringContaining(first.lock) });
    expect(await locks.find(first)).toEqual(await keptFor(first));
    expect(await locks.find(second)).toEqual(await keptFor(second));
    const kept = JSON.parse(await readFile(pathOf(first), "utf8"));
    expect(kept.packages[""]).toEqual({ name: "slipway-package", dependencies: { server: "1.2.3" } });
    expect(kept.packages["node_modules/dependency"].version).toBe("5.0.0");
  });

  it("are those of one registry alone, though packages have one name in several", async () => {
    const fromNpm = await keep("1.2.3", "5.0.0");
    const packages = [{ name: "server", version: "1.2.3", hashes: [`sha256:${"a".repeat(64)}`] }];
    const lock = { pypi: "server", python: "3.11", packages };
    const folder = join(directory, "unfinished-2");
    await mkdir(folder);
    const pinned = pinnedByLock(lock);
    await locks.keep({ pinned, text: JSON.stringify(lock) }, folder);
    expect(await locks.findVersion(npm("1.2.3"))).toEqual(fromNpm);
    expect(await locks.findVersion({ ...npm("1.2.3"), registry: "pypi" })).toEqual(pinned);
  });

  it("answer for a version the one that was used last", async () => {
    const newer = await keep("1.2.3", "5.0.1", 2);
    await keep("1.2.3", "5.0.0", 1);
    expect(await locks.findVersion(npm("1.2.3"))).toEqual(newer);
    expect(await locks.findVersion(npm("1.2.4"))).toBeUndefined();
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
    expect(await locks.findVersion(npm("1.2.3"))).toBeUndefined();
    expect(await locks.findVersion(npm("1.2.4"))).toEqual(other);
  });

  it("are bounded where nobody uses them: those that were used longest ago go", async () => {
    const kept: PinnedPackage[] = [];
    for (let minute = 0; minute < 103; minute += 1) kept.push(await keep(`1.0.${minute}`, "5.0.0", minute));
    const [used, oldest, second] = kept as [PinnedPackage, PinnedPackage, PinnedPackage];
    await locks.prune(new Set([packageKey(used)]));
    expect(await readdir(directory)).toHaveLength(101);
    expect(await Promise.all([used, oldest, second].map((pinned) => locks.find(pinned)))).toEqual([
      await keptFor(used),
      undefined,
      undefined,
    ]);
    const another = await keep("2.0.0", "5.0.0", 200);
    await locks.prune(new Set());
    expect(await locks.find(another)).toEqual(await keptFor(another));
    expect(await locks.find(used)).toEqual(await keptFor(used));
    expect(await readdir(directory)).toHaveLength(100);
  });
});
