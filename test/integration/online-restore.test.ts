import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PassThrough, type Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Agent, request } from "undici";
import { configMaps } from "../../src/api/core.ts";
import { backup, restoreBackup } from "../../src/cli/backup.ts";
import { createKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Informer } from "../../src/machinery/informer.ts";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer, type Reply } from "../support/killable-api-server.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

let folder: string;
let file: string;
let said: string;
let server: KillableApiServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-online-"));
  file = join(folder, "slipway.backup");
  said = "";
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const output = { stdout: { write: (text: string) => (said += text) } };
const backUp = (dataDir = server.dataDir, to = file) => backup({ file: to, dataDir, force: true }, output);
const restore = (from = file, force = true) => restoreBackup({ file: from, dataDir: server.dataDir, force }, output);

/** @throws {Error} unless the answer is the one that is expected. */
async function call(method: string, path: string, body?: unknown, expected = [200, 201]) {
  const answer = await server.call(method, path, body);
  if (!expected.includes(answer.status)) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const put = (name: string, at: number) =>
  call(at === 0 ? "POST" : "PUT", at === 0 ? CONFIG_MAPS : `${CONFIG_MAPS}/${name}`, {
    ...{ metadata: { name }, data: { at: String(at) } },
  });

async function shown(): Promise<string[]> {
  const { items } = await call("GET", CONFIG_MAPS);
  return items.map(({ metadata, data }) => `${metadata.name} ${data.at}`);
}

/** What the command and the server left in the data directory beside what belongs there. */
async function remains(): Promise<string[]> {
  return (await readdir(server.dataDir)).filter((name) => /restor|tmp/.test(name));
}

function definition(kind: string) {
  const names = { plural: `${kind}s`, singular: kind, kind: kind === "old" ? "Old" : "New" };
  const schema = { openAPIV3Schema: { type: "object" } };
  return {
    metadata: { name: `${names.plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

const object = (kind: string, name: string) => ({ apiVersion: "example.com/v1", kind, metadata: { name } });

async function tokenOf(name: string, namespace = "team"): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { status } = await call("POST", path, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {},
  });
  return (status as { token: string }).token;
}

async function authenticated(token: string): Promise<boolean> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  const { status } = await call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review);
  return (status as { authenticated?: boolean }).authenticated ?? false;
}

/** A request to restore, as the command sends it unless told otherwise. */
async function send(
  body: Buffer | Readable,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Reply }> {
  const { url, token, caPem } = server.announced;
  const agent = new Agent({ connect: { ca: caPem } });
  try {
    const { statusCode, body: answer } = await request(`${url}/-/restore`, {
      ...{ method: "POST", body, dispatcher: agent },
      headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream", ...headers },
    });
    return { status: statusCode, body: (await answer.json()) as Reply };
  } finally {
    await agent.destroy();
  }
}

describe("a restore while the server runs", () => {
  beforeEach(async () => {
    server = await KillableApiServer.start();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  it("brings back what was, and takes informers and watches with it", async () => {
    await put("kept", 0);
    await put("deleted-later", 0);
    await backUp();
    using client = await createKubeClient({ kubeconfigPath: server.announced.kubeconfigPath });
    const informer = new Informer({
      ...{ client, type: configMaps, scope: { namespace: "default" }, logger: recordingLogger().logger },
      timing: { minBackoffMs: 10, maxBackoffMs: 100 },
    });
    const stop = new AbortController();
    const run = informer.run(stop.signal);
    await informer.whenReady(AbortSignal.timeout(30_000));
    await put("kept", 1);
    await call("DELETE", `${CONFIG_MAPS}/deleted-later`);
    const seen = await put("created-later", 0);
    const known = () =>
      informer
        .list()
        .map(({ metadata, data }) => `${metadata.name} ${data?.at}`)
        .sort();
    await eventually("the informer has all", () => known().join() === "created-later 0,kept 1");
    const watch = server.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${seen.metadata.resourceVersion}`);
    const next = watch.next();
    await sleep(100);

    await restore();

    expect(await shown()).toEqual(["deleted-later 0", "kept 0"]);
    await eventually("the informer has what was restored", () => known().join() === "deleted-later 0,kept 0");
    expect((await next).value).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect((await watch.next()).done).toBe(true);
    // The informer goes on from there.
    await put("kept", 2);
    await eventually("the informer follows", () => known().includes("kept 2"));
    stop.abort();
    await run;
    expect(said).toMatch(/The server runs on, with its own keys and users/);
  });

  it("goes on above every version that was ever given out, also after a restart", async () => {
    const first = await put("kept", 0);
    await backUp();
    const { body: page } = await server.call("GET", `/api/v1/namespaces?limit=1`);
    const last = await put("kept", 1);
    await restore();
    const restored = await call("GET", `${CONFIG_MAPS}/kept`);
    expect(Number(restored.metadata.resourceVersion)).toBeGreaterThan(Number(last.metadata.resourceVersion));
    expect(restored.metadata.uid).toBe(first.metadata.uid);
    const stale = { metadata: last.metadata, data: { at: "9" } };
    expect((await server.call("PUT", `${CONFIG_MAPS}/kept`, stale)).status).toBe(409);
    const { body, status } = await server.call("GET", `/api/v1/namespaces?limit=1&continue=${page.metadata.continue}`);
    expect([status, body.reason]).toEqual([410, "Expired"]);
    const before = (await call("GET", CONFIG_MAPS)).metadata.resourceVersion;
    await server.kill();
    await server.start();
    const list = await call("GET", CONFIG_MAPS);
    expect(list.metadata.resourceVersion).toBe(before);
    expect(await shown()).toEqual(["kept 0"]);
    const after = await put("kept", 2);
    expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(before));
    expect(await remains()).toEqual([expect.stringMatching(/^before-restore-.*\.backup$/)]);
  });

  it("keeps what it replaces, to the last write, in a backup to go back to", async () => {
    await put("kept", 0);
    await backUp();
    await put("later", 0);
    await restore();
    expect(await shown()).toEqual(["kept 0"]);
    const [aside = ""] = await remains();
    expect(said).toContain(join(server.dataDir, aside));
    expect((await stat(join(server.dataDir, aside))).mode & 0o777).toBe(0o600);
    await restore(join(server.dataDir, aside));
    expect(await shown()).toEqual(["kept 0", "later 0"]);
  });

  it("builds anew what the server derives from objects: kinds, rights, service accounts, namespaces", async () => {
    await call("POST", DEFINITIONS, definition("old"));
    await eventually(
      "it is served",
      async () => (await server.call("GET", "/apis/example.com/v1/olds")).status === 200,
    );
    await call("POST", "/apis/example.com/v1/olds", object("Old", "one"));
    await call("POST", "/api/v1/namespaces", { metadata: { name: "team" } });
    await call("POST", "/api/v1/namespaces/team/serviceaccounts", { metadata: { name: "robot" } });
    const token = await tokenOf("robot");
    await call("POST", BINDINGS, {
      metadata: { name: "robot-views" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", namespace: "team", name: "robot" }],
    });
    await backUp();
    await call("DELETE", `${DEFINITIONS}/olds.example.com`);
    await call("DELETE", "/api/v1/namespaces/team");
    await call("DELETE", `${BINDINGS}/robot-views`);
    await call("POST", DEFINITIONS, definition("new"));
    await eventually(
      "it is served",
      async () => (await server.call("GET", "/apis/example.com/v1/news")).status === 200,
    );
    await eventually("the team is gone", async () => {
      return (await server.call("GET", "/api/v1/namespaces/team")).status === 404;
    });
    await eventually("the definition is gone", async () => (await server.status("/apis/example.com/v1/olds")) === 404);
    expect(await authenticated(token)).toBe(false);

    await restore();

    expect((await call("GET", "/apis/example.com/v1/olds")).items.map(({ metadata }) => metadata.name)).toEqual([
      "one",
    ]);
    expect(await server.status("/apis/example.com/v1/news")).toBe(404);
    expect(await authenticated(token)).toBe(true);
    const review = {
      spec: { user: "system:serviceaccount:team:robot", resourceAttributes: { verb: "list", resource: "pods" } },
    };
    const { status } = await call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
    expect(status).toMatchObject({ allowed: true });
    // Nothing that ended before the restore ends what it brought back.
    await call("POST", "/api/v1/namespaces/team/configmaps", { metadata: { name: "welcome" } });
    await call("POST", "/apis/example.com/v1/olds", object("Old", "two"));
    await sleep(1_500);
    expect((await call("GET", "/api/v1/namespaces/team")).metadata.name).toBe("team");
    expect((await call("GET", "/apis/example.com/v1/olds")).items).toHaveLength(2);
  });

  it("lets every write happen before, happen after, or be told to come again", async () => {
    await put("marker", 0);
    for (let at = 0; at < 500; at++) await put(`object-${at}`, 0);
    await backUp();
    let isOver = false;
    const acknowledged: { name: string; version: number }[] = [];
    const refused: { code?: number; reason?: string }[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let at = 0; !isOver; at++) {
        const name = `writer-${writer}-${at}`;
        const { status, body } = await server.call("POST", CONFIG_MAPS, { metadata: { name } });
        if (status === 201) acknowledged.push({ name, version: Number(body.metadata.resourceVersion) });
        else refused.push(body);
      }
    });
    await eventually("all write", () => acknowledged.length > 50);
    await restore();
    const floor = Number((await call("GET", `${CONFIG_MAPS}/marker`)).metadata.resourceVersion);
    const since = () => acknowledged.filter(({ version }) => version > floor).map(({ name }) => name);
    await eventually("all write on", () => since().length > 50);
    isOver = true;
    await Promise.all(writers);
    for (const refusal of refused) expect(refusal).toMatchObject({ code: 503, reason: "ServiceUnavailable" });
    expect(refused.length).toBeGreaterThan(0);
    const names = (await call("GET", CONFIG_MAPS)).items.map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.startsWith("writer-")).sort()).toEqual(since().sort());
    expect(names.filter((name) => name.startsWith("object-"))).toHaveLength(500);
  });
});

