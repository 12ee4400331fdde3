import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type CallAnswer, KillableApiServer } from "../support/killable-api-server.ts";
import { SmallDisk, whyNoSmallDisk } from "../support/small-disk.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const reason = whyNoSmallDisk();
if (reason !== undefined) console.warn(`full and read-only disks are not tested: ${reason}`);
const describeOnDisk = reason === undefined ? describe : describe.skip;

let disk: SmallDisk;
let server: KillableApiServer;

beforeEach(async () => {
  disk = await SmallDisk.mount(40);
  server = await KillableApiServer.start({ dataDir: disk.path, prefix: disk.prefix });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  disk[Symbol.dispose]();
});

const create = (name: string, length: number) =>
  server.call("POST", CONFIG_MAPS, { metadata: { name }, data: { text: "x".repeat(length) } });

async function names(): Promise<string[]> {
  const { status, body } = await server.call("GET", CONFIG_MAPS);
  expect(status).toBe(200);
  return body.items.map(({ metadata }) => metadata.name);
}

describeOnDisk("a full disk", () => {
  it("fails writes with an error, leaves reads and watches, loses nothing over a restart, and writes go on once there is room", async () => {
    const ballast = join(disk.outside, "ballast");
    await writeFile(ballast, Buffer.alloc(24 * 1024 * 1024));
    const watched: string[] = [];
    void (async () => {
      for await (const { object } of server.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=0`))
        watched.push(object.metadata.name);
    })().catch(() => undefined);
    const acknowledged: string[] = [];
    let refused: CallAnswer | undefined;
    for (let index = 0; index < 60 && !refused; index += 1) {
      const answer = await create(`big-${index}`, 500_000);
      if (answer.status === 201) acknowledged.push(`big-${index}`);
      else refused = answer;
    }
    expect(refused).toMatchObject({
      status: 500,
      body: { kind: "Status", reason: "InternalError", message: expect.stringContaining("database or disk is full") },
    });
    expect(await names()).toEqual(acknowledged.toSorted());
    await eventually("all of it is watched", () => watched.join() === acknowledged.join());
    expect(await server.status("/readyz")).toBe(500);

    await server.kill();
    await disk.fill("rest");
    await server.start();
    expect(await names()).toEqual(acknowledged.toSorted());
    expect((await create("no-room", 500_000)).status).toBe(500);

    await Promise.all([rm(ballast), rm(join(disk.outside, "rest"))]);
    expect((await create("after", 500_000)).status).toBe(201);
    expect(await server.status("/readyz")).toBe(200);
    await server.kill();
    await server.start();
    expect(await names()).toEqual([...acknowledged, "after"].toSorted());
  });
});

describeOnDisk("a read-only data directory", () => {
  it("is refused at the start with what is wrong, left as it is, and serves again once it is writable", async () => {
    expect((await create("before", 10)).status).toBe(201);
    await server.kill();
    disk.remount("ro");
    await expect(server.start()).rejects.toThrow(
      new RegExp(`${disk.path} cannot be used as data directory: .*read-only`),
    );
    disk.remount("rw");
    await server.start();
    expect(await names()).toEqual(["before"]);
  });
});

describeOnDisk("a second server on a data directory", () => {
  it("is refused with who has it, and the first goes on", async () => {
    const second = KillableApiServer.start({ dataDir: disk.path, prefix: disk.prefix });
    await expect(second).rejects.toThrow(`${disk.path} is in use by another Slipway (process ${server.pid})`);
    expect((await create("before", 10)).status).toBe(201);
    await server.kill();
    await server.start();
    expect(await names()).toEqual(["before"]);
  });
});
