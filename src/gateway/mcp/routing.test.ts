import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { ask, endpointAt, reasonIn, startGatewayUnderTest, startServer } from "../../../test/support/mcp-gateway.ts";

const STOPPED = { ready: false, reason: "Stopped", message: "it is stopped", retryAfterSeconds: 30 } as const;

describe("where servers stand", () => {
  it.each([
    { because: "a namespace and a name", path: "/team-a/files/mcp", want: "team-a/files" },
    { because: "a name with dots", path: "/team-a/files.v2/mcp", want: "team-a/files.v2" },
    { because: "a name of the default namespace", path: "/files/mcp", want: "default/files" },
    { because: "the same in full", path: "/default/files/mcp", want: "default/files" },
    { because: "a query behind it", path: "/files/mcp?x=1", want: "default/files" },
    { because: "a name that is nobody's", path: "/team-a/other/mcp", want: 404 },
    { because: "a slash behind it", path: "/files/mcp/", want: 404 },
    { because: "an empty part", path: "//files/mcp", want: 404 },
    { because: "a name in capitals", path: "/team-a/FILES/mcp", want: 404 },
    { because: "something packed into it", path: "/team-a/files%2f..%2fother/mcp", want: 404 },
    { because: "a way up", path: "/team-a/../team-a/files/mcp", want: 404 },
    { because: "what agents look for first", path: "/.well-known/oauth-protected-resource", want: 404 },
    { because: "a path of the admin's, where there is none", path: "/-/namespaces/a", want: 404 },
    { because: "an immense path", path: `/${"a".repeat(9_000)}/mcp`, want: 404 },
  ])("$because", async ({ path, want }) => {
    const keys = [
      { namespace: "team-a", name: "files" },
      { namespace: "team-a", name: "files.v2" },
      { namespace: "default", name: "files" },
    ];
    await using server = await startServer((request, response) => response.end(request.headers["x-key"]));
    await using gateway = await startGatewayUnderTest(
      keys.map((key) => endpointAt(server.url, { ...key, headers: { "x-key": `${key.namespace}/${key.name}` } })),
    );
    // Not a URL: its client would clean the path.
    const { status, body } = await ask(gateway.url, { path });
    expect(status === 200 ? body : status).toBe(want);
  });

  it("says why a server is not ready, and when to ask again", async () => {
    await using gateway = await startGatewayUnderTest([endpointAt("http://127.0.0.1:1/mcp", { state: STOPPED })]);
    const answered = await ask(`${gateway.url}/team-a/files/mcp`, { body: "{}" });
    expect({ status: answered.status, after: answered.headers["retry-after"] }).toEqual({ status: 503, after: "30" });
    const error = { code: -32000, message: "it is stopped", data: { reason: "Stopped" } };
    expect(JSON.parse(answered.body)).toEqual({ jsonrpc: "2.0", id: null, error });
  });

  it("does not say that something is not there before all is known", async () => {
    const unsynced = { get: () => undefined, list: () => [], onChange: () => () => undefined, hasSynced: () => false };
    await using gateway = await startGatewayUnderTest([], { directory: unsynced });
    const answered = await ask(`${gateway.url}/team-a/files/mcp`);
    expect([answered.status, reasonIn(answered)]).toEqual([503, "NotSynced"]);
  });

  it("knows a request that has been here before", async () => {
    await using gateway = await startGatewayUnderTest();
    gateway.directory.receive([endpointAt(`${gateway.url}/team-a/files/mcp`)], []);
    const answered = await ask(`${gateway.url}/team-a/files/mcp`, { body: "{}" });
    expect([answered.status, reasonIn(answered)]).toEqual([508, "LoopDetected"]);
  });

  it.each(["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE"])("takes no %s", async (method) => {
    await using server = await startServer((_request, response) => response.end());
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const { status, headers } = await ask(`${gateway.url}/team-a/files/mcp`, { method });
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: "GET, POST, DELETE" });
  });
});

