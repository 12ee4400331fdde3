import { createHmac } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { AuditWorld, entry } from "../../test/support/audit-world.ts";
import { eventually } from "../../test/support/eventually.ts";
import { SmallDisk, whyNoSmallDisk } from "../../test/support/small-disk.ts";
import { secrets } from "../api/core.ts";
import { formatKey } from "../api/meta.ts";
import { AUDIT_HEAD_SECRET, AUDIT_KEY_SECRET } from "./audit-secrets.ts";
import { isWhole, type LogReport, verifyCapture } from "./verify-log.ts";

const soon = () => AbortSignal.timeout(20_000);

/** Each problem with the line that it is about. */
function problemsOf({ chains, missing }: LogReport): string[] {
  return [
    ...chains.flatMap(({ problems }) =>
      problems.map(({ line, message }) => (line === undefined ? message : `line ${line} ${message}`)),
    ),
    ...missing.map(({ lines }) => `a chain of ${lines} lines is missing`),
  ];
}

describe("an audit log", () => {
  it("is one chain of lines over any number of starts", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1), entry(2, { groups: ["security"], from: "10.0.0.1", verdict: "Approved" }));
    await world.write(entry(3));
    const lines = await world.read();
    expect(lines).toMatchObject([
      { seq: 1, type: "ChainStarted", who: [], reason: "by test" },
      {
        ...{ seq: 2, time: "2026-01-01T00:00:01.000Z", type: "Approved", who: ["sec1"], namespace: "team-a" },
        ...{ approval: { name: "files-1", uid: "u-1" }, deployment: { name: "files" }, reason: "reason 1" },
      },
      { seq: 3, groups: ["security"], from: "10.0.0.1" },
      { seq: 4, who: ["sec3"] },
    ]);
    expect(new Set(lines.map(({ chain }) => chain)).size).toBe(1);
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 4, problems: [], remarks: [] }], missing: [] });
    expect(statSync(world.path).mode & 0o777).toBe(0o600);
  });

  it("can be verified by anybody who has the key", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1), entry(2));
    let before = "";
    for (const line of readFileSync(world.path, "utf8").trimEnd().split("\n")) {
      const [, content = "", mac = ""] = /^(.*),"mac":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
      expect(createHmac("sha256", world.known.keys[0]).update(`${before}\n${content}`).digest("hex")).toBe(mac);
      before = mac;
    }
  });

  it("leaves nothing where nothing happens", async () => {
    await using world = await AuditWorld.make();
    await world.start().stop();
    expect(await readdir(world.folder)).toEqual([]);
    expect(world.client.secrets.size).toBe(0);
  });

  it("writes no text of strangers as it is", async () => {
    await using world = await AuditWorld.make();
    const evil = `x\n{"chain":"0"}\u202e\u0000${"y".repeat(5_000)}`;
    await world.write(entry(1, { who: [evil], reason: evil, groups: Array.from({ length: 500 }, () => evil) }));
    const [, line] = await world.read();
    expect(line).toMatchObject({ reason: expect.stringMatching(/^x \{"chain":"0"\} y+…$/) });
    expect(problemsOf(await world.verify())).toEqual([]);
  });

  it.each<{ because: string; change: (lines: string[]) => string[]; want: RegExp[] }>([
    { because: "nothing was changed", change: (lines) => lines, want: [] },
    {
      because: "a word was changed",
      change: (lines) => lines.with(2, (lines[2] ?? "").replace("sec2", "sec9")),
      want: [/^line 3 was not written like this/],
    },
    {
      because: "a line was taken out",
      change: (lines) => lines.toSpliced(2, 1),
      want: [/^line 3 has number 4: number 3 is missing before it$/],
    },
    {
      because: "several were taken out",
      change: (lines) => lines.toSpliced(1, 3),
      want: [/^line 2 has number 5: numbers 2 to 4 are missing before it$/],
    },
    {
      because: "the beginning was cut off",
      change: (lines) => lines.slice(2),
      want: [/^line 1 has number 3: numbers 1 to 2 are missing before it$/],
    },
    {
      because: "two were swapped",
      change: (lines) => lines.with(2, lines[3] ?? "").with(3, lines[2] ?? ""),
      want: [/^line 3 has number 4/, /^line 4 has number 3 where 5 is due/, /^line 5 has number 5/],
    },
    {
      because: "one was repeated",
      change: (lines) => lines.toSpliced(3, 0, lines[2] ?? ""),
      want: [/^line 4 has number 3 where 4 is due: it was moved, or repeated$/],
    },
    { because: "the last was cut off", change: (lines) => lines.slice(0, -1), want: [/^line 6 is missing at the end/] },
    {
      because: "the end was cut off",
      change: (lines) => lines.slice(0, 2),
      want: [/^lines 3 to 6 are missing at the end: 6 were counted$/],
    },
    {
      because: "a line of something else was put in",
      change: (lines) => lines.toSpliced(1, 0, "hello"),
      want: [/^line 2 is no line/],
    },
    {
      because: "its numbers were made to fit",
      change: (lines) => lines.toSpliced(2, 1).map((line, at) => line.replace(/"seq":\d+/, `"seq":${at + 1}`)),
      want: [/^line 3 was not/, /^line 4 was not/, /^line 5 was not/, /^line 6 is missing at the end/],
    },
  ])("shows whether and where $because", async ({ change, want }) => {
    await using world = await AuditWorld.make();
    await world.write(...[1, 2, 3, 4, 5].map((number) => entry(number)));
    const lines = readFileSync(world.path, "utf8").trimEnd().split("\n");
    await writeFile(
      world.path,
      change(lines)
        .map((line) => `${line}\n`)
        .join(""),
    );
    const problems = problemsOf(await world.verify());
    for (const [at, pattern] of want.entries()) expect(problems[at]).toMatch(pattern);
    expect(problems.length === 0).toBe(want.length === 0);
  });

  it("shows any single edit of a byte, and any cut", async () => {
    await using world = await AuditWorld.make();
    await world.write(...[1, 2, 3].map((number) => entry(number, { reason: "fiancé, naïve, \ufffd" })));
    const original = await readFile(world.path);
    const position = fc.nat({ max: original.length - 1 });
    const edits = fc.oneof(
      fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
        const edited = Buffer.from(original);
        edited[at] = ((original[at] ?? 0) + by) % 256;
        return edited;
      }),
      position.map((at) => Buffer.concat([original.subarray(0, at), original.subarray(at + 1)])),
      fc
        .tuple(position, fc.integer({ min: 0, max: 255 }))
        .map(([at, byte]) => Buffer.concat([original.subarray(0, at), Buffer.from([byte]), original.subarray(at)])),
      position.map((at) => original.subarray(0, at)),
    );
    await fc.assert(
      fc.asyncProperty(edits, async (edited) => {
        fc.pre(!edited.equals(original));
        await writeFile(world.path, edited);
        expect(isWhole(await world.verify())).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("shows that a whole log was removed, emptied or replaced", async () => {
    await using world = await AuditWorld.make();
    await using other = await AuditWorld.make();
    await world.write(entry(1));
    await other.write(entry(1));
    await writeFile(world.path, await readFile(other.path));
    const foreign = problemsOf(await world.verify());
    expect(foreign).toContainEqual(expect.stringMatching(/^line 1 was not written like this/));
    expect(foreign).toContainEqual(expect.stringMatching(/^nobody knows of chain/));
    expect(foreign).toContain("a chain of 2 lines is missing");
    await truncate(world.path);
    expect(problemsOf(await world.verify())).toEqual(["a chain of 2 lines is missing"]);
    await rm(world.path);
    expect(problemsOf(await world.verify())).toEqual(["a chain of 2 lines is missing"]);
  });

  it("shows lines of another chain with the same key", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1));
    const first = await readFile(world.path, "utf8");
    await rename(world.path, `${world.path}.2025`);
    await world.write(entry(2));
    expect(problemsOf(await world.verify())).toEqual([]);
    await appendFile(world.path, first.split("\n")[1] ?? "");
    await appendFile(world.path, "\n");
    expect(problemsOf(await world.verify())).toEqual([
      expect.stringMatching(/^line 3 is of another chain/),
      expect.anything(),
    ]);
  });

  it("puts right a line that was begun, and keeps what there is of it", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1));
    await appendFile(world.path, '{"chain":"0123456789abcdef","seq":3,"time":"2026');
    expect(await world.verify()).toMatchObject({
      chains: [{ problems: [], remarks: [expect.stringContaining("not whole")] }],
    });
    await world.start().stop();
    const lines = await world.read();
    expect(lines.at(-1)).toMatchObject({
      seq: 3,
      type: "Healed",
      reason: expect.stringContaining('"seq":3,"time":"2026'),
    });
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 3, problems: [], remarks: [] }] });
  });

  it("goes on while the API server is down, and is counted later", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    log.append(entry(1));
    await log.settled(soon());
    world.client.isDown = true;
    log.append(entry(2));
    log.append(entry(3));
    await log.settled(soon());
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 4, problems: [] }] });
    world.client.isDown = false;
    await eventually("the count", async () => (await world.verify()).chains[0]?.remarks.length === 0);
    await stop();
  });

  it("counts after a start what an earlier process had no time to count", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1));
    const counted = structuredClone([...world.client.secrets]);
    await world.write(entry(2));
    for (const [name, secret] of counted) world.client.secrets.set(name, secret);
    expect((await world.verify()).chains[0]?.remarks).toEqual(["1 lines at the end are not counted yet"]);
    await world.start().stop();
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 3, problems: [], remarks: [] }] });
  });

  it("is counted anew when the count was removed under way", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    log.append(entry(1));
    await log.settled(soon());
    await eventually("the count", async () => (await world.verify()).chains[0]?.remarks.length === 0);
    world.client.secrets.delete(formatKey(AUDIT_HEAD_SECRET));
    expect(problemsOf(await world.verify())).toEqual([expect.stringMatching(/^nobody knows of chain/)]);
    log.append(entry(2));
    await log.settled(soon());
    await stop();
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 3, problems: [], remarks: [] }] });
  });

  it("waits at the start until it has a key", async () => {
    await using world = await AuditWorld.make();
    world.client.isDown = true;
    const { log, stop } = world.start();
    const told: (string | undefined)[] = [];
    log.onTrouble((problem) => told.push(problem));
    log.append(entry(1));
    await eventually("the failure", () => !log.health.isWritten);
    expect(log.health.message).toBe("nobody answers");
    world.client.isDown = false;
    await log.settled(soon());
    expect(log.health).toEqual({ isWritten: true, message: undefined, waiting: 0 });
    expect(told).toEqual(["nobody answers", undefined]);
    await stop();
    expect(world.lines).toContainEqual(
      expect.objectContaining({ level: "error", fields: { problem: "nobody answers" } }),
    );
  });

  it("keeps nobody waiting who does not want to wait for a log that cannot be written", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    log.append(entry(1));
    await log.written(soon());
    expect(await world.read()).toHaveLength(2);
    world.client.isDown = true;
    await rm(world.folder, { recursive: true });
    log.append(entry(2));
    await log.written(new AbortController().signal);
    expect(log.health.isWritten).toBe(false);
    await log.written(new AbortController().signal);
    world.client.isDown = false;
    await mkdir(world.folder);
    await log.settled(soon());
    await stop();
    expect(await world.read()).toMatchObject([{ type: "ChainStarted" }, { who: ["sec2"] }]);
  });

  it("never goes on in a log that is not whole, but beside it", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1), entry(2), entry(3));
    const changed = readFileSync(world.path, "utf8").replace("sec2", "sec9");
    await writeFile(world.path, changed);
    await world.write(entry(4));
    const [aside = ""] = (await readdir(world.folder)).filter((name) => name.includes("damaged"));
    expect(readFileSync(join(world.folder, aside), "utf8")).toBe(changed);
    expect(await world.read()).toMatchObject([
      { seq: 1, type: "ChainStarted", reason: expect.stringMatching(/not whole and was put aside: line 3 was not/) },
      { seq: 2, who: ["sec4"] },
    ]);
    expect(problemsOf(await world.verify())).toEqual([expect.stringMatching(/^line 3 was not written like this/)]);
    expect(world.lines).toContainEqual(
      expect.objectContaining({ level: "error", fields: expect.objectContaining({ line: 3 }) }),
    );
  });

  it("begins another chain when it is moved away under way", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    log.append(entry(1));
    await log.settled(soon());
    await rename(world.path, `${world.path}.2025`);
    log.append(entry(2));
    await log.settled(soon());
    await stop();
    expect(await world.read(`${world.path}.2025`)).toMatchObject([{ seq: 1 }, { seq: 2, who: ["sec1"] }]);
    expect(await world.read()).toMatchObject([
      { seq: 1, type: "ChainStarted" },
      { seq: 2, who: ["sec2"] },
    ]);
    expect(problemsOf(await world.verify())).toEqual([]);
    expect(world.lines.filter(({ level }) => level === "error")).toEqual([]);
    await rm(`${world.path}.2025`);
    expect(problemsOf(await world.verify())).toEqual(["a chain of 2 lines is missing"]);
  });

  it("notices that somebody writes to it under way", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    log.append(entry(1));
    await log.settled(soon());
    await appendFile(world.path, "hello\n");
    log.append(entry(2));
    await log.settled(soon());
    await stop();
    expect(problemsOf(await world.verify())).toEqual([expect.stringMatching(/^line 3 is no line/)]);
    expect(await world.read()).toMatchObject([{ type: "ChainStarted" }, { who: ["sec2"] }]);
  });

  it("goes on with a new key, and still verifies what the old one made", async () => {
    await using world = await AuditWorld.make();
    await world.write(entry(1));
    const name = formatKey(AUDIT_KEY_SECRET);
    const secret = await world.client.get(secrets, AUDIT_KEY_SECRET);
    const data = { key: Buffer.alloc(32, 7).toString("base64"), "key-2025": secret.data?.key ?? "" };
    world.client.secrets.set(name, { ...secret, data });
    await world.write(entry(2));
    expect(await world.verify()).toMatchObject({ chains: [{ lines: 3, problems: [] }] });
  });

  it("writes many at once, in order", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start();
    for (let number = 1; number <= 5_000; number++) log.append(entry(number));
    await log.settled(soon());
    await stop();
    const lines = await world.read();
    expect(lines.slice(1).map(({ who }) => who)).toEqual(Array.from({ length: 5_000 }, (_, at) => [`sec${at + 1}`]));
    expect(problemsOf(await world.verify())).toEqual([]);
    // Counted in groups.
    expect(world.client.patches).toBeLessThan(100);
  });

  it("counts what there is no room for, and says so in its place", async () => {
    await using world = await AuditWorld.make();
    world.client.isDown = true;
    const { log, stop } = world.start();
    await eventually("a failure", () => {
      log.append(entry(0));
      return !log.health.isWritten;
    });
    for (let number = 1; number <= 10_010; number++) log.append(entry(number));
    expect(log.health.waiting).toBeLessThanOrEqual(10_000);
    world.client.isDown = false;
    await stop();
    const lines = await world.read();
    expect(lines.at(-1)).toMatchObject({ type: "Lost", reason: expect.stringMatching(/^\d+ events were not written/) });
    expect(world.lines).toContainEqual(
      expect.objectContaining({ message: "events of the audit log of approvals were lost" }),
    );
    expect(problemsOf(await world.verify())).toEqual([]);
  });

  it("only prints where there is no file, and its output can be verified among other lines", async () => {
    await using world = await AuditWorld.make();
    const printed: string[] = ["slipway controller is ready\n"];
    for (const number of [1, 2]) {
      const { log, stop } = world.start({
        path: "",
        print: async (text) => void printed.push(text, "2026 INFO hello\n"),
      });
      log.append(entry(number));
      log.append(entry(number + 10));
      await stop();
    }
    const capture = join(world.folder, "captured.txt");
    await writeFile(capture, printed.join(""));
    const report = await verifyCapture(capture, world.known);
    expect(report).toMatchObject({
      chains: [
        { lines: 3, problems: [] },
        { lines: 3, problems: [] },
      ],
      missing: [],
    });
    await writeFile(capture, printed.join("").replace("sec11", "sec99"));
    expect(problemsOf(await verifyCapture(capture, world.known))).toEqual([expect.stringMatching(/^line 4 was not/)]);
  });

  it("writes its file also when nobody reads what it prints", async () => {
    await using world = await AuditWorld.make();
    const { log, stop } = world.start({
      print: async () => {
        throw new Error("EPIPE");
      },
    });
    log.append(entry(1));
    await log.settled(soon());
    await stop();
    expect(await world.read()).toHaveLength(2);
  });

  const why = whyNoSmallDisk();
  (why === undefined ? it : it.skip)("waits while the disk is full, says so, and loses nothing", async () => {
    using disk = await SmallDisk.mount(1);
    await using world = await AuditWorld.make();
    const path = join(disk.outside, "audit.log");
    const { log, stop } = world.start({ path });
    log.append(entry(1));
    await log.settled(soon());
    await disk.fill("other");
    for (let number = 2; number <= 200; number++) log.append(entry(number));
    await eventually("the failure", () => !log.health.isWritten);
    expect(log.health.message).toMatch(/ENOSPC/);
    await rm(join(disk.outside, "other"));
    await log.settled(soon());
    expect(log.health.isWritten).toBe(true);
    await stop();
    const who = (await world.read(path)).flatMap((line) => line.who as string[]);
    expect(new Set(who).size).toBe(200);
  });
});
