import { describe, expect, it } from "@jest/globals";
import { callArguments } from "./call-arguments.ts";
import { UsageError } from "./usage-error.ts";

describe("the arguments of a call", () => {
  it("are a JSON object", () => {
    expect(callArguments({ text: '{"a": [1, null], "__proto__": 2}', origin: "--args" })).toMatchObject({
      a: [1, null],
    });
  });

  it.each([
    ["", "--args: is no JSON: line 1, column 1: ValueExpected"],
    ["{message: 1}", "--args: is no JSON: line 1, column 2: InvalidSymbol"],
    ['{\n  "a": 1,\n  "b": \n}', "--args: is no JSON: line 4, column 1: ValueExpected"],
    ['{"a": 1} // no', "--args: is no JSON: line 1, column 10: InvalidCommentToken"],
    ['{"a": "x}', "--args: is no JSON: line 1, column 7: UnexpectedEndOfString"],
    ["[1]", "--args: is an array; write a JSON object"],
    ["null", "--args: is null; write a JSON object"],
    ['"text"', "--args: is a string; write a JSON object"],
    ["7", "--args: is a number; write a JSON object"],
  ])("are not %j", (text, message) => {
    const read = () => callArguments({ text, origin: "--args" });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});
