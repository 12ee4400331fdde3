import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { type BadRequest, badRequest, FAMILY_NAMES } from "../support/bad-requests/generate.ts";
import { type RawAnswer, RawClient } from "../support/bad-requests/raw-client.ts";
import { VALID_OBJECTS } from "../support/bad-requests/valid-objects.ts";
import { eventually } from "../support/eventually.ts";
import { KillableApiServer } from "../support/killable-api-server.ts";
import { randomFrom } from "../support/random.ts";

const SEED = Number(process.env.SLIPWAY_SEED ?? 20_261_121);
const COUNT = process.env.SLIPWAY_SOAK ? 20_000 : 1_300;
const AT_ONCE = 8;
/** What a flood of bad requests may leave in memory: caches, and what is not collected yet. */
const MAX_GROWTH_MB = 300;

/** 5xx that kube-apiserver gives for the same: the recordings have them. */
const FORGIVEN_5XX: readonly RegExp[] = [
  /^etcdserver: request is too large$/,
  /^unknown patch type: /,
  /does not contain declared merge key: /,
  /^failed to create typed patch object \(/,
  /strconv\.ParseUint: parsing /,
  /^resourceVersion should not be set on objects to be created$/,
  /^Timeout: Too large resource version: /,
  /^content is not a list$/,
];

describe("thousands of bad requests", () => {
  let server: KillableApiServer;
  let client: RawClient;

  beforeAll(async () => {
    server = await KillableApiServer.start();
    const { url, caPem, token } = server.announced;
    client = new RawClient(url, caPem, token);
    for (const file of readdirSync("crds")) {
      const body = Buffer.from(JSON.stringify(parse(readFileSync(`crds/${file}`, "utf8"))));
      const target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
      await client.send(request("POST", target, body));
    }
    await eventually("the definitions are served", async () => {
      const answers = await Promise.all(VALID_OBJECTS.map(({ collection }) => client.send(request("GET", collection))));
      return answers.every(({ status }) => status === 200);
    });
    for (const { collection, object } of VALID_OBJECTS)
      expect((await client.send(request("POST", collection, Buffer.from(JSON.stringify(object))))).status).toBe(201);
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  it(`are each answered by an error that says what is wrong, or are none (${COUNT})`, async () => {
    const random = randomFrom(SEED);
    const requests = Array.from({ length: COUNT }, (_, index) => badRequest(random, index));
    const before = memoryMB(server.pid);
    const problems: string[] = [];
    const seen = new Map<string, Map<number, number>>();
    const queue = requests.entries();
    const work = async () => {
      for (const [index, bad] of queue) {
        const answer = await client.send(bad);
        const problem = problemOf(bad, answer);
        if (problem !== undefined)
          problems.push(`${index} ${bad.family}: ${problem}\n${shown(bad)}\n→ ${shownAnswer(answer)}`);
        const counts = seen.get(bad.family) ?? new Map<number, number>();
        const code = answer.status ?? 0;
        seen.set(bad.family, counts.set(code, (counts.get(code) ?? 0) + 1));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(problems.slice(0, 20)).toEqual([]);
    // A generator that makes only fine requests, or only garbage, would show nothing.
    for (const family of FAMILY_NAMES)
      expect([...(seen.get(family) ?? new Map()).keys()].some((code) => code >= 400)).toBe(true);
    expect(memoryMB(server.pid) - before).toBeLessThan(MAX_GROWTH_MB);
    const after = await client.send(request("GET", "/readyz"));
    expect(after).toMatchObject({ status: 200, body: "ok" });
  }, 900_000);
});

function request(method: string, target: string, body?: Buffer): BadRequest {
  return { family: "", method, target, headers: { "content-type": "application/json" }, body };
}

/** What is wrong with an answer, whatever the request was. */
function problemOf(bad: BadRequest, { status, headers, body }: RawAnswer): string | undefined {
  // Who cuts its own body, or speaks no HTTP, gets no answer, or a 400 of the parser.
  if (status === undefined) return bad.claimedLength === undefined ? "no answer" : undefined;
  if (status < 400) return undefined;
  const said = statusIn(headers, body);
  if (status >= 500)
    return FORGIVEN_5XX.some((known) => known.test(said?.message ?? "")) ? undefined : `HTTP ${status}`;
  if (said === undefined) return undefined;
  if (said.code !== status) return `the Status says ${said.code}`;
  if (said.message.trim() === "") return "an empty message";
  if (body.length > 1_000_000) return `an error of ${body.length} bytes`;
  if (/\bat .*\.ts:\d+|TypeError|undefined is not|is not iterable|Maximum call stack/.test(body))
    return "it tells of its own insides";
  const { blames } = bad;
  const isAboutObject = status === 422 || (status === 400 && said.message.includes("cannot be handled"));
  if (blames && isAboutObject && !blames.some((key) => body.includes(key))) return `it names none of ${blames}`;
  return undefined;
}

interface Said {
  readonly code: number;
  readonly message: string;
}

/** Undefined for the plain text of paths that are no API. */
function statusIn(headers: RawAnswer["headers"], body: string): Said | undefined {
  if (!headers["content-type"]?.startsWith("application/json")) return undefined;
  const said = JSON.parse(body) as { kind?: string } & Said;
  return said.kind === "Status" ? said : undefined;
}

function shown({ method, target, headers, body }: BadRequest): string {
  const sent = { method, target: target.slice(0, 200), headers: JSON.stringify(headers).slice(0, 200) };
  return JSON.stringify({ ...sent, body: body?.toString("utf8").slice(0, 400) });
}

function shownAnswer({ status, body }: RawAnswer): string {
  return `${status} ${body.slice(0, 600)}`;
}

function memoryMB(pid: number): number {
  const [, kilobytes = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}
