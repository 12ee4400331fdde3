import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { ask, endpointAt, reasonIn, startGatewayUnderTest, startServer } from "../../../test/support/mcp-gateway.ts";
import type { UseAccess, UseScope } from "./use-access.ts";

/** Tokens are names; `dev` may use what begins with `open`. Counts what it is asked. */
function fakeAccess() {
  const asked = { tokens: 0, uses: 0 };
  const scopes: UseScope[] = [];
  const state: { down: boolean; known: string[]; hold?: Promise<void> } = {
    down: false,
    known: ["dev", "admin", "team"],
  };
  const access: UseAccess = {
    async authenticate(token) {
      asked.tokens += 1;
      await state.hold;
      if (state.down) throw new Error("connection refused");
      return state.known.includes(token) ? { username: token, groups: ["g"] } : undefined;
    },
    async mayUse({ username }, scope) {
      asked.uses += 1;
      scopes.push(scope);
      if (state.down) throw new Error("connection refused");
      if (username === "admin") return true;
      if (username === "team") return scope.namespace === "team-a";
      return scope.name?.startsWith("open") === true;
    },
  };
  return { access, asked, state, scopes };
}

async function world(clock = new FakeClock()) {
  const fake = fakeAccess();
  const server = await startServer((_request, response) => response.end("served"));
  const endpoints = [
    endpointAt(server.url, { name: "open-a" }),
    endpointAt(server.url, { name: "closed-b" }),
    endpointAt(server.url, { name: "open-c", namespace: "team-b" }),
  ];
  const gateway = await startGatewayUnderTest(endpoints, { requireToken: true, access: fake.access, clock });
  return {
    ...fake,
    clock,
    gateway,
    call: (name: string, token?: string) =>
      ask(`${gateway.url}/team-a/${name}/mcp`, {
        body: "{}",
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

describe("with tokens", () => {
  it.each([
    { because: "none", headers: {}, challenge: 'Bearer realm="slipway"' },
    { because: "another scheme", headers: { authorization: "Basic ZGV2" }, challenge: 'Bearer realm="slipway"' },
    {
      because: "nobody's",
      headers: { authorization: "Bearer x" },
      challenge: 'Bearer realm="slipway", error="invalid_token"',
    },
    {
      because: "not one of visible ASCII",
      headers: { authorization: "Bearer \u00e9" },
      challenge: 'Bearer realm="slipway"',
    },
  ])("asks for another one: $because", async ({ headers, challenge }) => {
    await using gate = await world();
    const answered = await ask(`${gate.gateway.url}/team-a/open-a/mcp`, { body: "{}", headers });
    expect(answered.status).toBe(401);
    expect(answered.headers["www-authenticate"]).toBe(challenge);
    const listed = await ask(gate.gateway.url, { headers });
    expect(listed.status).toBe(401);
  });

  it("answers what may not be used like what does not exist", async () => {
    await using gate = await world();
    const closed = await gate.call("closed-b", "dev");
    const missing = await gate.call("closed-x", "dev");
    expect(closed.status).toBe(404);
    expect(closed.body.replaceAll("closed-b", "closed-x")).toBe(missing.body);
    const { date: _a, ...headers } = closed.headers;
    const { date: _b, ...others } = missing.headers;
    expect(headers).toEqual(others);
    // The time it takes tells nothing either: both were asked about.
    expect(gate.asked.uses).toBe(2);
    expect((await gate.call("open-a", "dev")).body).toBe("served");
  });

  it("asks once for a while, a no for a shorter one", async () => {
    await using gate = await world();
    for (const name of ["open-a", "open-a", "closed-b", "closed-b"]) await gate.call(name, "dev");
    expect(gate.asked).toEqual({ tokens: 1, uses: 2 });
    await gate.clock.advance(2_000);
    for (const name of ["open-a", "closed-b"]) await gate.call(name, "dev");
    expect(gate.asked).toEqual({ tokens: 1, uses: 3 });
    await gate.clock.advance(8_000);
    await gate.call("open-a", "dev");
    expect(gate.asked).toEqual({ tokens: 2, uses: 4 });
  });

  it("lets nobody in with a token that was revoked, after ten seconds", async () => {
    await using gate = await world();
    expect((await gate.call("open-a", "dev")).status).toBe(200);
    gate.state.known = [];
    await gate.clock.advance(10_000);
    expect((await gate.call("open-a", "dev")).status).toBe(401);
  });

  it("asks once for all that come at once", async () => {
    await using gate = await world();
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.state.hold = promise;
    const calls = Array.from({ length: 20 }, () => gate.call("open-a", "dev"));
    setTimeout(resolve, 50);
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(gate.asked).toEqual({ tokens: 1, uses: 1 });
  });

  it("goes on for a minute for those who could, and for nobody else, while the API server cannot be asked", async () => {
    await using gate = await world();
    await gate.call("open-a", "dev");
    gate.state.down = true;
    await gate.clock.advance(59_000);
    expect((await gate.call("open-a", "dev")).status).toBe(200);
    const stranger = await gate.call("open-a", "admin");
    expect([stranger.status, reasonIn(stranger), stranger.headers["retry-after"]]).toEqual([503, "AccessUnknown", "2"]);
    expect((await gate.call("closed-b", "dev")).status).toBe(503);
    await gate.clock.advance(2_000);
    expect((await gate.call("open-a", "dev")).status).toBe(503);
    expect(JSON.stringify(gate.gateway.lines)).not.toContain("Bearer");
  });

  it("lets a flood of false tokens keep out nobody who is known", async () => {
    await using gate = await world();
    await gate.call("open-a", "dev");
    await gate.clock.advance(10_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.state.hold = promise;
    const flood = Array.from({ length: 100 }, (_, index) => gate.call("open-a", `false-${index}`));
    await eventually("the flood has come", () => gate.gateway.dataPath.stats().refused === 36, { everyMs: 5 });
    const known = gate.call("open-a", "dev");
    await eventually("it is asked about", () => gate.asked.tokens === 66, { everyMs: 5 });
    resolve();
    expect((await known).status).toBe(200);
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(36);
    expect(statuses.filter((status) => status === 401)).toHaveLength(64);
  });

  it("holds a caller to its rate, and no other", async () => {
    await using gate = await world();
    let refused = 0;
    for (let turn = 0; turn < 21 && refused === 0; turn += 1) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => gate.call("open-a", "dev")));
      refused = answers.filter(({ status }) => status === 429).length;
    }
    expect(refused).toBeGreaterThan(0);
    expect((await gate.call("open-a", "admin")).status).toBe(200);
    await gate.clock.advance(1_000);
    expect((await gate.call("open-a", "dev")).status).toBe(200);
  });
});

describe("the list", () => {
  it.each([
    {
      because: "all of them",
      token: "admin",
      want: ["team-a/closed-b", "team-a/open-a", "team-b/open-c"],
      questions: 1,
    },
    { because: "those of a namespace", token: "team", want: ["team-a/closed-b", "team-a/open-a"], questions: 4 },
    { because: "single ones", token: "dev", want: ["team-a/open-a", "team-b/open-c"], questions: 6 },
  ])("holds what the caller may use: $because", async ({ token, want, questions }) => {
    await using gate = await world();
    const { status, headers, body } = await ask(gate.gateway.url, { headers: { authorization: `Bearer ${token}` } });
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    const { servers } = JSON.parse(body) as { servers: { namespace: string; name: string }[] };
    expect(servers.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(want);
    expect(gate.asked.uses).toBe(questions);
  });

  it("says of each how it is reached and how it is", async () => {
    const state = { ready: false, reason: "Stopped", message: "it is <stopped>", retryAfterSeconds: 2 } as const;
    const endpoints = [
      endpointAt("http://127.0.0.1:1/mcp"),
      endpointAt("http://127.0.0.1:1/sse", { name: "off", state }),
    ];
    await using gateway = await startGatewayUnderTest(endpoints);
    const { body } = await ask(gateway.url);
    const told = { namespace: "team-a", transport: "streamable-http", tools: 3, protocolVersion: "2025-11-25" };
    expect(JSON.parse(body)).toEqual({
      servers: [
        { ...told, name: "files", url: `${gateway.url}/team-a/files/mcp`, ready: true },
        {
          ...told,
          name: "off",
          url: `${gateway.url}/team-a/off/mcp`,
          ready: false,
          reason: "Stopped",
          message: "it is <stopped>",
        },
      ],
      truncated: false,
    });
    const page = await ask(gateway.url, { headers: { accept: "text/html,*/*;q=0.8" } });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(page.body).toContain("it is &#60;stopped&#62;");
    expect(page.body).not.toContain("<stopped>");
  });

  it("names the URL that clients use, where something stands in front", async () => {
    const options = { publicUrl: "https://mcp.example.com/tools", names: ["mcp.example.com"] };
    await using gateway = await startGatewayUnderTest([endpointAt("http://127.0.0.1:1/mcp")], options);
    expect((await ask(gateway.url)).body).toContain('"https://mcp.example.com/tools/team-a/files/mcp"');
  });
});
