import { describe, expect, it } from "@jest/globals";
import { Calls } from "./calls.ts";

function idsOfCalls(count: number): unknown[] {
  const calls = new Calls<string>();
  const add = (id: number) => calls.add("owner", { jsonrpc: "2.0", id, method: "tools/call" }, () => undefined).id;
  return Array.from({ length: count }, (_, id) => add(id));
}

describe("Calls", () => {
  it("gives ids under which nobody before has asked the same process", () => {
    const before = new Set(idsOfCalls(1_000));
    const after = idsOfCalls(1_000);
    expect(before.size).toBe(1_000);
    expect(after.filter((id) => before.has(id))).toEqual([]);
    // Some servers take ids of 32 bits, with a sign.
    expect(after.every((id) => Number.isInteger(id) && Number(id) > 0 && Number(id) < 2 ** 31)).toBe(true);
  });
});
