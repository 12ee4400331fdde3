import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get, type RequestOptions } from "node:https";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

let api: TestApiServer;
let agent: Agent;

beforeAll(async () => {
  api = await startTestApiServer({ crds: [] });
  agent = new Agent({ connect: { ca: api.caPem } });
});

afterAll(async () => {
  await agent.destroy();
  await api[Symbol.asyncDispose]();
});

function send(method: string, path: string, { body, headers = {} }: { body?: unknown; headers?: object } = {}) {
  return request(api.url + path, {
    method: method as "GET",
    dispatcher: agent,
    headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

const configMap = (name: string, padding = "") => ({ metadata: { name }, data: { padding } });

describe("a list too long for one piece", () => {
  const names = [...Array(40).keys()].map((index) => `long-${String(index).padStart(2, "0")}`);
  const query = `${CONFIG_MAPS}?labelSelector=list%3Dlong`;
  const shown = (list: unknown) =>
    (list as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);

  beforeAll(async () => {
    for (const name of names) {
      const body = { metadata: { name, labels: { list: "long" } }, data: { text: "aéß€".repeat(2_000) } };
      const { statusCode, body: answer } = await send("POST", CONFIG_MAPS, { body });
      await answer.dump();
      expect(statusCode).toBe(201);
    }
  });

  it("comes whole and in order", async () => {
    const { headers, body } = await send("GET", query);
    const list = (await body.json()) as { items: { data: { text: string } }[] };
    expect(headers["transfer-encoding"]).toBe("chunked");
    expect(shown(list)).toEqual(names);
    for (const { data } of list.items) expect(data.text).toBe("aéß€".repeat(2_000));
  });

  it("comes compressed to whoever takes it so", async () => {
    const { headers, body } = await send("GET", query, { headers: { "accept-encoding": "gzip" } });
    expect(headers["content-encoding"]).toBe("gzip");
    expect(shown(JSON.parse(gunzipSync(Buffer.from(await body.arrayBuffer())).toString("utf8")))).toEqual(names);
  });

  it("comes in pages, as tables and as YAML as short ones do", async () => {
    const page = await send("GET", `${query}&limit=30`);
    expect(shown(await page.body.json())).toEqual(names.slice(0, 30));
    const table = await send("GET", query, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
    expect(await table.body.json()).toMatchObject({ kind: "Table", rows: { length: names.length } });
    const yaml = await send("GET", query, { headers: { accept: "application/yaml" } });
    expect(await yaml.body.text()).toMatch(/^apiVersion: v1\nitems:\n/);
  });

  it("is what it was when it was asked for, however slowly it is read", async () => {
    const answer = await slowly(query);
    await (await send("DELETE", `${CONFIG_MAPS}/${names[39]}`)).body.dump();
    let text = "";
    answer.setEncoding("utf8");
    for await (const chunk of answer) text += chunk;
    expect(shown(JSON.parse(text))).toEqual(names);
  });
});

/** An answer of which nothing but the head was read yet. */
async function slowly(path: string, options: RequestOptions = {}) {
  const headers = { authorization: `Bearer ${api.adminToken}` };
  const [answer] = await once(get(api.url + path, { ca: api.caPem, headers, agent: false, ...options }), "response");
  answer.pause();
  return answer as IncomingMessage;
}

describe("texts beyond ASCII", () => {
  it.each([
    { because: "the answer is ASCII", data: "plain" },
    { because: "the answer has other letters", data: "grün €" },
  ])("are whole in warnings also where $because", async ({ data }) => {
    const body = { metadata: { generateName: "warned-" }, data: { text: data }, größe: 1 };
    const { statusCode, headers, body: answer } = await send("POST", `${CONFIG_MAPS}?fieldValidation=Warn`, { body });
    expect(statusCode).toBe(201);
    expect(Buffer.from(String(headers.warning), "latin1").toString("utf8")).toContain('unknown field \\"größe\\"');
    expect(await answer.json()).toMatchObject({ data: { text: data } });
  });
});

describe("a body beyond 3 MiB", () => {
  it.each([
    { because: "its length is declared", length: true },
    { because: "it comes in chunks", length: false },
  ])("is refused as Kubernetes does when $because", async ({ length }) => {
    const text = JSON.stringify(configMap("huge", "x".repeat(3 * 1024 * 1024)));
    const { statusCode, body } = await request(`${api.url}${CONFIG_MAPS}`, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/json" },
      body: length ? text : Readable.from(piecesOf(text)),
    });
    expect(statusCode).toBe(413);
    expect(await body.json()).toMatchObject({
      reason: "RequestEntityTooLarge",
      message: "Request entity too large: limit is 3145728",
      code: 413,
    });
  });
});

async function* piecesOf(text: string) {
  for (let at = 0; at < text.length; at += 64 * 1024) yield text.slice(at, at + 64 * 1024);
}

describe("watches", () => {
  it("are cut when their client reads nothing, at a bound of memory, and others go on", async () => {
    const stalled = await slowly(`${CONFIG_MAPS}?watch=true`);
    const cut = new Promise((resolve) => stalled.once("close", resolve));
    stalled.on("error", () => undefined);
    const other = await slowly(`${CONFIG_MAPS}?watch=true&resourceVersion=0`);
    let read = 0;
    other.on("data", (chunk: Buffer) => {
      read += chunk.length;
    });
    other.resume();
    await (await send("POST", CONFIG_MAPS, { body: configMap("noise") })).body.dump();
    // More than the bound and what the kernel takes, less than what would be a leak.
    let sent = 0;
    for (; sent < 60 && !stalled.destroyed && !stalled.errored; sent += 1) {
      const body = configMap("noise", String(sent).padEnd(900_000, "."));
      await (await send("PUT", `${CONFIG_MAPS}/noise`, { body })).body.dump();
    }
    stalled.resume();
    await cut;
    expect(stalled.complete).toBe(false);
    const { statusCode, body } = await send("GET", `${CONFIG_MAPS}/noise`);
    await body.dump();
    expect(statusCode).toBe(200);
    while (read < sent * 900_000) await once(other, "data");
    other.destroy();
  }, 60_000);

  it("may be 2,000 at once, and all hear of a change", async () => {
    const watchers = new Agent({ connect: { ca: api.caPem }, connections: 2_000 });
    try {
      const heard: Promise<string>[] = [];
      for (let opened = 0; opened < 2_000; opened += 50) {
        const bodies = await Promise.all(
          [...Array(50).keys()].map(async () => {
            const { body } = await request(`${api.url}${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dnews`, {
              dispatcher: watchers,
              headers: { authorization: `Bearer ${api.adminToken}` },
            });
            return body;
          }),
        );
        heard.push(...bodies.map(async (body) => String((await once(body, "data"))[0])));
      }
      const { statusCode, body } = await send("POST", CONFIG_MAPS, { body: configMap("news") });
      await body.dump();
      expect(statusCode).toBe(201);
      const events = await Promise.all(heard);
      expect(events).toHaveLength(2_000);
      expect(new Set(events.map((event) => JSON.parse(event).type))).toEqual(new Set(["ADDED"]));
    } finally {
      await watchers.destroy();
    }
  }, 120_000);
});
