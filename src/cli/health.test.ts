import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "@jest/globals";
import { health } from "./health.ts";
import { UsageError } from "./usage-error.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
});

async function answering(status: number, body: string): Promise<string> {
  server = createServer((_, response) => response.writeHead(status).end(body));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`;
}

async function ask(url: string): Promise<{ code: number; said: string }> {
  const stderr = new PassThrough();
  const code = await health(url, stderr);
  stderr.end();
  return { code, said: await text(stderr) };
}

describe("slipway health", () => {
  it("says nothing of what is well", async () => {
    expect(await ask(await answering(200, "ok"))).toEqual({ code: 0, said: "" });
  });

  it("says what is wrong", async () => {
    expect(await ask(await answering(503, "caches"))).toEqual({ code: 1, said: "503 caches\n" });
  });

  it("says that nobody answers", async () => {
    const url = await answering(200, "ok");
    server?.close();
    server?.closeAllConnections();
    const { code, said } = await ask(url);
    expect(code).toBe(1);
    expect(said).toContain(`${url} does not answer: `);
  });

  it.each(["", "127.0.0.1:7090", "file:///etc/passwd"])("takes %j for a mistake", async (url) => {
    await expect(health(url)).rejects.toThrow(UsageError);
  });
});
