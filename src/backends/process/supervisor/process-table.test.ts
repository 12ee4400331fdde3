import { describe, expect, it } from "@jest/globals";
import { linuxProcesses, parseStat } from "./process-table.ts";

describe("a line of /proc/PID/stat", () => {
  const rest = "S 10 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1000 200";

  it.each([
    { because: "an ordinary name", name: "node" },
    { because: "a name with blanks and a parenthesis", name: "a) R 1 1 (b" },
  ])("is read: $because", ({ name }) => {
    const want = { pid: 42, parent: 10, group: 42, session: 42, startTicks: 9876, state: "S" };
    expect(parseStat(`42 (${name}) ${rest}`)).toEqual(want);
  });

  it.each([
    { because: "empty", text: "" },
    { because: "cut off", text: "42 (node) S 10" },
    { because: "no pid", text: `x (node) ${rest}` },
  ])("is none: $because", ({ text }) => {
    expect(parseStat(text)).toBeUndefined();
  });
});

describe("the processes of this machine", () => {
  it("have this one among them, with its parent", async () => {
    const own = (await linuxProcesses.list()).find(({ pid }) => pid === process.pid);
    expect(own).toMatchObject({ parent: process.ppid });
    expect(await linuxProcesses.userOf(process.pid)).toBe(process.getuid?.());
  });

  it("do not have one that is gone", async () => {
    expect(await linuxProcesses.get(2 ** 22 + 1)).toBeUndefined();
    expect(await linuxProcesses.hasVariable(2 ** 22 + 1, "A=b")).toBe(false);
  });
});
