import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "@jest/globals";
import SlowestFirst, { SLOWEST } from "./slowest-first.ts";

const ROOT = resolve(import.meta.dirname, "../..");

it("names files that there are", () => {
  expect(SLOWEST.filter((file) => !existsSync(resolve(ROOT, file)))).toEqual([]);
});

it("begins with the slowest, and leaves the others as Jest has them", async () => {
  const [slowest = "", second = ""] = SLOWEST;
  const sequencer = new SlowestFirst({ contexts: [], globalConfig: {} as never });
  sequencer._getCache = () => ({});
  const sizes = { "src/small.test.ts": 1, "src/large.test.ts": 2, [second]: 3, [slowest]: 1 };
  const tests = Object.entries(sizes).map(([path, size]) => ({
    path: resolve(ROOT, path),
    context: { hasteFS: { getSize: () => size } },
  }));
  const sorted = await sequencer.sort(tests as never);
  expect(sorted.map(({ path }) => path)).toEqual(
    [slowest, second, "src/large.test.ts", "src/small.test.ts"].map((path) => resolve(ROOT, path)),
  );
});
