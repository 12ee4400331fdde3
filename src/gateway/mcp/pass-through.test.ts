import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import {
  type Answer,
  ask,
  bodyOf,
  endpointAt,
  reasonIn,
  startGatewayUnderTest,
  startServer,
} from "../../../test/support/mcp-gateway.ts";

const CALL = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "t" } });
const PATH = "/team-a/files/mcp";

/** A gateway in front of one server. */
async function behindGateway(answer: Answer, upstream = {}) {
  const server = await startServer(answer);
  const gateway = await startGatewayUnderTest([endpointAt(server.url, upstream)]);
  return {
    server,
    gateway,
    url: gateway.url + PATH,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

function openRequest(url: string, body?: string): Promise<IncomingMessage> {
  const outgoing = request(url, { agent: false, method: body === undefined ? "GET" : "POST" });
  outgoing.on("error", () => undefined);
  outgoing.end(body);
  return once(outgoing, "response").then(([response]) => response as IncomingMessage);
}

describe("what a server sees", () => {
  it("is the request as the client made it, but for what is of the hop or the gateway's", async () => {
    const seen = Promise.withResolvers<{
      method: string;
      url: string;
      headers: IncomingMessage["headers"];
      body: string;
    }>();
    await using world = await behindGateway(async (request, response) => {
      const { method = "", url = "", headers } = request;
      seen.resolve({ method, url, headers, body: await bodyOf(request) });
      response.writeHead(202).end();
    });
    await ask(`${world.url}?a=b%20c`, {
      body: CALL,
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-session-id": "s-1",
        "mcp-protocol-version": "2025-11-25",
        "mcp-method": "tools/call",
        "mcp-name": "t",
        "last-event-id": "e-9",
        "x-own": "kept",
        authorization: "Bearer of-the-gateway",
        cookie: "session=of-another-service",
        "x-forwarded-for": "10.0.0.1",
        forwarded: "for=10.0.0.1",
        connection: "keep-alive, x-hop",
        "x-hop": "1",
        te: "trailers",
      },
    });
    const { headers, ...rest } = await seen.promise;
    expect(rest).toEqual({ method: "POST", url: "/mcp?a=b%20c", body: CALL });
    const { via, ...others } = headers;
    expect(others).toEqual({
      host: new URL(world.server.url).host,
      "content-type": "application/json",
      "content-length": String(CALL.length),
      accept: "application/json, text/event-stream",
      "mcp-session-id": "s-1",
      "mcp-protocol-version": "2025-11-25",
      "mcp-method": "tools/call",
      "mcp-name": "t",
      "last-event-id": "e-9",
      "x-own": "kept",
      connection: "keep-alive",
    });
    expect(via).toMatch(/^1\.1 slipway-[0-9a-f]{12}$/);
  });

  it.each([
    { because: "it is not asked for", upstream: {}, want: undefined },
    { because: "the deployment asks for it", upstream: { forwardAuthorization: true }, want: "Bearer callers" },
    {
      because: "the deployment has its own",
      upstream: { forwardAuthorization: true, headers: { Authorization: "Basic own" } },
      want: "Basic own",
    },
  ])("of Authorization what the deployment says: $because", async ({ upstream, want }) => {
    let seen: string | undefined = "nothing came";
    await using world = await behindGateway((request, response) => {
      seen = request.headers.authorization;
      response.end();
    }, upstream);
    await ask(world.url, { headers: { authorization: "Bearer callers" } });
    expect(seen).toBe(want);
  });

  it("is a body of any length, whole and in order", async () => {
    await using world = await behindGateway(async (request, response) => response.end(await bodyOf(request)));
    for (const length of [0, 1, 65_536, 65_537, 3_000_000]) {
      const body = "abcdefghij".repeat(length / 10 + 1).slice(0, length);
      const { body: echoed } = await ask(world.url, { body, headers: { "content-length": String(length) } });
      expect(echoed === body).toBe(true);
      const { body: chunked } = await ask(world.url, { body, headers: { "transfer-encoding": "chunked" } });
      expect(chunked === body).toBe(true);
    }
  });
});

describe("connections to a server", () => {
  it("are used again, also after an answer that nobody waited for and an error", async () => {
    const ports = new Set<number | undefined>();
    await using world = await behindGateway((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume().once("end", () => response.writeHead(ports.size === 1 ? 404 : 200).end("{}"));
    });
    for (let call = 0; call < 10; call += 1) await ask(world.url, { body: CALL });
    expect(ports.size).toBe(1);
  });

  it("that the server has closed are not used for the next call", async () => {
    await using world = await behindGateway((request, response) => {
      request.resume().once("end", () => response.end("{}", () => setImmediate(() => request.socket.end())));
    });
    for (let call = 0; call < 10; call += 1) {
      expect((await ask(world.url, { body: CALL })).status).toBe(200);
      await sleep(20);
    }
  });
});

describe("what a client sees", () => {
  it("is the server's answer with its status, headers and trailers", async () => {
    await using world = await behindGateway((_request, response) => {
      response.writeHead(409, {
        "content-type": "application/json",
        "mcp-session-id": "s-2",
        "set-cookie": "a=b",
        "access-control-allow-origin": "*",
        trailer: "x-sum",
        "x-two": ["1", "2"],
      });
      response.write("{}");
      response.addTrailers({ "x-sum": "42" });
      response.end();
    });
    const { status, headers, trailers, body } = await ask(world.url, { body: CALL });
    expect({ status, trailers, body }).toEqual({ status: 409, trailers: { "x-sum": "42" }, body: "{}" });
    expect(headers).toMatchObject({ "content-type": "application/json", "mcp-session-id": "s-2", "x-two": "1, 2" });
    expect(headers).not.toHaveProperty("set-cookie");
    expect(headers).not.toHaveProperty("access-control-allow-origin");
    expect(headers["content-security-policy"]).toBe("default-src 'none'; sandbox");
  });

  it("comes as it is sent: headers before the first event, each event before the next", async () => {
    const turns: (() => void)[] = [];
    await using world = await behindGateway((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      turns.push(
        () => response.write("data: 1\n\n"),
        () => response.write("data: 2\n\n"),
        () => response.end(),
      );
    });
    const response = await openRequest(world.url);
    const seen: string[] = [];
    for (const turn of turns) {
      const next = once(response, "data");
      turn();
      if (seen.length < 2) seen.push(String(((await next) as [Buffer])[0]));
    }
    await once(response, "end");
    expect(seen).toEqual(["data: 1\n\n", "data: 2\n\n"]);
  });

  it("is what was packed, packed", async () => {
    const packed = Buffer.from([0x1f, 0x8b, 0, 255, 1]);
    await using world = await behindGateway((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip", "content-length": "5" }).end(packed);
    });
    const response = await openRequest(world.url);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(packed);
  });
});

describe("a slow reader", () => {
  it("slows its server, and holds a bounded amount", async () => {
    const chunk = Buffer.alloc(64 * 1024, 97);
    let sent = 0;
    await using world = await behindGateway((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = () => {
        while (sent < 400 * 1024 * 1024) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
      };
      more();
    });
    const response = await openRequest(world.url);
    response.pause();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await sleep(300);
    }
    // What the kernel keeps for three sockets, and what three streams do.
    expect(sent).toBeLessThan(40 * 1024 * 1024);
    response.destroy();
  });

  it("of a body slows its client", async () => {
    await using world = await behindGateway((request) => void request.pause());
    const outgoing = request(world.url, { method: "POST", agent: false, headers: { "transfer-encoding": "chunked" } });
    outgoing.on("error", () => undefined);
    const chunk = Buffer.alloc(64 * 1024, 97);
    let sent = 0;
    const more = () => {
      while (sent < 60 * 1024 * 1024) {
        sent += chunk.length;
        if (!outgoing.write(chunk)) return void outgoing.once("drain", more);
      }
    };
    more();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await sleep(300);
    }
    expect(sent).toBeLessThan(40 * 1024 * 1024);
    outgoing.destroy();
  });
});

