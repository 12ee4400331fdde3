import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { configMaps } from "../../src/api/core.ts";
import { backup, restoreBackup } from "../../src/cli/backup.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Informer } from "../../src/machinery/informer.ts";
import { UserDirectory } from "../../src/server/access/user-directory.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer } from "../support/killable-api-server.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

let folder: string;
let file: string;
let said: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-backup-"));
  file = join(folder, "slipway.backup");
  said = "";
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const output = { stdout: { write: (text: string) => (said += text) } };
const backUp = (dataDir: string, force = false) => backup({ file, dataDir, force }, output);
const restore = (dataDir: string, force = false) => restoreBackup({ file, dataDir, force }, output);

/** Every file below a directory with its contents, but what reading leaves behind. */
async function contentsOf(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && !/lock$|-shm$|-wal$/.test(entry.name));
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, "base64")])));
}

describe("a backup of a server that is being written to", () => {
  it("is of one moment, has what was acknowledged before, and writers go on", async () => {
    await using server = await KillableApiServer.start();
    const step = async (name: string, at: number) => {
      const body = { metadata: { name }, data: { at: String(at), padding: "p".repeat(5_000) } };
      const path = `${CONFIG_MAPS}/${name}`;
      const { status } = at === 0 ? await server.call("POST", CONFIG_MAPS, body) : await server.call("PUT", path, body);
      expect([200, 201]).toContain(status);
    };
    const counts = Array.from({ length: 16 }, () => 0);
    let isOver = false;
    const writers = counts.map(async (_, writer) => {
      for (let at = 0; !isOver; at++) {
        // The second is never ahead of the first, and one behind at most: so it must be in any backup.
        await step(`first-${writer}`, at);
        await step(`second-${writer}`, at);
        counts[writer] = at;
      }
    });
    await eventually("all write", () => counts.every((count) => count > 3));
    const before = [...counts];
    await backUp(server.dataDir);
    const after = [...counts];
    await eventually("all write on", () => counts.every((count, writer) => count > (after[writer] ?? 0)));
    isOver = true;
    await Promise.all(writers);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["slipway.backup"]);

    const dataDir = join(folder, "restored");
    await restore(dataDir);
    await using restored = await startTestApiServer({ dataDir, crds: [] });
    const found = new Map(
      restored.server.reader
        .list({ group: "", plural: "configmaps" })
        .map((object) => object as unknown as { metadata: { name: string }; data?: { at: string } })
        .map(({ metadata, data }) => [metadata.name, Number(data?.at)]),
    );
    for (const [writer, acknowledged] of before.entries()) {
      const first = found.get(`first-${writer}`) ?? -1;
      const second = found.get(`second-${writer}`) ?? -1;
      expect(second).toBeGreaterThanOrEqual(acknowledged);
      expect(first - second === 0 || first - second === 1).toBe(true);
    }
    expect(said).toMatch(/slipway.backup: \d+ objects up to resourceVersion \d+, keys and users/);
  });
});

