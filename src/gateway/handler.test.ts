import { describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { TransientError } from "../machinery/errors.ts";
import type { GatewayAccess, Wanted } from "./access.ts";
import { createHandler } from "./handler.ts";
import type { LogRequestOptions } from "./log-provider.ts";

const LOG = "/-/namespaces/team-a/runtimedeployments/files/log";
const USAGE = LOG.replace(/log$/, "usage");

/** Tokens are users' names; `dev` may read logs in team-a. */
const access: GatewayAccess = {
  async authenticate(token) {
    if (token === "unreachable") throw new Error("connect ECONNREFUSED");
    return ["dev", "viewer"].includes(token) ? { username: token } : undefined;
  },
  async authorize({ username }, { namespace }) {
    return username === "dev" && namespace === "team-a";
  },
};

interface Asked extends LogRequestOptions {
  readonly namespace: string;
  readonly name: string;
  readonly signal: AbortSignal;
}

function setUp(lines: (signal: AbortSignal) => AsyncIterable<string> = () => of("one", "two"), wanted = access) {
  const asked: Asked[] = [];
  const stopping = new AbortController();
  const { logger, lines: log } = recordingLogger();
  const handler = createHandler({
    logs: {
      async logs(namespace, name, options, signal) {
        asked.push({ namespace, name, ...options, signal });
        return name === "files" ? lines(signal) : undefined;
      },
    },
    usage: {
      async usage(_, name, signal) {
        if (name === "sleepy") await new Promise((_resolve, reject) => signal.addEventListener("abort", reject));
        if (name === "broken") throw new TransientError("BackendUnavailable", "the Engine is away");
        return name === "files" ? { instances: 2, cpuMillis: 120, memoryBytes: undefined } : undefined;
      },
    },
    access: wanted,
    logger,
    host: "10.1.2.3",
    names: ["gateway.example.com"],
    stopping: stopping.signal,
  });
  const get = (path: string, { token = "dev", host = "localhost:7080", method = "GET", signal }: Partial<Ask> = {}) => {
    const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
    const headers = { host, ...authorization };
    return handler(new Request(`http://gateway${path}`, { method, headers, ...(signal ? { signal } : {}) }));
  };
  return { asked, stopping, get, log };
}

interface Ask {
  token: string;
  host: string;
  method: string;
  signal: AbortSignal;
}

async function* of(...lines: string[]): AsyncGenerator<string> {
  yield* lines;
}

/** One line, and then silence until the signal. */
async function* silent(signal: AbortSignal): AsyncGenerator<string> {
  yield "first";
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

describe("a log", () => {
  it("is told line by line, the last 100 where nothing else is asked", async () => {
    const { get, asked } = setUp();
    const response = await get(LOG);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe("one\ntwo\n");
    expect(asked).toMatchObject([{ namespace: "team-a", name: "files", tail: 100, follow: false, timestamps: false }]);
  });

  it.each([
    { because: "everything is asked", query: "?tail=-1", want: { tail: undefined, build: false } },
    { because: "its build is asked", query: "?build=true", want: { tail: 100, build: true } },
    { because: "nothing old is asked", query: "?tail=0&follow=true", want: { tail: 0, follow: true } },
    {
      because: "all is asked",
      query: "?tail=5&follow=true&timestamps=true",
      want: { tail: 5, follow: true, timestamps: true },
    },
  ])("is told as asked: $because", async ({ query, want }) => {
    const { get, asked } = setUp();
    expect((await get(LOG + query)).status).toBe(200);
    expect(asked).toMatchObject([want]);
  });

  it("is read no faster than the client reads", async () => {
    let made = 0;
    const { get } = setUp(async function* () {
      for (; ; made += 1) yield "x".repeat(20_000);
    });
    const reader = (await get(`${LOG}?follow=true`)).body?.getReader();
    for (let read = 0; read < 3; read += 1) await reader?.read();
    expect(made).toBeLessThanOrEqual(4);
    await reader?.cancel();
  });
});

describe("the use of a workload", () => {
  it("is told as JSON, without what nobody measures", async () => {
    const { get } = setUp();
    const response = await get(USAGE);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({ instances: 2, cpuMillis: 120 });
  });

  it("is not waited for when the gateway stops", async () => {
    const { get, stopping } = setUp();
    const answer = get(USAGE.replace("files", "sleepy"));
    setImmediate(() => stopping.abort());
    expect((await answer).status).toBe(503);
  });
});

describe("a request is refused when", () => {
  it.each<{ because: string; path?: string; ask?: Partial<Ask>; status: number; message: RegExp }>([
    {
      because: "another site's name points here",
      ask: { host: "evil.example.com" },
      status: 421,
      message: /Host: "evil/,
    },
    { because: "it names no host", ask: { host: "" }, status: 421, message: /Host/ },
    { because: "nothing is there", path: "/", status: 404, message: /not served/ },
    {
      because: "the path climbs",
      path: "/-/namespaces/team-a/runtimedeployments/a%2f..%2fb/log",
      status: 400,
      message: /^name: "a%2f/,
    },
    {
      because: "the namespace is none",
      path: "/-/namespaces/Team_A/runtimedeployments/a/log",
      status: 400,
      message: /^namespace: "Team_A"/,
    },
    { because: "it would change something", ask: { method: "DELETE" }, status: 405, message: /use GET/ },
    { because: "it has no token", ask: { token: "" }, status: 401, message: /bearer token is needed/ },
    { because: "its token is nobody's", ask: { token: "stale" }, status: 401, message: /revoked or have expired/ },
    {
      because: "its user may not",
      ask: { token: "viewer" },
      status: 403,
      message: /user "viewer" cannot get runtimedeployments\/log "files"/,
    },
    { because: "its user may only elsewhere", path: LOG.replace("team-a", "team-b"), status: 403, message: /"team-b"/ },
    {
      because: "nobody can say who it is",
      ask: { token: "unreachable" },
      status: 503,
      message: /could not ask the API server/,
    },
    {
      because: "there is no such deployment",
      path: LOG.replace("files", "nix"),
      status: 404,
      message: /"nix" in namespace "team-a"/,
    },
    {
      because: "nothing of it is built",
      path: `${LOG.replace("files", "nix")}?build=true`,
      status: 404,
      message: /no build of runtimedeployment "nix" in namespace "team-a"; only what has spec\.source\.git is built/,
    },
    {
      because: "its user may not see its build, either",
      path: `${LOG}?build=true`,
      ask: { token: "viewer" },
      status: 403,
      message: /user "viewer" cannot get runtimedeployments\/log "files"/,
    },
    {
      because: "its user may not know its use",
      path: USAGE,
      ask: { token: "viewer" },
      status: 403,
      message: /user "viewer" cannot get runtimedeployments\/usage "files"/,
    },
    {
      because: "nothing of it uses anything",
      path: USAGE.replace("files", "nix"),
      status: 404,
      message: /"nix" in namespace "team-a"/,
    },
    {
      because: "its place cannot say",
      path: USAGE.replace("files", "broken"),
      status: 503,
      message: /what "broken" uses is not known: the Engine is away/,
    },
    { because: "tail is no number", path: `${LOG}?tail=many`, status: 400, message: /^tail: "many" .*0 to 1000000/ },
    { because: "tail is negative", path: `${LOG}?tail=-5`, status: 400, message: /^tail: "-5"/ },
    { because: "tail is immense", path: `${LOG}?tail=99999999`, status: 400, message: /^tail:/ },
    { because: "a flag is no flag", path: `${LOG}?follow=yes`, status: 400, message: /^follow: "yes" is neither/ },
    { because: "a parameter is misspelt", path: `${LOG}?lines=5`, status: 400, message: /"lines" is not known/ },
    {
      because: "a parameter comes twice",
      path: `${LOG}?tail=5&tail=6`,
      status: 400,
      message: /^tail: is given more than once/,
    },
  ])("$because", async ({ path = LOG, ask = {}, status, message }) => {
    const { get } = setUp();
    const response = await get(path, ask);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      kind: "Status",
      status: "Failure",
      code: status,
      message: expect.stringMatching(message),
    });
    expect(response.headers.has("www-authenticate")).toBe(status === 401);
  });

  it.each([
    { because: "loopback", host: "127.0.0.1:7080" },
    { because: "loopback of IPv6", host: "[::1]:7080" },
    { because: "the address that it listens on", host: "10.1.2.3" },
    { because: "a name that was given, in any case and with its last dot", host: "Gateway.Example.com.:80" },
  ])("but not by the name of $because", async ({ host }) => {
    const { get } = setUp();
    expect((await get(LOG, { host })).status).toBe(200);
  });

  it("the user has 16 open, until one ends", async () => {
    const { get, asked } = setUp(silent);
    const open = await Promise.all(Array.from({ length: 16 }, () => get(`${LOG}?follow=true`)));
    const refused = await get(LOG);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    await open[0]?.body?.cancel();
    expect(asked[0]?.signal.aborted).toBe(true);
    const response = await get(LOG);
    expect(response.status).toBe(200);
    await Promise.all([response, ...open.slice(1)].map(({ body }) => body?.cancel()));
  });
});

