import { run } from "../../src/cli/program.ts";

/** `slipway controller` from its sources: what ControllerProcess runs in the place of one with simulated backends. */
const [, ...flags] = process.argv.slice(2);
process.exitCode = await run(["controller", ...flags]);
