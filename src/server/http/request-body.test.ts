import { PassThrough } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MAX_BODY_BYTES, readBody } from "./request-body.ts";

function reading({ isCrowded = () => false, headers = {} }: { isCrowded?: () => boolean; headers?: object } = {}) {
  const clock = new FakeClock();
  const body = new PassThrough();
  const http = { method: "POST", path: "/", query: new URLSearchParams(), headers: { ...headers }, body };
  const answer = readBody({ ...http, patience: { clock, isCrowded } });
  // Looked at later in most tests.
  answer.catch(() => undefined);
  return { clock, body, answer };
}

describe("a body", () => {
  it("is read whole, in whatever pieces it comes", async () => {
    const { clock, body, answer } = reading();
    for (const piece of ["a", "b", "c"]) body.write(piece);
    body.end();
    expect(await answer).toBe("abc");
    expect(clock.pending).toBe(0);
  });

  it.each([
    { because: "its head says so", headers: { "content-length": String(MAX_BODY_BYTES + 1) }, bytes: 0 },
    { because: "it turns out so", headers: {}, bytes: MAX_BODY_BYTES + 1 },
  ])("is refused where it is too long: $because", async ({ headers, bytes }) => {
    const { body, answer } = reading({ headers });
    body.write(Buffer.alloc(bytes));
    await expect(answer).rejects.toMatchObject({ code: 413 });
  });

  it("is refused where its client breaks off", async () => {
    const { body, answer } = reading();
    body.destroy(new Error("gone"));
    await expect(answer).rejects.toMatchObject({ code: 400 });
  });

  it("may take its time while nobody waits", async () => {
    const { clock, body, answer } = reading();
    body.write("a");
    await clock.advance(50_000);
    body.end("b");
    expect(await answer).toBe("ab");
  });

  it("has five seconds where others wait, and is given up after that, to be sent again", async () => {
    const { clock, body, answer } = reading({ isCrowded: () => true });
    let isGivenUp = false;
    answer.catch(() => {
      isGivenUp = true;
    });
    body.write("a");
    await clock.advance(4_900);
    expect(isGivenUp).toBe(false);
    await clock.advance(100);
    await expect(answer).rejects.toMatchObject({ code: 429, status: { details: { retryAfterSeconds: 1 } } });
  });

  it("is given up soon after others begin to wait", async () => {
    let isCrowded = false;
    const { clock, answer } = reading({ isCrowded: () => isCrowded });
    await clock.advance(20_000);
    isCrowded = true;
    await clock.advance(1_000);
    await expect(answer).rejects.toMatchObject({ code: 429 });
    expect(clock.pending).toBe(0);
  });
});