describe("who may be behind a request", () => {
  it.each([
    { because: "a program on this machine", headers: {}, want: 200 },
    { because: "the same by name", headers: { host: "localhost:7080" }, want: 200 },
    { because: "a name that was given", headers: { host: "mcp.example.com" }, want: 200 },
    { because: "a page whose name was pointed here", headers: { host: "evil.example.com" }, want: 421 },
    { because: "a page of another site", headers: { origin: "https://evil.example.com" }, want: 403 },
    { because: "a page of another local port", headers: { origin: "http://127.0.0.1:3000" }, want: 403 },
    { because: "a page of nowhere", headers: { origin: "null" }, want: 403 },
    {
      because: "a page of the gateway's own",
      headers: { host: "localhost:7080", origin: "http://localhost:7080" },
      want: 200,
    },
    { because: "a page of a site that was listed", headers: { origin: "http://localhost:6274" }, want: 200 },
  ])("$because", async ({ headers, want }) => {
    await using server = await startServer((request, response) => response.end(request.headers.origin ?? ""));
    const options = { names: ["mcp.example.com"], origins: ["http://localhost:6274"] };
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)], options);
    const { status, body } = await ask(`${gateway.url}/team-a/files/mcp`, { headers });
    expect(status).toBe(want);
    if (want === 200) expect(body).toBe("");
  });

  it("lets a page of a listed site read answers, refusals too, and no other", async () => {
    await using server = await startServer((_request, response) => response.setHeader("mcp-session-id", "s").end());
    const origin = "http://localhost:6274";
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)], { origins: [origin] });
    for (const name of ["files", "nobody"]) {
      const { headers } = await ask(`${gateway.url}/team-a/${name}/mcp`, { headers: { origin } });
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers["access-control-expose-headers"]).toContain("mcp-session-id");
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
    }
    const asked = { origin, "access-control-request-method": "POST", "access-control-request-headers": "mcp-name" };
    const { status, headers } = await ask(`${gateway.url}/team-a/files/mcp`, { method: "OPTIONS", headers: asked });
    expect(status).toBe(204);
    expect(headers["access-control-allow-headers"]).toBe("mcp-name");
    const { headers: plain } = await ask(`${gateway.url}/team-a/files/mcp`);
    expect(plain).not.toHaveProperty("access-control-allow-origin");
  });
});

describe("a request that could be understood in two ways", () => {
  const lines = (...more: string[]) =>
    ["POST /team-a/files/mcp HTTP/1.1", "host: localhost", ...more, "", "{}"].join("\r\n");
  it.each([
    { because: "two lengths", bytes: lines("content-length: 2", "content-length: 3") },
    { because: "two equal lengths", bytes: lines("content-length: 2", "content-length: 2") },
    { because: "a length and chunks", bytes: lines("content-length: 2", "transfer-encoding: chunked") },
    { because: "chunks and something else", bytes: lines("transfer-encoding: chunked, identity") },
    { because: "chunks, obscured", bytes: lines("transfer-encoding: xchunked") },
    { because: "two hosts", bytes: lines("host: other", "content-length: 2") },
    { because: "two tokens", bytes: lines("authorization: Bearer a", "authorization: Bearer b", "content-length: 2") },
    { because: "a folded header", bytes: lines("x-a: 1", " content-length: 7", "content-length: 2") },
    { because: "a space before a colon", bytes: lines("content-length : 2") },
    { because: "a bare line feed in a value", bytes: lines("x-a: 1\ntransfer-encoding: chunked", "content-length: 2") },
    {
      because: "a target of another server",
      bytes: lines("content-length: 2").replace("/team-a", "http://other/team-a"),
    },
    { because: "no host", bytes: "POST /team-a/files/mcp HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}" },
    { because: "a length below zero", bytes: lines("content-length: -1") },
  ])("is refused, and its connection ended: $because", async ({ bytes }) => {
    let reached = 0;
    await using server = await startServer((_request, response) => {
      reached += 1;
      response.end();
    });
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(bytes);
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk));
    await once(socket, "close");
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.split("HTTP/1.1 ")).toHaveLength(2);
    expect(reached).toBe(0);
  });

  it("is no request when one hides in the body of another", async () => {
    const paths: string[] = [];
    await using server = await startServer((request, response) => {
      paths.push(request.url ?? "");
      request.resume().once("end", () => response.end());
    });
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const hidden = "POST /admin HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    for (const headers of [{ "content-length": String(hidden.length) }, { "transfer-encoding": "chunked" }]) {
      await ask(`${gateway.url}/team-a/files/mcp`, { body: hidden, headers });
      await ask(`${gateway.url}/team-a/files/mcp`, { method: "GET", headers });
    }
    expect(new Set(paths)).toEqual(new Set(["/mcp"]));
  });
});
