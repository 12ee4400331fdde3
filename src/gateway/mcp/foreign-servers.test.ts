import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { listen } from "../../../test/support/listen.ts";
import { ask, endpointAt, reasonIn, startGatewayUnderTest, startServer } from "../../../test/support/mcp-gateway.ts";
import { temporaryCertificates } from "../../server/http/certificates.ts";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** A server that answers who asked, and a deployment that leads to it by that URL. */
async function foreign(urlOf: (port: string) => string, allowedCidrs: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const asked: string[] = [];
  const server = stack.use(
    await startServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(JSON.stringify(request.headers));
    }),
  );
  const url = urlOf(new URL(server.url).port);
  const endpoint = endpointAt(url, { allowedCidrs, headers: { Authorization: "Bearer theirs" } });
  const gateway = stack.use(await startGatewayUnderTest([endpoint]));
  const call = (headers = {}) => ask(`${gateway.url}/team-a/files/mcp`, { body: "{}", headers });
  return { ...{ call, asked, gateway, url, endpoint }, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("a server that somebody else runs", () => {
  it.each([
    { because: "a range has its address", url: (port: string) => `http://127.0.0.1:${port}/mcp?key=1` },
    { because: "a range has what its name stands for", url: (port: string) => `http://localhost:${port}/mcp?key=1` },
  ])("is reached where $because", async ({ url }) => {
    await using use = await foreign(url, LOOPBACK);
    const { status, body } = await use.call({ authorization: "Bearer mine" });
    expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 200, authorization: "Bearer theirs" });
    expect(use.asked).toEqual(["/mcp?key=1"]);
  });

  it.each([
    { because: "its address is closed", host: "127.0.0.1" },
    { because: "its name stands for a closed one", host: "localhost" },
    { because: "it is decimal", host: "2130706433" },
    { because: "it is hexadecimal", host: "0x7f000001" },
    { because: "it is octal", host: "0177.0.0.1" },
    { because: "it is short", host: "127.1" },
    { because: "it is this machine to Linux", host: "0.0.0.0" },
    { because: "it is in wide digits", host: "１２７.0.0.1" },
    { because: "IPv6 maps it", host: "[::ffff:127.0.0.1]" },
    { because: "it is loopback by IPv6", host: "[::1]" },
    { because: "another loopback is open", host: "127.0.0.1", allowedCidrs: ["::1/128", "127.0.0.2/32"] },
    { because: "everything does not mean metadata", host: "169.254.169.254", allowedCidrs: ["0.0.0.0/0"] },
  ])("is not asked where $because", async ({ host, allowedCidrs = [] }) => {
    await using use = await foreign((port) => `http://${host}:${port}/mcp?token=hush`, allowedCidrs);
    const answered = await use.call();
    expect([answered.status, reasonIn(answered)]).toEqual([502, "AddressNotAllowed"]);
    const told = new URL(use.url).hostname.replace(/[[\]]/g, "");
    expect(answered.body).toContain(`${told} has no address that may be dialled from here`);
    expect(answered.body).toContain("spec.remote.allowedCidrs of its RuntimeBackend");
    expect(answered.body).not.toMatch(/hush|theirs/);
    expect(use.asked).toEqual([]);
  });

  it("keeps no connection to what is allowed no longer", async () => {
    await using use = await foreign((port) => `http://127.0.0.1:${port}/mcp`, LOOPBACK);
    expect((await use.call()).status).toBe(200);
    use.gateway.directory.receive([endpointAt(use.url, { allowedCidrs: [] })], []);
    expect(reasonIn(await use.call())).toBe("AddressNotAllowed");
    expect(use.asked).toHaveLength(1);
  });

  it.each([301, 302, 303, 307, 308])("does not lead on by %d", async (status) => {
    await using server = await startServer((_, response) => {
      response.writeHead(status, { location: "http://169.254.169.254/?token=hush" }).end();
    });
    const endpoint = endpointAt(server.url, { allowedCidrs: LOOPBACK });
    await using gateway = await startGatewayUnderTest([endpoint]);
    const answered = await ask(`${gateway.url}/team-a/files/mcp`, { body: "{}" });
    expect([answered.status, reasonIn(answered)]).toEqual([502, "UpstreamInvalid"]);
    expect(answered.headers.location).toBeUndefined();
    expect(answered.body).toContain("redirect, which is not followed");
    expect(answered.body).not.toContain("hush");
  });

  it("does not lead on a client of another era either", async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(307, { location: "http://169.254.169.254/?token=hush" }).end();
    });
    const endpoint = { ...endpointAt(server.url, { allowedCidrs: LOOPBACK }), protocolVersion: "2026-07-28" };
    await using gateway = await startGatewayUnderTest([endpoint]);
    const client = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: client });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const answered = await ask(`${gateway.url}/team-a/files/mcp`, { body, headers });
    expect(answered.headers.location).toBeUndefined();
    expect(answered.body).toContain("redirect, which is not followed");
    expect(answered.body).not.toContain("hush");
  });

  it("is not trusted with a certificate that nobody signed", async () => {
    const { certificatePem, keyPem } = await temporaryCertificates(["localhost"], new Date());
    const asked: string[] = [];
    const server = createTlsServer({ cert: certificatePem, key: keyPem }, (request, response) => {
      asked.push(request.url ?? "");
      response.end();
    });
    await listen(server);
    try {
      const { port } = server.address() as AddressInfo;
      const endpoint = endpointAt(`https://localhost:${port}/mcp`, { allowedCidrs: LOOPBACK });
      await using gateway = await startGatewayUnderTest([endpoint]);
      const answered = await ask(`${gateway.url}/team-a/files/mcp`, { body: "{}" });
      expect([answered.status, reasonIn(answered)]).toEqual([502, "UpstreamNotTrusted"]);
      expect(asked).toEqual([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("is told of where its name is not known", async () => {
    await using use = await foreign(() => "http://no-such-host.invalid/mcp", LOOPBACK);
    const answered = await use.call();
    expect([answered.status, reasonIn(answered)]).toEqual([502, "UpstreamUnreachable"]);
  });
});
