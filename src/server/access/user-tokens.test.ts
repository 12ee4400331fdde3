import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { UserDirectory, UserExists } from "./user-directory.ts";
import { problemOfName } from "./user-name.ts";
import { claimedUser, newUserToken } from "./user-token.ts";
import { UserTokens } from "./user-tokens.ts";

const clock = { now: () => new Date("2026-11-21T09:00:00Z") };

let dataDir: string;
let directory: UserDirectory;
let tokens: UserTokens;
let log: ReturnType<typeof recordingLogger>;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-users-"));
  directory = new UserDirectory(dataDir, clock);
  log = recordingLogger();
  tokens = new UserTokens(dataDir, log.logger);
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

const fileOf = (name: string) => join(dataDir, "users", `${name}.json`);

describe("static users", () => {
  it("log in with the token they were given", async () => {
    const token = await directory.add("alice@example.com", ["devs", "ops"]);
    expect(tokens.authenticate(token)).toMatchObject({ username: "alice@example.com", groups: ["devs", "ops"] });
  });

  it("are stored as a hash that only the owner can read", async () => {
    const token = await directory.add("alice", []);
    const text = await readFile(fileOf("alice"), "utf8");
    expect(text).not.toContain(token.slice(-43));
    expect((await stat(fileOf("alice"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, "users"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(dataDir, "users"))).toEqual(["alice.json"]);
  });

  it("are out with the first request after they were revoked", async () => {
    const token = await directory.add("alice", []);
    expect(tokens.authenticate(token)).toBeDefined();
    expect(await directory.revoke("alice")).toBe(true);
    expect(tokens.authenticate(token)).toBeUndefined();
    expect(await directory.revoke("alice")).toBe(false);
  });

  it("do not come back with a later user of the same name", async () => {
    const token = await directory.add("alice", []);
    tokens.authenticate(token);
    await directory.revoke("alice");
    const other = await directory.add("alice", []);
    expect(tokens.authenticate(token)).toBeUndefined();
    expect(tokens.authenticate(other)).toBeDefined();
  });

  it("exist once, however many add them at the same time", async () => {
    const attempts = Array.from({ length: 8 }, () => directory.add("alice", []));
    const outcomes = await Promise.allSettled(attempts);
    const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(won).toHaveLength(1);
    expect(tokens.authenticate(won[0]?.value ?? "")).toBeDefined();
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(UserExists);
    }
    expect(await readdir(join(dataDir, "users"))).toEqual(["alice.json"]);
  });

  it("are listed in the order of their names, broken files apart", async () => {
    await directory.add("bob", []);
    await directory.add("alice", ["devs"]);
    await writeFile(fileOf("carol"), '{"name":"car');
    const { users, broken } = await directory.list();
    expect(users).toMatchObject([
      { name: "alice", groups: ["devs"], createdAt: "2026-11-21T09:00:00.000Z" },
      { name: "bob" },
    ]);
    expect(broken).toEqual([fileOf("carol")]);
  });

  it.each([
    { because: "it ends half-way", change: (text: string) => text.slice(0, text.length / 2) },
    { because: "it is empty", change: () => "" },
    { because: "it is another user's", change: (text: string) => text.replace('"alice"', '"root"') },
    {
      because: "its hash is cut",
      change: (text: string) => text.replace(/("tokenHash": "[0-9a-f]{10})[0-9a-f]+/, "$1"),
    },
    { because: "its groups are no list", change: (text: string) => text.replace("[]", '"system:masters"') },
    { because: "it is not an object", change: () => "null" },
    { because: "it is far too long", change: (text: string) => text + " ".repeat(70_000) },
  ])("are refused by a file when $because, and only until it is whole again", async ({ change }) => {
    const token = await directory.add("alice", []);
    const other = await directory.add("bob", []);
    const whole = await readFile(fileOf("alice"), "utf8");
    expect(tokens.authenticate(token)).toBeDefined();
    await writeFile(fileOf("alice"), change(whole));
    expect(tokens.authenticate(token)).toBeUndefined();
    expect(tokens.authenticate(token)).toBeUndefined();
    expect(tokens.authenticate(other)).toBeDefined();
    expect(log.lines).toHaveLength(1);
    await writeFile(fileOf("alice"), whole);
    expect(tokens.authenticate(token)).toBeDefined();
  });

  it("are refused by a file that others could have written", async () => {
    const token = await directory.add("alice", []);
    await chmod(fileOf("alice"), 0o622);
    expect(tokens.authenticate(token)).toBeUndefined();
    expect(log.lines[0]).toMatchObject({
      level: "warn",
      fields: { problem: expect.stringContaining("written by others") },
    });
  });

  it.each([
    { because: "nobody issued it", forge: () => newUserToken("alice") },
    { because: "its secret differs in one character", forge: (token: string) => swapLast(token) },
    {
      because: "it names another user",
      forge: (token: string) => newUserToken("bob").slice(0, -43) + token.slice(-43),
    },
    { because: "it is cut", forge: (token: string) => token.slice(0, -1) },
    { because: "something follows", forge: (token: string) => `${token}A` },
    { because: "it is empty", forge: () => "" },
    { because: "it is the hash", forge: async () => JSON.parse(await readFile(fileOf("alice"), "utf8")).tokenHash },
    { because: "it leads out of the directory", forge: () => newUserToken("../../etc/passwd") },
    { because: "it leads into a folder", forge: () => newUserToken("a/b") },
    { because: "it names nobody", forge: () => newUserToken("") },
    { because: "it ends the file name early", forge: () => newUserToken("alice.json\0") },
  ])("are not taken for a token when $because", async ({ forge }) => {
    const token = await directory.add("alice", []);
    await directory.add("bob", []);
    expect(tokens.authenticate(await forge(token))).toBeUndefined();
  });

  it("keep their token through restarts when the server makes them", async () => {
    const first = await directory.ensure("system:admin", ["system:masters"], undefined);
    expect(tokens.authenticate(first)).toMatchObject({ username: "system:admin", groups: ["system:masters"] });
    expect(await directory.ensure("system:admin", ["system:masters"], first)).toBe(first);
    const renewed = await directory.ensure("system:admin", ["system:masters"], "lost");
    expect(renewed).not.toBe(first);
    expect(tokens.authenticate(first)).toBeUndefined();
    expect(tokens.authenticate(renewed)).toBeDefined();
  });
});

describe("names of users", () => {
  it.each(["alice", "alice@example.com", "a", "CI-bot_1", "team:dev", "a+b", "x".repeat(128)])("may be %s", (name) => {
    expect(problemOfName(name)).toBeUndefined();
    expect(claimedUser(newUserToken(name))).toBe(name);
  });

  it.each(["", "-a", "a-", ".", "..", "a/b", "a b", "a\n", "ä", "system:admin", "SYSTEM:masters", "x".repeat(129)])(
    "may not be %j",
    (name) => {
      expect(problemOfName(name)).toEqual(expect.any(String));
    },
  );
});

function swapLast(token: string): string {
  return token.slice(0, -2) + (token.at(-2) === "A" ? "B" : "A") + token.slice(-1);
}
