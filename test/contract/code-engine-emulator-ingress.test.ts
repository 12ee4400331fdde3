import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import type { SimulatedImage } from "../support/code-engine/runtime/simulated.ts";
import { eventually } from "../support/eventually.ts";

const IMAGE = "icr.io/team/files:1";
const START_MS = 50;

/** On the machine's clock: requests go over sockets here. */
async function published(image: SimulatedImage, spec: object = {}, timings: object = {}) {
  const emulator = await CodeEngineEmulator.start({
    endpoints: "loopback",
    timings: { schedulingMs: 1, instanceStartMs: START_MS, retryMs: 50, idleMs: 60_000, ...timings },
  });
  const client = new PlainClient(emulator.handlers, emulator.createApiKey());
  const home = `/projects/${emulator.createProject({ name: "test" }).id}`;
  emulator.images.define(IMAGE, image);
  await client.post(`${home}/apps`, { name: "files", image_reference: IMAGE, ...spec });
  const app = async () => (await client.get(`${home}/apps/files`)).body;
  await eventually("the application is ready", async () => (await app()).status === "ready", { everyMs: 10 });
  return {
    emulator,
    url: String((await app()).endpoint),
    app,
    instances: async () => (await client.get(`${home}/apps/files/instances`)).body.instances as { name: string }[],
    patch: (patch: object) => client.patch(`${home}/apps/files`, patch, { ifMatch: "*" }),
    delete: () => client.delete(`${home}/apps/files`),
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}

/** Answers with what came. */
const echo: SimulatedImage = {
  async respond(request) {
    const { pathname, search } = new URL(request.url);
    return Response.json({
      method: request.method,
      path: `${pathname}${search}`,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
  },
};

/** Requests that wait until they are let go. */
function gate() {
  const waiting: (() => void)[] = [];
  let most = 0;
  const image: SimulatedImage = {
    async respond() {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      most = Math.max(most, waiting.length);
      await promise;
      return new Response("done");
    },
  };
  return { image, waiting, most: () => most, open: () => waiting.splice(0).forEach((resolve) => void resolve()) };
}

describe("the way in", () => {
  it("passes requests and answers as they are", async () => {
    await using w = await published(echo);
    const answer = await fetch(`${w.url}/mcp?a=1`, { method: "POST", body: "hello", headers: { "x-own": "1" } });
    expect(await answer.json()).toMatchObject({
      method: "POST",
      path: "/mcp?a=1",
      body: "hello",
      headers: { "x-own": "1" },
    });
  });

  it("knows applications by the Host header, too", async () => {
    await using w = await published(echo);
    const { internal } = { internal: String((await w.app()).endpoint_internal) };
    const [, subdomain] = new URL(internal).hostname.split(".");
    const status = (host: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      request(w.emulator.ingressUrl, { headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .once("error", reject)
        .end();
      return promise;
    };
    expect(await status(`files.${subdomain}.us-south.codeengine.appdomain.cloud`)).toBe(200);
    expect(await status(`other.${subdomain}.us-south.codeengine.appdomain.cloud`)).toBe(404);
  });

  it.each(["local", "local_private"])("is shut for %s", async (managed_domain_mappings) => {
    await using w = await published(echo);
    await w.patch({ managed_domain_mappings });
    await expect(fetch(w.url)).rejects.toThrow("fetch failed");
    await w.patch({ managed_domain_mappings: null });
    expect((await fetch(w.url)).status).toBe(200);
  });

  it("is gone with the application", async () => {
    await using w = await published(echo);
    await w.delete();
    await expect(fetch(w.url)).rejects.toThrow("fetch failed");
  });

  it("wakes what went to zero, and holds the request meanwhile", async () => {
    await using w = await published(echo, {}, { idleMs: 50 });
    await eventually("no instance is left", async () => (await w.instances()).length === 0, { everyMs: 10 });
    expect(await w.app()).toMatchObject({ status: "ready" });
    const before = performance.now();
    expect((await fetch(w.url)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(START_MS * 0.9);
    await eventually("it goes to zero again", async () => (await w.instances()).length === 0, { everyMs: 10 });
  });

  it("lets no more in than an instance may serve at once", async () => {
    const { image, waiting, most, open } = gate();
    await using w = await published(image, { scale_concurrency: 2, scale_max_instances: 1 });
    const answers = Promise.all([1, 2, 3, 4].map(() => fetch(w.url)));
    await eventually("two are in", () => waiting.length === 2, { everyMs: 10 });
    await sleep(50);
    expect(most()).toBe(2);
    open();
    await eventually("the others are in", () => waiting.length === 2, { everyMs: 10 });
    open();
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it("starts more instances for more requests", async () => {
    const { image, waiting, open } = gate();
    await using w = await published(image, { scale_concurrency: 1, scale_max_instances: 3 });
    const answers = Promise.all([1, 2, 3].map(() => fetch(w.url)));
    await eventually("three are in", () => waiting.length === 3, { everyMs: 10 });
    expect(await w.instances()).toHaveLength(3);
    open();
    await answers;
  });

  it("refuses when too many wait", async () => {
    const { image, waiting, open } = gate();
    await using w = await published(image, { scale_concurrency: 1, scale_max_instances: 1 });
    const statuses: number[] = [];
    const answers = Array.from({ length: 12 }, async () => void statuses.push((await fetch(w.url)).status));
    await eventually("one is refused", () => statuses.includes(503), { everyMs: 10 });
    const opening = setInterval(open, 5);
    await Promise.all(answers);
    clearInterval(opening);
    expect(waiting).toEqual([]);
    expect(statuses.filter((status) => status === 503)).toHaveLength(1);
  });

  it("cuts what takes longer than the request timeout: an answer that has begun, and one that has not", async () => {
    const image: SimulatedImage = {
      async respond(request) {
        if (new URL(request.url).pathname === "/never") await new Promise(() => undefined);
        const endless = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("data: 1\n\n")) });
        return new Response(endless, { headers: { "content-type": "text/event-stream" } });
      },
    };
    await using w = await published(image, { scale_request_timeout: 1 });
    const before = performance.now();
    const stream = await fetch(w.url);
    expect(stream.status).toBe(200);
    await expect(stream.text()).rejects.toThrow("terminated");
    expect(performance.now() - before).toBeGreaterThanOrEqual(950);
    expect((await fetch(`${w.url}/never`)).status).toBe(504);
  });

  it("lets a request end that the older revision serves", async () => {
    const { image, waiting, open } = gate();
    await using w = await published(image);
    const answer = fetch(w.url);
    await eventually("it is in", () => waiting.length === 1, { everyMs: 10 });
    await w.patch({ run_arguments: ["new"] });
    await eventually("the newer serves", async () => (await w.app()).status === "ready", { everyMs: 10 });
    expect(await w.instances()).toMatchObject([{ revision_name: "files-00002" }]);
    open();
    expect(await (await answer).text()).toBe("done");
  });

  it("answers 502 for an instance that fails", async () => {
    await using w = await published({ respond: () => Promise.reject(new Error("crash")) });
    expect((await fetch(w.url)).status).toBe(502);
  });
});
