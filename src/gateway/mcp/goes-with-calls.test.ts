import { once } from "node:events";
import { request } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "@jest/globals";
import { bodyOf, startServer } from "../../../test/support/mcp-gateway.ts";
import { goesWithCalls } from "./goes-with-calls.ts";

const LONG = "x".repeat(200_000);

interface Posted {
  readonly method?: string;
  readonly pieces: readonly string[];
  readonly isChunked?: boolean;
}

/** What is said of a request, and its body as it is read afterwards. */
async function judged({ method = "POST", pieces, isChunked = false }: Posted) {
  const verdict = Promise.withResolvers<boolean>();
  await using server = await startServer(async (asked, response) => {
    const { "content-length": length } = asked.headers;
    verdict.resolve(await goesWithCalls(asked, length === undefined ? undefined : Number(length)));
    await turn();
    response.end(await bodyOf(asked));
  });
  const body = pieces.join("");
  const headers = isChunked ? { "transfer-encoding": "chunked" } : { "content-length": Buffer.byteLength(body) };
  const sent = request(server.url, { method, headers });
  for (const piece of pieces) {
    sent.write(piece);
    await turn();
  }
  sent.end();
  const [answer] = await once(sent, "response");
  return { goes: await verdict.promise, isWhole: (await bodyOf(answer)) === body };
}

const of = (message: object) => [JSON.stringify({ jsonrpc: "2.0", ...message })];
const ANSWER = JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} });

it.each<Posted & { because: string; goes: boolean }>([
  { because: "an answer", pieces: [ANSWER], goes: true },
  { because: "an answer with its result first", pieces: ['{"result":{},"jsonrpc":"2.0","id":1}'], goes: true },
  { because: "a refusal", pieces: of({ id: 1, error: { code: -1, message: "no" } }), goes: true },
  { because: "in pieces", pieces: [ANSWER.slice(0, 9), ANSWER.slice(9)], goes: true },
  { because: "in chunks", pieces: [ANSWER.slice(0, 9), ANSWER.slice(9)], isChunked: true, goes: true },
  { because: "a long answer", pieces: of({ id: 1, result: { text: LONG } }), goes: true },
  { because: "a long answer in chunks", pieces: [`{"result":"${LONG}`, '","id":1}'], isChunked: true, goes: true },
  { because: "a cancellation", pieces: of({ method: "notifications/cancelled", params: {} }), goes: true },
  { because: "a batch of such", pieces: [`[${ANSWER},${ANSWER}]`], goes: true },
  { because: "the end of a session", method: "DELETE", pieces: [], goes: true },
  { because: "a call", pieces: of({ id: 1, method: "tools/call" }), goes: false },
  { because: "a batch with a call", pieces: [`[${ANSWER},{"id":1,"method":"ping"}]`], goes: false },
  { because: "a long call", pieces: of({ id: 1, method: "tools/call", params: { text: LONG } }), goes: false },
  { because: "a long call that speaks of a result", pieces: of({ id: 1, params: { result: LONG } }), goes: false },
  { because: "no JSON", pieces: ["{"], goes: false },
  { because: "nothing", pieces: [], goes: false },
  { because: "nothing in chunks", pieces: [], isChunked: true, goes: false },
])("knows what goes with a call that is under way, and leaves it whole: $because", async ({ goes, ...posted }) => {
  expect(await judged(posted)).toEqual({ goes, isWhole: true });
});

it("does not wait for a client that has left", async () => {
  const verdict = Promise.withResolvers<boolean>();
  await using server = await startServer((asked) => {
    asked.on("error", () => undefined);
    verdict.resolve(goesWithCalls(asked, 100));
    sent.destroy();
  });
  const sent = request(server.url, { method: "POST", headers: { "content-length": 100 } });
  sent.on("error", () => undefined);
  sent.write("{");
  expect(await verdict.promise).toBe(false);
});