describe("whoever leaves takes the other along", () => {
  it.each([
    { because: "before the answer", begin: () => undefined },
    { because: "in the middle of it", begin: (response: ServerResponse) => void response.write("data: 1\n\n") },
  ])("a client that vanishes $because frees everything", async ({ begin }) => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using world = await behindGateway((request, response) => {
      request.resume();
      begin(response);
      arrived.resolve(response);
    });
    const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${CALL.length}\r\n\r\n${CALL}`);
    const response = await arrived.promise;
    expect(world.gateway.dataPath.stats().open).toBe(1);
    socket.destroy();
    await once(response, "close");
    await eventually("nothing is open", () => world.gateway.dataPath.stats().open === 0, { everyMs: 5 });
    expect(world.gateway.dataPath.stats().gone).toBe(1);
  });

  it.each([
    { because: "before its answer", type: undefined, sent: "" },
    { because: "with its headers sent, in a stream", type: "text/event-stream", sent: "" },
    { because: "between two events", type: "text/event-stream", sent: ": ping\n\n" },
    { because: "in the middle of an event", type: "text/event-stream", sent: 'data: {"jsonrpc":' },
  ])("a call whose server dies $because is told under its id", async ({ type, sent }) => {
    await using world = await behindGateway((request, response) => {
      request.resume();
      request.once("end", () => {
        if (type !== undefined) {
          response.writeHead(200, { "content-type": type });
          response.flushHeaders();
          if (sent !== "") response.write(sent);
        }
        setTimeout(() => response.socket?.destroy(), 20);
      });
    });
    const { status, headers, body } = await ask(world.url, { body: CALL });
    const error = { code: -32000, message: expect.any(String), data: { reason: "UpstreamFailed" } };
    const last = type === undefined ? body : (body.split("data: ").at(-1) ?? "");
    expect(JSON.parse(last)).toEqual({ jsonrpc: "2.0", id: 7, error });
    expect({ status, type: headers["content-type"] }).toEqual({
      status: type === undefined ? 502 : 200,
      type: type ?? "application/json",
    });
    if (type !== undefined) expect(body.startsWith(`${sent}\n\nevent: message\ndata: `)).toBe(true);
    expect(world.gateway.dataPath.stats()).toMatchObject({ open: 0, failed: 1 });
  });

  it("tells every request of a batch, and none of a body that holds none", async () => {
    await using world = await behindGateway(
      (request) => void request.resume().once("end", () => request.socket.destroy()),
    );
    const batch = [{ id: 1, method: "a" }, { method: "n" }, { id: "x", method: "b" }, { id: 3, result: {} }];
    const { body } = await ask(world.url, { body: JSON.stringify(batch) });
    expect((JSON.parse(body) as { id: unknown }[]).map(({ id }) => id)).toEqual([1, "x"]);
    for (const none of ["", "not json", '{"method":"n"}', '{"id":{},"method":"m"}', "null"]) {
      const { body } = await ask(world.url, { body: none });
      expect(JSON.parse(body)).toMatchObject({ id: null });
    }
  });

  it("an answer that breaks off does not look whole", async () => {
    await using world = await behindGateway((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"half":');
      setTimeout(() => response.socket?.destroy(), 20);
    });
    await expect(ask(world.url, { body: CALL })).rejects.toThrow("aborted");
  });

  it("says that nobody listens", async () => {
    await using world = await behindGateway(() => undefined);
    await world.server[Symbol.asyncDispose]();
    const answered = await ask(world.url, { body: CALL });
    expect(answered).toMatchObject({ status: 502, headers: { "retry-after": "2" } });
    expect(reasonIn(answered)).toBe("UpstreamUnreachable");
  });

  it("says that what answered is no HTTP", async () => {
    await using world = await behindGateway((request) => void request.socket.write("SSH-2.0-OpenSSH_9\r\n\r\n"));
    const answered = await ask(world.url, { body: CALL });
    expect(answered.status).toBe(502);
    expect(reasonIn(answered)).toBe("UpstreamInvalid");
    expect(answered.body).not.toContain("SSH");
  });
});

describe("an answer that could be understood in two ways", () => {
  it.each([
    { because: "two lengths", head: "content-length: 2\r\ncontent-length: 3" },
    { because: "a length and chunks", head: "transfer-encoding: chunked\r\ncontent-length: 2" },
    { because: "a folded header", head: "x-a: 1\r\n content-length: 9" },
    { because: "a control character", head: "x-a: \u0001" },
    { because: "immense headers", head: `x-a: ${"a".repeat(70_000)}` },
  ])("is none: $because", async ({ head }) => {
    await using world = await behindGateway((request) => {
      request.resume();
      request.socket.end(Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n{}`, "latin1"));
    });
    const answered = await ask(world.url, { body: CALL });
    expect(answered.status).toBe(502);
    expect(JSON.parse(answered.body)).toMatchObject({ id: 7, error: { code: -32000 } });
  });
});