describe("a restore that a running server refuses", () => {
  let before: string[];

  beforeAll(async () => {
    server = await KillableApiServer.start();
    await put("kept", 0);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  beforeEach(async () => {
    await backUp();
    await put("kept", 1);
    before = await shown();
  });

  afterEach(async () => {
    expect(await shown()).toEqual(before);
    expect(await remains()).toEqual([]);
    await put("kept", 2);
  });

  it("says so without --force", async () => {
    await expect(restore(file, false)).rejects.toThrow(/a server runs on it; .* --force/);
  });

  it("names a backup of other keys, and what to do", async () => {
    await using other = await KillableApiServer.start();
    await backUp(other.dataDir, join(folder, "other.backup"));
    await expect(restore(join(folder, "other.backup"))).rejects.toThrow(/of a server with other keys .*stop it/);
  });

  it.each([
    {
      because: "it is damaged",
      sql: "UPDATE objects SET json = replace(json, 'kept', 'kepT')",
      message: /does not match its checksum/,
    },
    { because: "it is of a newer release", sql: "PRAGMA user_version = 99", message: /written by a newer Slipway/ },
    { because: "a key is damaged", sql: "UPDATE files SET content = x'00'", message: /does not match its checksum/ },
  ])("looks at the backup itself: $because", async ({ sql, message }) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
    await expect(restore()).rejects.toThrow(message);
    const { status, body } = await send(await readFile(file));
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
    expect(body.message).toMatch(message);
    expect(body.message).not.toContain(server.dataDir);
  });

  it("takes nothing for a backup that is none, or half of one", async () => {
    const whole = await readFile(file);
    for (const body of [Buffer.alloc(0), Buffer.from("backup"), whole.subarray(0, whole.length / 2)]) {
      expect((await send(body)).status).toBe(400);
    }
    expect((await send(whole, { "content-type": "application/json" })).status).toBe(415);
    expect((await server.call("GET", "/-/restore")).status).toBe(405);
  });

  it("is answered by nobody where the server is gone but its kubeconfig is not", async () => {
    await server.kill();
    const lock = new DatabaseSync(join(server.dataDir, "lock"));
    lock.exec("BEGIN EXCLUSIVE");
    await expect(restore()).rejects.toThrow(/in use by another Slipway.*ECONNREFUSED/);
    lock.close();
    await server.start();
  });

  it("is no one's who is not in system:masters, whatever the roles say", async () => {
    await call("POST", BINDINGS, {
      metadata: { name: "all-powerful" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", namespace: "default", name: "robot" }],
    });
    await call("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } });
    const whole = await readFile(file);
    const authorization = `Bearer ${await tokenOf("robot", "default")}`;
    const { status, body } = await send(whole, { authorization });
    expect([status, body.reason]).toEqual([403, "Forbidden"]);
    expect(body.message).toMatch(/only members of the group system:masters/);
    expect((await send(whole, { authorization: "Bearer none" })).status).toBe(401);
  });

  it("is the second of two at once", async () => {
    const half = new PassThrough();
    half.write((await readFile(file)).subarray(0, 1_000));
    const first = send(half);
    await eventually("the first has begun", async () => (await remains()).length > 0);
    await expect(restore()).rejects.toThrow(/another restore is under way/);
    half.end();
    expect((await first).status).toBe(400);
  });
});
