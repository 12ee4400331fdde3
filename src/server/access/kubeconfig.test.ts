import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { kubeconfigPath, parseKubeconfig, writeAdminKubeconfig } from "./kubeconfig.ts";
import { UserTokens } from "./user-tokens.ts";

const clock = { now: () => new Date("2026-11-21T09:00:00Z") };

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-kubeconfig-"));
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function write(url = "https://127.0.0.1:6443") {
  await writeAdminKubeconfig({ dataDir, url, caPem: "CA" }, clock);
  return parseKubeconfig(await readFile(kubeconfigPath(dataDir), "utf8"));
}

function userOf(token = "") {
  return new UserTokens(dataDir, recordingLogger().logger).authenticate(token);
}

describe("the admin's kubeconfig", () => {
  it("lets its owner, and nobody else, do everything", async () => {
    const { cluster, token } = await write();
    expect(cluster).toEqual({ server: "https://127.0.0.1:6443", "certificate-authority-data": "Q0E=" });
    expect(userOf(token)).toMatchObject({ username: "system:admin", groups: ["system:masters"] });
    expect((await stat(kubeconfigPath(dataDir))).mode & 0o777).toBe(0o600);
  });

  it("keeps its token when the server starts again, elsewhere too", async () => {
    const { token } = await write();
    expect(await write("https://127.0.0.1:7443")).toMatchObject({
      token,
      cluster: { server: "https://127.0.0.1:7443" },
    });
  });

  it.each([
    { because: "the file is gone", spoil: () => rm(kubeconfigPath(dataDir)) },
    { because: "it is empty", spoil: () => writeFile(kubeconfigPath(dataDir), "") },
    { because: "it is not YAML", spoil: () => writeFile(kubeconfigPath(dataDir), "a: [") },
    { because: "it is a text", spoil: () => writeFile(kubeconfigPath(dataDir), "hello") },
    { because: "its token is another", spoil: () => writeFile(kubeconfigPath(dataDir), "users: [{user: {token: x}}]") },
  ])("has a new token when $because, and the old one ends", async ({ spoil }) => {
    const before = await write();
    await spoil();
    const after = await write();
    expect(userOf(before.token)).toBeUndefined();
    expect(userOf(after.token)).toBeDefined();
  });
});
