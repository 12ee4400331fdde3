import { execFileSync } from "node:child_process";
import { expect, it } from "@jest/globals";

/** A process that does nothing but wait. */
function waiting(module: string, clock: string): string {
  const script = `
    import { ${clock} } from "./src/${module}.ts";
    import { delay } from "./src/machinery/clock-delay.ts";
    await delay(${clock}, 20, new AbortController().signal);
    process.stdout.write("waited");
  `;
  const args = ["--no-warnings", "--input-type=module", "--eval", script];
  return execFileSync(process.execPath, args, { encoding: "utf8", timeout: 20_000, stdio: ["ignore", "pipe", "pipe"] });
}

it("keeps a command alive that waits, which the clock of services does not", () => {
  expect(waiting("cli/foreground-clock", "foregroundClock")).toBe("waited");
  // Node ends so where it awaits what nobody will bring about: https://nodejs.org/api/process.html#exit-codes
  expect(() => waiting("machinery/clock", "systemClock")).toThrow(expect.objectContaining({ status: 13 }));
});