it("asks the API server about 64 tokens at once, not more", async () => {
  let asked = 0;
  const { get } = setUp(undefined, {
    ...access,
    authenticate: () => {
      asked += 1;
      return new Promise(() => undefined);
    },
  });
  for (let index = 0; index < 64; index += 1) void get(LOG, { token: `t${index}` });
  expect((await get(LOG)).status).toBe(429);
  expect(asked).toBe(64);
});

describe("a log that is followed", () => {
  it("ends when the gateway stops", async () => {
    const { get, stopping, asked } = setUp(silent);
    const response = await get(`${LOG}?follow=true`);
    setImmediate(() => stopping.abort());
    expect(await response.text()).toBe("first\n");
    expect(asked[0]?.signal.aborted).toBe(true);
  });

  it("ends when the client goes, also where its source never ends", async () => {
    const client = new AbortController();
    const { get, asked } = setUp(async function* () {
      yield "first";
      await new Promise(() => undefined);
    });
    const response = await get(`${LOG}?follow=true`, { signal: client.signal });
    setImmediate(() => client.abort());
    expect(await response.text()).toBe("first\n");
    expect(asked[0]?.signal.aborted).toBe(true);
  });

  it("sends a line as soon as it is there, and those that come together as one", async () => {
    const next = Promise.withResolvers<void>();
    const { get } = setUp(async function* () {
      yield* ["one", "two"];
      await next.promise;
      yield "three";
    });
    const reader = (await get(`${LOG}?follow=true`)).body?.getReader();
    const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(await read()).toBe("one\ntwo\n");
    next.resolve();
    expect(await read()).toBe("three\n");
  });

  it("is cut, and not ended well, where its source fails", async () => {
    const { get, log } = setUp(async function* () {
      yield "first";
      throw new Error("the Engine went away");
    });
    const reader = (await get(`${LOG}?follow=true`)).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("first\n");
    await expect(reader?.read()).rejects.toThrow();
    expect(log).toMatchObject([{ level: "warn", fields: { namespace: "team-a", name: "files" } }]);
  });
});

it("asks for the right of just that log", async () => {
  const wanted: Wanted[] = [];
  const { get } = setUp(undefined, {
    ...access,
    authorize: async (_, what) => wanted.push(what) > 0,
  });
  await get(LOG);
  expect(wanted).toEqual([{ namespace: "team-a", name: "files", subresource: "log" }]);
});

it("tells nothing of its own failures", async () => {
  const { get, log } = setUp(() => {
    throw new Error("s3cret");
  });
  const response = await get(LOG);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("s3cret");
  expect(log).toMatchObject([{ level: "error" }]);
});
