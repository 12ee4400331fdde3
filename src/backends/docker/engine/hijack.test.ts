import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { EngineClient } from "./engine-client.ts";

const VERSION = { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" };

type Upgrade = (socket: Duplex, request: IncomingMessage) => void;

/** An Engine that tells its version, and does with a request for a stream what the test says. */
async function engineThat(upgrade: Upgrade): Promise<{ client: EngineClient } & AsyncDisposable> {
  const server = createServer((_request, response) => response.end(JSON.stringify(VERSION)));
  const sockets = new Set<Duplex>();
  server.on("upgrade", (request, socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    upgrade(socket, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new EngineClient(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, undefined);
  return {
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

const within = (): AbortSignal => AbortSignal.timeout(20_000);
const SWITCH = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

describe("EngineClient.hijack", () => {
  it("hands over a connection that has sent nothing but its request, and outlives its signal", async () => {
    let asked: IncomingMessage | undefined;
    await using engine = await engineThat((socket, request) => {
      asked = request;
      // With the first bytes of the stream right behind.
      socket.write(`${SWITCH}first `);
      socket.on("data", (chunk: Buffer) => socket.write(`got ${chunk}`));
    });
    const opening = new AbortController();
    const socket = await engine.client.hijack("attach", "/containers/c/attach?stdin=1", { signal: opening.signal });
    opening.abort();
    socket.write("hello");
    let text = "";
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.endsWith("hello")) break;
    }
    expect(text).toBe("first got hello");
    expect(asked).toMatchObject({ method: "POST", url: "/v1.41/containers/c/attach?stdin=1" });
    expect(asked?.headers).toMatchObject({ upgrade: "tcp", "content-length": "0" });
  });

  it.each([
    { body: '{"message":"container c is paused"}', said: "container c is paused" },
    { body: "<html>", said: "HTTP 409 instead of a stream" },
  ])("tells what the Engine said instead: $said", async ({ body, said }) => {
    await using engine = await engineThat((socket) =>
      socket.end(`HTTP/1.1 409 Conflict\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`),
    );
    const refused = engine.client.hijack("attach to a container", "/x", { signal: within() });
    await expect(refused).rejects.toMatchObject({ name: "TransientError", status: 409, said });
  });

  it("does not wait for an Engine that does not answer", async () => {
    const { promise: letGo, resolve } = Promise.withResolvers<void>();
    await using engine = await engineThat((socket) => void socket.once("end", resolve).once("close", resolve).resume());
    const opened = engine.client.hijack("attach to a container", "/x", { signal: within(), timeoutMs: 100 });
    await expect(opened).rejects.toThrow("did not attach to a container");
    await letGo;
  });
});
