import { describe, expect, it } from "@jest/globals";
import { LogPosition } from "./log-position.ts";

const at = (time: string, text: string) => `2026-01-01T00:00:${time}Z ${text}`;

async function* answer(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

describe("a reader's place in a log", () => {
  it.each<{ because: string; log: string[]; tail?: number }>([
    { because: "of different seconds", log: [at("01", "a"), at("02", "b"), at("03", "c")], tail: 1 },
    { because: "of one time", log: [at("01", "a"), at("01", "b"), at("01", "c")] },
    { because: "of one millisecond", log: [at("01.0000001", "a"), at("01.00000012", "b"), at("01.0000003", "c")] },
    {
      because: "of which only the end was read",
      log: [at("01.0001", "a"), at("01.0002", "b"), at("02", "c")],
      tail: 1,
    },
    { because: "of which one was cut in two", log: [at("01", "a"), "b", at("02", "c")] },
  ])("tells each line once, however often it is read: lines $because", async ({ log, tail = 2 }) => {
    const position = new LogPosition();
    const read = async (lines: readonly string[]) =>
      (await Array.fromAsync(position.unread(answer(lines)))).map(({ text }) => text);
    const [first, second, third] = log.map((_, index) => log.slice(0, index + 1));
    expect(await read((second ?? []).slice(-tail))).toEqual(["a", "b"].slice(-tail));
    for (const again of [first, second, second]) expect(await read(again ?? [])).toEqual([]);
    expect(await read(third ?? [])).toEqual(["c"]);
    expect(await read(third ?? [])).toEqual([]);
  });

  it("is that of the last line", async () => {
    const position = new LogPosition();
    expect(position.at).toBeUndefined();
    await Array.fromAsync(position.unread(answer([at("01", "a"), at("02.5", "b")])));
    expect(position.at).toBe(Date.parse("2026-01-01T00:00:02.500Z"));
  });
});
