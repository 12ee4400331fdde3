import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { UserTokens } from "../server/access/user-tokens.ts";
import { UsageError } from "./usage-error.ts";
import { addUser, listUsers, revokeUser } from "./user.ts";

const cluster = { server: "https://127.0.0.1:6443", "certificate-authority-data": "Y2E=" };

let dataDir: string;
let out: string;
let err: string;
const output = {
  stdout: { write: (text: string) => (out += text) },
  stderr: { write: (text: string) => (err += text) },
};

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-cli-user-"));
  await writeFile(join(dataDir, "kubeconfig"), JSON.stringify({ clusters: [{ name: "slipway", cluster }] }));
  out = "";
  err = "";
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

const add = (name: string, ...groups: string[]) => addUser({ name, groups, dataDir }, output);

describe("slipway user", () => {
  it("add prints a kubeconfig with a token that the server knows at once", async () => {
    const tokens = new UserTokens(dataDir, recordingLogger().logger);
    await add("alice", "devs", "ops");
    const config = parse(out);
    expect(config).toMatchObject({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "slipway", cluster }],
      users: [{ name: "alice", user: { token: expect.any(String) } }],
      contexts: [{ name: "slipway", context: { cluster: "slipway", user: "alice" } }],
      "current-context": "slipway",
    });
    expect(tokens.authenticate(config.users[0].user.token)).toMatchObject({
      username: "alice",
      groups: ["devs", "ops"],
    });
    expect(err).toBe("");
  });

  it("list shows the users, not the server's own, and points out broken files", async () => {
    await add("bob");
    await add("alice", "devs", "ops");
    await writeFile(join(dataDir, "users", "carol.json"), "{");
    out = "";
    await listUsers({ dataDir }, output);
    const lines = out.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2));
    expect(lines).toEqual([["NAME", "GROUPS"], ["alice", "devs,ops"], ["bob", "-"], [""]]);
    expect(err).toContain("carol.json: not a whole user record");
  });

  it("revoke ends the token", async () => {
    const tokens = new UserTokens(dataDir, recordingLogger().logger);
    await add("alice");
    const { token } = parse(out).users[0].user;
    out = "";
    await revokeUser({ name: "alice", dataDir }, output);
    expect(out).toBe("user alice revoked\n");
    expect(tokens.authenticate(token)).toBeUndefined();
    await add("alice");
  });

  it.each([
    {
      because: "the name is empty",
      act: () => add(""),
      says: [/^NAME: ""/, /choose another, such as alice/],
    },
    { because: "the name is a path", act: () => add("../root"), says: [/^NAME: "\.\.\/root"/, /choose another/] },
    {
      because: "the name is the server's",
      act: () => add("system:admin"),
      says: [/^NAME: "system:admin" begins with system:, which is reserved/, /kubectl create clusterrolebinding/],
    },
    {
      because: "the group is the server's",
      act: () => add("alice", "devs", "system:masters"),
      says: [/^--group: "system:masters" begins with system:, which is reserved/, /--clusterrole=cluster-admin/],
    },
    {
      because: "there are too many groups",
      act: () => add("alice", ...Array.from({ length: 101 }, (_, index) => `g${index}`)),
      says: [/^--group: 101 groups; a user can have 100/],
    },
    {
      because: "the user exists",
      act: async () => {
        await add("alice");
        await add("alice");
      },
      says: [/^NAME: user "alice" exists already/, /slipway user revoke alice --data-dir/],
    },
    {
      because: "there is no such user",
      act: () => revokeUser({ name: "nobody", dataDir }, output),
      says: [/^NAME: there is no user "nobody"/, /slipway user list/],
    },
    {
      because: "nothing ran in the directory yet",
      act: () => addUser({ name: "alice", groups: [], dataDir: "/nonexistent" }, output),
      says: [
        /^--data-dir: \/nonexistent has no readable kubeconfig \(ENOENT\)/,
        /start 'slipway up --data-dir \/nonexistent'/,
      ],
    },
    {
      because: "the kubeconfig names no server",
      act: async () => {
        await writeFile(join(dataDir, "kubeconfig"), "a: [");
        await add("alice");
      },
      says: [/^--data-dir: .*kubeconfig names no server/, /restart 'slipway up'/],
    },
  ])("is a usage error when $because", async ({ act, says }) => {
    const error = await act().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    for (const pattern of says) expect((error as Error).message).toMatch(pattern);
  });

  it("leaves no user behind when it is refused", async () => {
    await expect(add("alice", "system:masters")).rejects.toThrow(UsageError);
    await expect(readFile(join(dataDir, "users", "alice.json"))).rejects.toThrow("ENOENT");
  });
});
