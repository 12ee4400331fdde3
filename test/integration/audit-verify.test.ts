import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { ApprovalLog } from "../../src/audit/approval-log.ts";
import { AuditSecrets } from "../../src/audit/audit-secrets.ts";
import { AuditWriter } from "../../src/audit/audit-writer.ts";
import { verifyAudit } from "../../src/cli/audit-verify.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { entry } from "../support/audit-world.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** What a replica writes that has so much to tell. */
async function writeLog({ kubeconfig }: TestApiServer, path: string, events: number): Promise<void> {
  using client = await createKubeClient({ kubeconfigPath: kubeconfig });
  const { logger } = recordingLogger();
  const clock = systemClock;
  const log = new ApprovalLog({ clock, logger });
  const writer = new AuditWriter({ log, clock, logger, path, secrets: new AuditSecrets(client), identity: "replica" });
  const stop = new AbortController();
  const ended = writer.run(stop.signal, new AbortController().signal);
  for (let number = 1; number <= events; number++) log.append(entry(number));
  await log.settled(AbortSignal.timeout(20_000));
  stop.abort();
  await ended;
}

async function verify(options: Parameters<typeof verifyAudit>[0]): Promise<{ code: number; said: string }> {
  const texts: string[] = [];
  const output = { write: (text: string | Uint8Array) => void texts.push(String(text)) };
  const code = await verifyAudit(options, {
    stdout: output,
    stderr: output,
    env: {},
    signal: AbortSignal.timeout(20_000),
  });
  return { code, said: texts.join("") };
}

describe("slipway audit verify", () => {
  it("looks at a replica's files with the Secrets of the API, and names what others have to have", async () => {
    await using server = await startTestApiServer();
    const folder = await mkdtemp(join(tmpdir(), "slipway-verify-"));
    const [one, two] = [join(folder, "one.log"), join(folder, "two.log")];
    await writeLog(server, one, 2);
    await writeLog(server, two, 3);
    const { kubeconfig } = server;
    const whole = await verify({ file: one, kubeconfig });
    expect(whole).toMatchObject({ code: 0, said: expect.stringMatching(/^one\.log, chain \w{16}: 3 lines, whole$/m) });
    expect(whole.said).toMatch(/^chain \w{16}, 4 lines, the last at \S+, has to be in another replica's file$/m);

    await rename(one, `${one}.2025`);
    await writeLog(server, one, 1);
    const both = await verify({ file: one, kubeconfig });
    expect(both.code).toBe(0);
    expect(both.said).toMatch(/^one\.log\.2025, chain \w{16}: 3 lines, whole$/m);

    await writeFile(two, (await readFile(two, "utf8")).replace("sec2", "sec9"));
    const edited = await verify({ file: two, kubeconfig });
    expect(edited).toMatchObject({ code: 1, said: expect.stringMatching(/NOT WHOLE\n {2}line 3 was not written/) });
    await rm(folder, { recursive: true });
  });

  it("needs no server for a data directory, and tells an empty one", async () => {
    await using server = await startTestApiServer();
    const { dataDir } = server;
    expect(await verify({ dataDir })).toEqual({ code: 0, said: "nothing was logged yet\n" });
    await writeLog(server, join(dataDir, "audit.log"), 1);
    expect((await verify({ dataDir })).code).toBe(0);
    await server.close();
    expect((await verify({ dataDir })).said).toMatch(/2 lines, whole/);
    await rm(join(dataDir, "audit.log"));
    expect(await verify({ dataDir })).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^MISSING: chain \w+, 2 lines/),
    });
  });

  it.each([
    { because: "no log is named", options: {} },
    { because: "two are", options: { dataDir: "/tmp/a", file: "/tmp/b" } },
    { because: "a data directory is no output", options: { dataDir: "/tmp/a", captured: true } },
    { because: "the directory has no store", options: { dataDir: "/tmp/slipway-is-not-here" } },
  ])("refuses when $because", async ({ options }) => {
    await expect(verify(options)).rejects.toThrow(/--data-dir|--file/);
  });
});