describe("a request's body", () => {
  it("is asked for when the server is there", async () => {
    await using world = await behindGateway(async (request, response) => response.end(await bodyOf(request)));
    const outgoing = request(world.url, { method: "POST", agent: false, headers: { expect: "100-continue" } });
    outgoing.flushHeaders();
    await once(outgoing, "continue");
    outgoing.end("after");
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(await bodyOf(response)).toBe("after");
  });

  it("is not asked for when the server is not there", async () => {
    await using gateway = await startGatewayUnderTest();
    const outgoing = request(gateway.url + PATH, { method: "POST", agent: false, headers: { expect: "100-continue" } });
    let continued = false;
    outgoing.once("continue", () => {
      continued = true;
    });
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    expect({ status: response.statusCode, continued }).toEqual({ status: 404, continued: false });
    outgoing.destroy();
  });

  it("may not be longer than the limit, said or not", async () => {
    let seen = 0;
    await using world = await behindGateway(
      (request) => void request.on("data", (chunk: Buffer) => (seen += chunk.length)),
    );
    const said = await ask(world.url, { method: "POST", headers: { "content-length": String(64 * 1024 * 1024 + 1) } });
    expect([said.status, reasonIn(said)]).toEqual([413, "RequestTooLarge"]);
    expect(seen).toBe(0);
    const chunked = { method: "POST", agent: false, headers: { "transfer-encoding": "chunked" } };
    const chunk = Buffer.alloc(1024 * 1024, 97);
    const outgoing = request(world.url, chunked);
    for (let sent = 0; sent < 64; sent += 1) await new Promise((resolve) => outgoing.write(chunk, resolve));
    // Nothing waits to be written when the answer comes and the connection closes: a failed write would take the answer along.
    outgoing.write("a");
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    outgoing.on("error", () => undefined).destroy();
  });

  it("is cut off where the client goes on for ever", async () => {
    let seen = 0;
    await using world = await behindGateway(
      (request) => void request.on("data", (chunk: Buffer) => (seen += chunk.length)),
    );
    const outgoing = request(world.url, { method: "POST", agent: false, headers: { "transfer-encoding": "chunked" } });
    // The answer or a failed write, whichever comes first.
    const cut = new Promise((resolve) => outgoing.once("response", resolve).on("error", resolve));
    const chunk = Buffer.alloc(1024 * 1024, 97);
    const more = () => {
      while (!outgoing.destroyed) if (!outgoing.write(chunk)) return void outgoing.once("drain", more);
    };
    more();
    await cut;
    outgoing.destroy();
    expect(seen).toBeLessThan(80 * 1024 * 1024);
  });
});
