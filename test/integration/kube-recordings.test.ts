import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";

/** Conversations recorded from kube-apiserver, replayed against the embedded server. They lie beside the repository. */
const RECORDINGS = fileURLToPath(new URL("../../../shared/kube-recordings/", import.meta.url));

/** Cases that are known to differ, and why. A case that is not here must pass, and one that is must not. */
const KNOWN: Readonly<Record<string, string>> = {};

const describeIfThere = existsSync(RECORDINGS) ? describe : describe.skip;

describeIfThere("recorded conversations of kube-apiserver", () => {
  let api: TestApiServer;
  let lowpriv: string;

  beforeAll(async () => {
    api = await startTestApiServer();
    lowpriv = await api.addUser("lowpriv", ["lows"]);
  }, 60_000);

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
  });

  it("are answered the same, except for what is known", async () => {
    const output = await replay(["--kubeconfig", api.kubeconfig, "--user", `lowpriv=${lowpriv}`]);
    const differing = [...output.matchAll(/^(?:message|status\/shape) differs +(\S+) .*$/gm)];
    const unknown = differing.filter(([, id = ""]) => KNOWN[id] === undefined).map(([line]) => line);
    expect(unknown).toEqual([]);
    expect([...new Set(differing.map(([, id]) => id))].sort()).toEqual(Object.keys(KNOWN).sort());
    expect(output).toMatch(/^\d+ passed, \d+ failed/m);
  }, 300_000);
});

function replay(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [`${RECORDINGS}replay.mjs`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}
