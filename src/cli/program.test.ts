import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { run } from "./program.ts";
import { version } from "./version.ts";

afterEach(() => {
  jest.restoreAllMocks();
});

describe("the command line", () => {
  it.each(["version", "--version"])("tells its version by %s", async (word) => {
    const write = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await run([word])).toBe(0);
    expect(write.mock.calls).toEqual([[`slipway ${version()} (node ${process.versions.node})\n`]]);
  });
});
