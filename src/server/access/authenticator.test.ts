import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { UserInfo } from "./access.ts";
import { CredentialAuthenticator, WrongAudience } from "./authenticator.ts";
import { apiAudience, ServiceAccountTokens, serviceAccounts } from "./service-account-tokens.ts";
import { loadSigningKey } from "./signing-key.ts";
import { UserDirectory } from "./user-directory.ts";
import { UserTokens } from "./user-tokens.ts";

const clock = { now: () => new Date("2026-11-21T09:00:00Z") };

let dataDir: string;
let authenticator: CredentialAuthenticator;
let serviceAccountTokens: ServiceAccountTokens;
let userToken: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-authn-"));
  const reader = new MemoryObjects();
  const metadata = { namespace: "team-a", name: "bot", uid: "u-1" };
  reader.put(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  serviceAccountTokens = new ServiceAccountTokens({ key: await loadSigningKey(dataDir), reader, clock });
  const users = new UserTokens(dataDir, recordingLogger().logger);
  authenticator = new CredentialAuthenticator({ users, serviceAccounts: serviceAccountTokens, clock });
  userToken = await new UserDirectory(dataDir, clock).add("alice", ["devs"]);
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

function issue(...audiences: string[]): Promise<string> {
  const grant = { namespace: "team-a", name: "bot", uid: "u-1", audiences, expirationSeconds: 600 };
  return serviceAccountTokens.issue(grant).then(({ token }) => token);
}

function ask(authorization?: string, socket: object = {}): Promise<UserInfo | undefined> {
  const request = { headers: { authorization }, socket };
  return authenticator.authenticate(request as unknown as IncomingMessage);
}

describe("CredentialAuthenticator", () => {
  it("puts everybody whom it knows into system:authenticated", async () => {
    expect(await ask(`Bearer ${userToken}`)).toMatchObject({
      username: "alice",
      groups: ["devs", "system:authenticated"],
    });
    expect(await ask(`bearer ${await issue(apiAudience)}`)).toMatchObject({
      username: "system:serviceaccount:team-a:bot",
      groups: ["system:serviceaccounts", "system:serviceaccounts:team-a", "system:authenticated"],
    });
  });

  it("takes a token for this server among others", async () => {
    expect(await ask(`Bearer ${await issue("vault", apiAudience)}`)).toBeDefined();
  });

  it.each([
    { because: "there is no credential", header: async () => undefined },
    { because: "the header is empty", header: async () => "" },
    { because: "there is only a scheme", header: async () => "Bearer" },
    { because: "the scheme is Basic", header: async () => `Basic ${Buffer.from("alice:x").toString("base64")}` },
    { because: "there is no scheme", header: async () => userToken },
    { because: "something follows the token", header: async () => `Bearer ${userToken} x` },
    { because: "nobody issued the token", header: async () => "Bearer no-such-token" },
    { because: "the token is for another server", header: async () => `Bearer ${await issue("vault")}` },
  ])("knows nobody when $because", async ({ header }) => {
    expect(await ask(await header())).toBeUndefined();
  });

  it("hears what a connection says with each request", async () => {
    const directory = new UserDirectory(dataDir, clock);
    const other = await directory.add("bob", []);
    const socket = {};
    const alice = { username: "alice", groups: ["devs", "system:authenticated"] };
    expect(await ask(`Bearer ${userToken}`, socket)).toMatchObject(alice);
    expect(await ask(`Bearer ${userToken}`, socket)).toMatchObject(alice);
    expect(await ask(`Bearer ${other}`, socket)).toMatchObject({ username: "bob" });
    expect(await ask(undefined, socket)).toBeUndefined();
    expect(await ask(`Bearer ${userToken}`, socket)).toMatchObject(alice);
    await directory.revoke("alice");
    expect(await ask(`Bearer ${userToken}`, socket)).toBeUndefined();
    const again = await directory.add("alice", ["ops"]);
    expect(await ask(`Bearer ${userToken}`, socket)).toBeUndefined();
    expect(await ask(`Bearer ${again}`, socket)).toMatchObject({ groups: ["ops", "system:authenticated"] });
  });

  it("answers a review with the audiences that token and question share", async () => {
    const token = await issue("vault", "git");
    expect((await authenticator.authenticateToken(token, ["git", "mail"]))?.audiences).toEqual(["git"]);
    await expect(authenticator.authenticateToken(token, ["mail"])).rejects.toThrow(
      new WrongAudience(["vault", "git"], ["mail"]),
    );
  });

  it("holds a static user's token to be for this server alone", async () => {
    expect((await authenticator.authenticateToken(userToken, [apiAudience, "x"]))?.audiences).toEqual([apiAudience]);
    await expect(authenticator.authenticateToken(userToken, ["vault"])).rejects.toThrow(WrongAudience);
  });
});
