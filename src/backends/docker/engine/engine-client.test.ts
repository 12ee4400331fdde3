import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { EngineClient } from "./engine-client.ts";

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const step of cleanup.splice(0).reverse()) step();
});

/** Something that listens on a socket as an Engine does. */
async function fakeEngine(answer: RequestListener): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-fake-engine-"));
  const path = join(folder, "docker.sock");
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanup.push(
    () => rmSync(folder, { recursive: true }),
    () => {
      server.closeAllConnections();
      server.close();
    },
  );
  return `unix://${path}`;
}

function client(host: string): EngineClient {
  const engine = new EngineClient(host, undefined);
  cleanup.push(() => engine[Symbol.dispose]());
  return engine;
}

const signal = new AbortController().signal;

function speaking(newest: string, oldest: string): { answer: RequestListener; paths: string[] } {
  const paths: string[] = [];
  const answer: RequestListener = (request, response) => {
    paths.push(request.url ?? "");
    response.setHeader("Content-Type", "application/json");
    response.end(
      request.url?.endsWith("/version")
        ? JSON.stringify({ Version: "99", ApiVersion: newest, MinAPIVersion: oldest })
        : "[]",
    );
  };
  return { answer, paths };
}

describe("EngineClient", () => {
  it.each([
    { because: "Engine 20.10 knows nothing newer", newest: "1.41", oldest: "1.12", want: "v1.41" },
    { because: "Engine 29 knows newer ones than this code", newest: "1.99", oldest: "1.44", want: "v1.51" },
  ])("speaks $want: $because", async ({ newest, oldest, want }) => {
    const { answer, paths } = speaking(newest, oldest);
    const engine = client(await fakeEngine(answer));
    await Promise.all([1, 2, 3].map(() => engine.call("list", (docker) => docker.listContainers(), { signal })));
    expect(paths.toSorted()).toEqual([...Array(3).fill(`/${want}/containers/json`), "/version"].toSorted());
  });

  it.each([
    { because: "it is too old", newest: "1.40", oldest: "1.12", says: /20\.10 or newer/ },
    { because: "it is too new", newest: "2.1", oldest: "2.0", says: /newer Slipway/ },
  ])("refuses an Engine: $because", async ({ newest, oldest, says }) => {
    const engine = client(await fakeEngine(speaking(newest, oldest).answer));
    await expect(engine.version({ signal })).rejects.toMatchObject({
      reason: "BackendUnavailable",
      message: expect.stringMatching(says),
    });
  });

  it("negotiates anew when the Engine was replaced by one that speaks another version", async () => {
    let newest = "1.41";
    const paths: string[] = [];
    const host = await fakeEngine((request, response) => {
      paths.push(request.url ?? "");
      response.setHeader("Content-Type", "application/json");
      const known = request.url?.endsWith("/version") || request.url?.startsWith(`/v${newest}/`);
      response.statusCode = known ? 200 : 400;
      const version = { Version: "99", ApiVersion: newest, MinAPIVersion: newest };
      response.end(JSON.stringify(known ? version : { message: "client version 1.41 is too old." }));
    });
    const engine = client(host);
    const ask = () => engine.call("describe itself", (docker) => docker.info(), { signal });
    await ask();
    newest = "1.44";
    await expect(ask()).rejects.toMatchObject({ status: 400 });
    await ask();
    expect(paths).toEqual(["/version", "/v1.41/info", "/v1.41/info", "/version", "/v1.44/info"]);
  });

  it("connects again after the Engine was away", async () => {
    const { answer } = speaking("1.41", "1.12");
    const host = await fakeEngine(answer);
    const engine = client(host.replace("docker.sock", "missing.sock"));
    await expect(engine.version({ signal })).rejects.toMatchObject({ message: expect.stringContaining("ocket") });
    const late = createServer(answer);
    await new Promise<void>((resolve) =>
      late.listen(host.slice("unix://".length).replace("docker.sock", "missing.sock"), resolve),
    );
    cleanup.push(() => {
      late.closeAllConnections();
      late.close();
    });
    expect(await engine.version({ signal })).toEqual({ engine: "99", api: "1.41" });
  });

  it("gives up on an Engine that does not answer", async () => {
    const { answer } = speaking("1.41", "1.12");
    const host = await fakeEngine((request, response) => {
      if (request.url === "/version") answer(request, response);
    });
    const call = client(host).call("list", (docker) => docker.listContainers(), { signal, timeoutMs: 50 });
    await expect(call).rejects.toMatchObject({
      reason: "BackendUnavailable",
      message: expect.stringContaining("did not list"),
    });
  });

  it("stops at the signal of its caller, also while it connects", async () => {
    const engine = client(await fakeEngine(() => undefined));
    const controller = new AbortController();
    const call = engine.call("list", (docker) => docker.listContainers(), { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });

  it("ends a stream at the signal of its caller", async () => {
    const { answer } = speaking("1.41", "1.12");
    const host = await fakeEngine((request, response) => {
      if (request.url === "/version") return answer(request, response);
      response.writeHead(200);
      response.write("{}\n");
    });
    const controller = new AbortController();
    const open = client(host).open("events", (docker, abortSignal) => docker.getEvents({ abortSignal }), {
      signal: controller.signal,
      timeoutMs: 5_000,
    });
    const stream = await open;
    const read = (async () => {
      for await (const _ of stream) controller.abort();
    })();
    await expect(read).rejects.toThrow();
  });

  it("says so when something else listens there", async () => {
    const engine = client(await fakeEngine((_request, response) => void response.end("<html>")));
    await expect(engine.version({ signal })).rejects.toThrow("no Docker Engine");
  });

  it("survives what does not even speak HTTP", async () => {
    const server = createTcpServer((socket) => void socket.end("garbage\r\n\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanup.push(() => void server.close());
    const { port } = server.address() as { port: number };
    await expect(client(`tcp://127.0.0.1:${port}`).version({ signal })).rejects.toMatchObject({
      reason: "BackendUnavailable",
    });
  });
});
