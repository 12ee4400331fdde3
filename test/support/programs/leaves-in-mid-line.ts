import { parentPort, workerData } from "node:worker_threads";
import type { StdioTarget } from "../../../src/gateway/stdio-streams.ts";
import { openStream } from "../../../src/gateway/streams/open-stream.ts";

/** A thread that writes one line to a process, which is to be too long for it to take, and says so; to be ended within it. */
const { socketPath, target, line } = workerData as { socketPath: string; target: StdioTarget; line: string };
const stream = await openStream(socketPath, target, AbortSignal.timeout(10_000));
stream.write(line);
parentPort?.postMessage("written");
