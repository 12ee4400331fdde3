import { execFile, spawnSync } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { startApiServer } from "../../src/server/api-server.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const run = promisify(execFile);

/** A file system of its own can be full or read-only without hurting anybody. Only root may mount one. */
const mayMount = process.getuid?.() === 0 && tryMount();
const describeOnDisk = mayMount ? describe : describe.skip;

function tryMount(): boolean {
  const folder = spawnSync("mktemp", ["-d"], { encoding: "utf8" }).stdout.trim();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]);
  if (status === 0) spawnSync("umount", [folder]);
  spawnSync("rmdir", [folder]);
  return status === 0;
}

let dataDir: string;
let api: TestApiServer;
let agent: Agent;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs", dataDir]);
  await start();
});

afterEach(async () => {
  await agent.destroy();
  await api.close();
  await run("umount", ["--lazy", dataDir]);
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  api = await startTestApiServer({ dataDir, crds: [] });
  agent = new Agent({ connect: { ca: api.caPem } });
}

async function call(method: string, path: string, body?: unknown) {
  const answer = await request(api.url + path, {
    method: method as "GET",
    dispatcher: agent,
    headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

const create = (name: string, length: number) =>
  call("POST", CONFIG_MAPS, { metadata: { name }, data: { text: "x".repeat(length) } });

async function names(): Promise<string[]> {
  const { status, text } = await call("GET", CONFIG_MAPS);
  expect(status).toBe(200);
  return JSON.parse(text).items.map((item: { metadata: { name: string } }) => item.metadata.name);
}

/** Takes all the room that is left. */
async function fill(file: string): Promise<void> {
  for (const size of [1024 * 1024, 4096]) {
    const rest = Buffer.alloc(size);
    let isFull = false;
    while (!isFull)
      await appendFile(file, rest).catch(() => {
        isFull = true;
      });
  }
}

async function isReady(): Promise<boolean> {
  return (await call("GET", "/readyz")).status === 200;
}

describeOnDisk("a full disk", () => {
  it("fails writes with an error, leaves reads, loses nothing over a restart, and writes go on once there is room", async () => {
    const ballast = join(dataDir, "ballast");
    await writeFile(ballast, Buffer.alloc(24 * 1024 * 1024));
    const acknowledged: string[] = [];
    let refused: { status: number; text: string } | undefined;
    for (let index = 0; index < 60 && !refused; index += 1) {
      const answer = await create(`big-${index}`, 500_000);
      if (answer.status === 201) acknowledged.push(`big-${index}`);
      else refused = answer;
    }
    expect(refused?.status).toBe(500);
    expect(JSON.parse(refused?.text ?? "")).toMatchObject({ kind: "Status", reason: "InternalError" });
    expect(refused?.text).toContain("full");
    expect(await names()).toEqual(acknowledged.toSorted());
    expect(await isReady()).toBe(false);

    await agent.destroy();
    await api.close();
    await fill(join(dataDir, "rest"));
    const server = await startApiServer({
      dataDir,
      listen: { host: "127.0.0.1", port: 0 },
      crds: [],
      logger: recordingLogger().logger,
    });
    const found = server.reader.list({ group: "", plural: "configmaps" });
    await server.close();
    expect(found.map(({ metadata }) => metadata.name)).toEqual(acknowledged.toSorted());

    await Promise.all([rm(ballast), rm(join(dataDir, "rest"))]);
    await start();
    expect((await create("after", 500_000)).status).toBe(201);
    expect(await isReady()).toBe(true);
    await agent.destroy();
    await api.close();
    await start();
    expect(await names()).toEqual([...acknowledged, "after"].toSorted());
  }, 60_000);
});

describeOnDisk("a read-only data directory", () => {
  it("is refused at the start with what is wrong, left as it is, and serves again once it is writable", async () => {
    expect((await create("before", 10)).status).toBe(201);
    await agent.destroy();
    await api.close();
    await run("mount", ["-o", "remount,ro", dataDir]);
    await expect(startTestApiServer({ dataDir, crds: [] })).rejects.toThrow(
      new RegExp(`${dataDir} cannot be used as data directory: .*read-only`),
    );
    await run("mount", ["-o", "remount,rw", dataDir]);
    await start();
    expect(await names()).toEqual(["before"]);
  }, 60_000);
});
