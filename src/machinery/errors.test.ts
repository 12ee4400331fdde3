import { describe, expect, it } from "@jest/globals";
import { ApiError } from "./client.ts";
import { attempt, type Outcome, TerminalError, TransientError, toResult } from "./errors.ts";

const fail = (error: unknown) => async (): Promise<Outcome> => {
  throw error;
};

describe("attempt", () => {
  it("answers what the work answers", async () => {
    expect(await attempt(async () => ({ kind: "settled" }))).toEqual({ kind: "settled" });
  });

  it("tells what needs a person from what heals", async () => {
    const terminal = new TerminalError("InvalidSpec", "no");
    const transient = new TransientError("ImagePullFailed", "later");
    expect(await attempt(fail(terminal))).toEqual({ kind: "stalled", error: terminal });
    expect(await attempt(fail(transient))).toEqual({ kind: "failed", error: transient });
    expect(await attempt(fail("text"))).toEqual({ kind: "failed", error: "text" });
  });

  it("passes on what says nothing about the object", async () => {
    const conflict = new ApiError({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "",
      reason: "Conflict",
      code: 409,
    });
    await expect(attempt(fail(conflict))).rejects.toBe(conflict);
    await expect(attempt(fail(new Error("stop")), AbortSignal.abort())).rejects.toThrow("stop");
  });
});

describe("toResult", () => {
  it("asks for what the outcome says", () => {
    expect(toResult({ kind: "settled" })).toEqual({});
    expect(toResult({ kind: "waiting", reason: "Applying", requeueAfterMs: 1_000 })).toEqual({ requeueAfterMs: 1_000 });
  });

  it("throws what the controller judges", () => {
    const error = new TerminalError("InvalidSpec", "no");
    expect(() => toResult({ kind: "stalled", error })).toThrow(error);
    expect(() => toResult({ kind: "failed", error: new Error("x") })).toThrow("x");
  });
});

describe("errors", () => {
  it("keep their cause and their wish", () => {
    const cause = new Error("SDK");
    expect(new TerminalError("R", "m", { cause })).toMatchObject({ reason: "R", message: "m", cause });
    expect(new TransientError("R", "m", { cause, retryAfterMs: 5 })).toMatchObject({ cause, retryAfterMs: 5 });
    expect("cause" in new TransientError("R", "m")).toBe(false);
  });
});
