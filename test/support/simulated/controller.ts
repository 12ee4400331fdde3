import { run } from "../../../src/cli/program.ts";
import { simulatedParts } from "./simulated-driver.ts";

/**
 * `slipway controller` with RuntimeBackends of type `simulated` beside its own: `node controller.ts SOCKET FLAG…`, the socket
 * of a SimulatedPlace and all that `slipway controller` takes.
 */
const [socketPath, ...flags] = process.argv.slice(2);
if (socketPath === undefined) throw new Error("usage: controller.ts SOCKET [FLAG...]");
process.exitCode = await run(["controller", ...flags], simulatedParts(socketPath));
