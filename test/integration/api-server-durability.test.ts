import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";

const PROGRAM = fileURLToPath(new URL("../support/api-server-process.ts", import.meta.url));
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const WRITERS = 8;
const KILLS = 4;

interface Running {
  readonly child: ChildProcess;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Reply }>;
}

interface Reply {
  metadata: { name: string; resourceVersion: string };
  data: Record<string, string>;
  items: Reply[];
}

let dataDir: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-kill-"));
});

afterEach(async () => {
  running?.kill("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<Running> {
  const child = spawn(process.execPath, [PROGRAM, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  running = child;
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const { url, caPem, token } = JSON.parse(String(line));
  const dispatcher = new Agent({ connect: { ca: caPem } });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return {
    child,
    async call(method, path, body) {
      const options = {
        method: method as "GET",
        dispatcher,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const response = await request(url + path, options);
      return { status: response.statusCode, body: (await response.body.json()) as Reply };
    },
  };
}

describe("kill -9 of the API server", () => {
  it("loses no acknowledged write, leaves none half done, and never counts back", async () => {
    /** The last acknowledged value of every object, and the one that was under way when the server died. */
    const acknowledged = new Map<string, number>();
    const attempted = new Map<string, number>();
    let highest = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const server = await start();
      let alive = true;
      const writers = Array.from({ length: WRITERS }, async (_, writer) => {
        for (let count = 0; alive; count++) {
          const name = `k${kill}-w${writer}-${Math.floor(count / 5)}`;
          const value = count % 5;
          attempted.set(name, value);
          const object = { metadata: { name }, data: { value: String(value), padding: "x".repeat(2000) } };
          const write =
            value === 0
              ? server.call("POST", CONFIG_MAPS, object)
              : server.call("PUT", `${CONFIG_MAPS}/${name}`, object);
          const answer = await write.catch(() => undefined);
          if (!answer) return;
          expect(answer.status).toBe(value === 0 ? 201 : 200);
          acknowledged.set(name, value);
          highest = Math.max(highest, Number(answer.body.metadata.resourceVersion));
        }
      });
      await delay(150 + kill * 130);
      const exited = once(server.child, "exit");
      server.child.kill("SIGKILL");
      await exited;
      alive = false;
      await Promise.all(writers);
    }
    const server = await start();
    const { body: list } = await server.call("GET", CONFIG_MAPS);
    const found = new Map(list.items.map(({ metadata, data }) => [metadata.name, data]));
    expect(acknowledged.size).toBeGreaterThan(WRITERS);
    for (const [name, value] of acknowledged) {
      expect([value, attempted.get(name)].map(String)).toContain(found.get(name)?.value);
      expect(found.get(name)?.padding).toHaveLength(2000);
    }
    expect(Number(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(highest);
    const { body: next } = await server.call("POST", CONFIG_MAPS, { metadata: { name: "after" } });
    expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(highest);
  }, 60_000);
});
