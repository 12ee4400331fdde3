import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
/** More than the kernel takes on both sides, and more than a watch may leave unread of what changes. */
const OBJECTS = 30;
const TEXT = "x".repeat(900_000);

const clock = new FakeClock();
let api: TestApiServer;
let agent: Agent;
/** Timers that are set when nobody watches. */
let idle: number;

beforeAll(async () => {
  api = await startTestApiServer({ crds: [], clock });
  agent = new Agent({ connect: { ca: api.caPem } });
  for (let at = 0; at < OBJECTS; at++) await create(`c${at}`, TEXT);
  idle = clock.pending;
}, 120_000);

afterAll(async () => {
  await agent.destroy();
  await api[Symbol.asyncDispose]();
});

async function create(name: string, text: string): Promise<void> {
  const { statusCode, body } = await request(api.url + CONFIG_MAPS, {
    ...{ method: "POST", dispatcher: agent },
    headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ metadata: { name }, data: { text } }),
  });
  await body.dump();
  expect(statusCode).toBe(201);
}

/** A watch from the state of which nothing but the head was read yet. */
async function watch(): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${api.adminToken}` };
  const path = `${CONFIG_MAPS}?watch=true&resourceVersion=0`;
  const [answer] = await once(get(api.url + path, { ca: api.caPem, headers, agent: false }), "response");
  (answer as IncomingMessage).pause();
  return answer as IncomingMessage;
}

it("a watch gets a state of any size at its own pace, then what has changed meanwhile", async () => {
  const answer = await watch();
  await clock.advance(59_000);
  await create("meanwhile", "");
  const names: string[] = [];
  let rest = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    names.push(...lines.map((line) => JSON.parse(line).object.metadata.name as string));
    if (names.length > OBJECTS) break;
  }
  expect(names.slice(0, OBJECTS).toSorted()).toEqual(Array.from({ length: OBJECTS }, (_, at) => `c${at}`).sort());
  expect(names.slice(OBJECTS)).toEqual(["meanwhile"]);
}, 120_000);

it("a watch that reads nothing of the state is cut off after a minute, and not before", async () => {
  const answer = await watch();
  let isCut = false;
  answer.on("error", () => {
    isCut = true;
  });
  const timers = () => clock.pending;
  // One for the end of the watch, one for the stall.
  await eventually("the server waits for the client", () => timers() === idle + 2, {
    explain: () => `${timers()} timers, ${idle} when nobody watches`,
  });
  await clock.advance(59_000);
  expect(timers()).toBe(idle + 2);
  await clock.advance(2_000);
  expect(timers()).toBe(idle);
  answer.resume();
  await eventually("the client sees a broken answer", () => isCut);
  expect(answer.complete).toBe(false);
}, 120_000);
