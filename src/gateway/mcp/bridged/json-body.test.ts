import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, it } from "@jest/globals";
import { BodyBudget, readJsonBody } from "./json-body.ts";

const LIMIT = 8 * 1024 * 1024;

/** A request whose body the test sends. */
function incoming() {
  const body = new EventEmitter();
  const request = Object.assign(body, { headers: { "content-type": "application/json" }, destroyed: false });
  return { body, request: request as unknown as IncomingMessage, response: {} as ServerResponse };
}

it("takes little more than its bytes for a body that comes byte by byte, as a client in chunks of HTTP may send it", async () => {
  const { body, request, response } = incoming();
  const budget = new BodyBudget(LIMIT);
  const read = readJsonBody(request, response, { maxBytes: LIMIT, budget, length: undefined });
  const text = Buffer.from(JSON.stringify("x".repeat(1_000_000)));
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < text.length; at += 1) body.emit("data", text.subarray(at, at + 1));
  // As they came they took 120 MB and more.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
  body.emit("end");
  expect(await read).toEqual({ value: "x".repeat(1_000_000) });
  expect(budget.take(LIMIT)).toBe(true);
});

it("gives back what a body took that is too long, or whose client left", async () => {
  const budget = new BodyBudget(LIMIT);
  for (const last of ["data", "close"]) {
    const { body, request, response } = incoming();
    const read = readJsonBody(request, response, { maxBytes: 10, budget, length: undefined });
    body.emit("data", Buffer.alloc(10));
    body.emit(last, Buffer.alloc(1));
    expect(await read).toEqual(last === "close" ? "gone" : { failure: expect.objectContaining({ status: 413 }) });
  }
  expect(budget.take(LIMIT)).toBe(true);
});