describe("a restore", () => {
  let server: KillableApiServer;

  beforeEach(async () => {
    server = await KillableApiServer.start();
    await server.call("POST", CONFIG_MAPS, { metadata: { name: "kept" }, data: { at: "1" } });
    await server.call("POST", CONFIG_MAPS, { metadata: { name: "gone-later" } });
    await backUp(server.dataDir);
  });

  afterEach(() => server[Symbol.asyncDispose]());

  it("keeps certificates, tokens and users, so that kubeconfigs and service accounts' tokens go on working", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts";
    await server.call("POST", path, { metadata: { name: "robot" } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const { body } = await server.call("POST", `${path}/robot/token`, request);
    const { token } = body.status as { token: string };
    const alice = await new UserDirectory(server.dataDir, systemClock).add("alice", ["team-a"]);
    await backUp(server.dataDir, true);
    const { caPem } = server.announced;
    await server.kill();
    await rm(server.dataDir, { recursive: true });
    await restore(server.dataDir);
    await server.start();
    expect(server.announced.caPem).toBe(caPem);
    const review = async (spec: { token: string }) => {
      const object = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec };
      return (await server.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", object)).body.status;
    };
    const robot = { authenticated: true, user: { username: "system:serviceaccount:default:robot" } };
    expect(await review({ token })).toMatchObject(robot);
    expect(await review({ token: alice })).toMatchObject({ authenticated: true, user: { username: "alice" } });
  });

  it("is refused where a store is, and with --force keeps that aside", async () => {
    await server.call("POST", CONFIG_MAPS, { metadata: { name: "later" } });
    await server.kill("SIGTERM");
    const before = await contentsOf(server.dataDir);
    await expect(restore(server.dataDir)).rejects.toThrow(/--data-dir: .* has a store; .* --force/);
    expect(await contentsOf(server.dataDir)).toEqual(before);
    await restore(server.dataDir, true);
    const [aside] = (await readdir(server.dataDir)).filter((name) => name.startsWith("before-restore-"));
    expect(said).toContain(join(server.dataDir, String(aside)));
    const kept = await contentsOf(join(server.dataDir, String(aside)));
    expect(Object.values(kept)).toEqual(expect.arrayContaining([before[join(server.dataDir, "store.db")]]));
    await server.start();
    const { body } = await server.call("GET", CONFIG_MAPS);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(["gone-later", "kept"]);
    expect((await stat(join(server.dataDir, "store.db"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(server.dataDir, "ca.key"))).mode & 0o777).toBe(0o600);
  });

  it("answers 410 to whatever was seen before, and gives every object a version above all of them", async () => {
    const { body: kept } = await server.call("GET", `${CONFIG_MAPS}/kept`);
    const update = { metadata: { name: "kept" }, data: { at: "2" } };
    const { body: seen } = await server.call("PUT", `${CONFIG_MAPS}/kept`, update);
    const { body: page } = await server.call("GET", `${CONFIG_MAPS}?limit=1`);
    await server.kill();
    await restore(server.dataDir, true);
    await server.start();
    const old = seen.metadata.resourceVersion;
    for (const version of [old, kept.metadata.resourceVersion, String(Number(old) + 1_000)]) {
      const { value } = await server.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${version}`).next();
      expect(value).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
      const { status } = await server.call(
        "GET",
        `${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`,
      );
      expect(status).toBe(410);
    }
    const { status, body } = await server.call("GET", `${CONFIG_MAPS}?limit=1&continue=${page.metadata.continue}`);
    expect([status, body.reason]).toEqual([410, "Expired"]);
    const { body: restored } = await server.call("GET", `${CONFIG_MAPS}/kept`);
    expect(restored.data).toEqual({ at: "1" });
    expect(restored.metadata.uid).toBe(seen.metadata.uid);
    expect(Number(restored.metadata.resourceVersion)).toBeGreaterThan(Number(old));
    const { body: list } = await server.call("GET", CONFIG_MAPS);
    expect(Number(list.metadata.resourceVersion)).toBeGreaterThan(Number(restored.metadata.resourceVersion));
    const stale = await server.call("PUT", `${CONFIG_MAPS}/kept`, { ...update, metadata: seen.metadata });
    expect(stale.status).toBe(409);
  });

  it("counts further than before also where the store that it replaces cannot be read", async () => {
    await server.kill();
    let highest = 0;
    for (let round = 0; round < 2; round++) {
      await writeFile(join(server.dataDir, "store.db"), "broken");
      await restore(server.dataDir, true);
      await server.start();
      const { body } = await server.call("POST", CONFIG_MAPS, { metadata: { name: "later" } });
      expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(highest);
      highest = Number(body.metadata.resourceVersion);
      await server.kill();
    }
  });

  it("takes an informer back with it", async () => {
    using client = await createKubeClient({ kubeconfigPath: server.announced.kubeconfigPath });
    const informer = new Informer({
      client,
      type: configMaps,
      scope: { namespace: "default" },
      logger: recordingLogger().logger,
      timing: { minBackoffMs: 10, maxBackoffMs: 100 },
    });
    const stop = new AbortController();
    const run = informer.run(stop.signal);
    await informer.whenReady(AbortSignal.timeout(30_000));
    await server.call("DELETE", `${CONFIG_MAPS}/gone-later`);
    await server.call("PUT", `${CONFIG_MAPS}/kept`, { metadata: { name: "kept" }, data: { at: "2" } });
    await server.call("POST", CONFIG_MAPS, { metadata: { name: "later" } });
    const shown = () => informer.list().map(({ metadata, data }) => `${metadata.name} ${data?.at ?? ""}`.trim());
    await eventually("the informer has all", () => shown().sort().join() === "kept 2,later");
    await server.kill();
    await restore(server.dataDir, true);
    await server.start();
    await eventually("the informer is back where the backup was", () => shown().sort().join() === "gone-later,kept 1");
    stop.abort();
    await run;
  });
});

describe("a backup file", () => {
  let api: TestApiServer;
  let target: string;

  beforeEach(async () => {
    api = await startTestApiServer({ crds: [] });
    await backUp(api.dataDir);
    target = join(folder, "target");
  });

  afterEach(async () => {
    await api[Symbol.asyncDispose]();
  });

  const change = (sql: string) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };

  it.each([
    {
      because: "it is cut short",
      damage: async () => writeFile(file, (await readFile(file)).subarray(0, -5_000)),
      message: /cannot be read/,
    },
    { because: "it is empty", damage: () => writeFile(file, ""), message: /is empty/ },
    { because: "it is something else", damage: () => writeFile(file, "tar".repeat(2000)), message: /cannot be read/ },
    {
      because: "it is a store",
      damage: async () => {
        await api.close();
        await writeFile(file, await readFile(join(api.dataDir, "store.db")));
      },
      message: /is the store of a data directory, not a backup/,
    },
    {
      because: "a newer release wrote it",
      damage: async () => change("PRAGMA user_version = 99"),
      message: /written by a newer Slipway.*Restore it with the newer release/,
    },
    {
      because: "an object was changed",
      damage: async () => change("UPDATE objects SET json = replace(json, 'default', 'defaulT')"),
      message: /checksum/,
    },
    {
      because: "a key was changed",
      damage: async () => change("UPDATE files SET content = x'00' WHERE path = 'ca.key'"),
      message: /ca.key does not match its checksum/,
    },
    {
      because: "a file would lie elsewhere",
      damage: async () => change("UPDATE files SET path = '../ca.key' WHERE path = 'ca.key'"),
      message: /is no file of a data directory/,
    },
    { because: "it is missing", damage: () => rm(file), message: /does not exist/ },
  ])("is refused because $because, and nothing is made of it", async ({ damage, message }) => {
    await damage();
    await expect(restore(target)).rejects.toThrow(message);
    expect(await readdir(folder)).not.toContain("target");
  });

  it("is refused by a server that finds it as its store", async () => {
    await api.close();
    await writeFile(join(api.dataDir, "store.db"), await readFile(file));
    await expect(startTestApiServer({ dataDir: api.dataDir })).rejects.toThrow(
      /is a backup, not a store; .*slipway restore/,
    );
  });

  it.each([
    { because: "there is one already", name: () => file, force: false, message: /exists; .*--force/ },
    {
      because: "it would lie in the data directory",
      name: () => join(api.dataDir, "x.backup"),
      force: true,
      message: /lies in the data directory/,
    },
    {
      because: "it would replace the store",
      name: () => join(api.dataDir, "store.db"),
      force: true,
      message: /lies in the data directory/,
    },
    {
      because: "its folder is missing",
      name: () => join(folder, "none/x"),
      force: false,
      message: /folder .*none does not exist/,
    },
    { because: "it is a folder", name: () => folder, force: true, message: /is a folder/ },
  ])("is not written because $because", async ({ name, force, message }) => {
    const before = await readFile(file);
    await expect(backup({ file: name(), dataDir: api.dataDir, force }, output)).rejects.toThrow(message);
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await readdir(folder)).toEqual(["slipway.backup"]);
  });

  it("is not written of a damaged store, nor of none", async () => {
    await api.close();
    const store = join(api.dataDir, "store.db");
    const database = new DatabaseSync(store);
    database.exec("UPDATE objects SET json = replace(json, 'default', 'defaulT')");
    database.close();
    await expect(backUp(api.dataDir, true)).rejects.toThrow(`${store} cannot be read (an object does not match`);
    await expect(backUp(folder, true)).rejects.toThrow(/has no store.db/);
    expect(await readdir(folder)).toEqual(["slipway.backup"]);
  });
});
