import { describe, expect, it } from "@jest/globals";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import { failureOf } from "./failure.ts";

const FORGED = "denied: \u001b[2Jall\r\nREADY \u202egone";
const PLAIN = "denied:  [2Jall READY  gone";

describe("failureOf", () => {
  it.each([
    { because: "refused", error: new TerminalError("InvalidSpec", FORGED) },
    { because: "retried", error: new TransientError("ImagePullFailed", FORGED) },
    { because: "unexpected", error: new Error(FORGED) },
  ])("quotes foreign words without what steers a terminal: $because", ({ error }) => {
    expect(failureOf(error, new AbortController().signal).message).toBe(PLAIN);
  });
});
