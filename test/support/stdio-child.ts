import { dockerBackend } from "../../src/backends/docker/docker-backend.ts";
import type { DockerConfig } from "../../src/backends/docker/docker-config.ts";
import type { Logger } from "../../src/machinery/logger.ts";

/** A controller that has a process of one client, and is killed while it has: prints a line once the process has answered. */
const [config = "", id = ""] = process.argv.slice(2);
const print = (line: string) => void process.stderr.write(`${line}\n`);
const logger: Logger = { debug: print, info: print, warn: print, error: print, child: () => logger };
const backend = dockerBackend(JSON.parse(config) as DockerConfig, logger);
const stream = await backend.attachOwn(id, AbortSignal.timeout(60_000));
stream.write("hello\n");
for await (const chunk of stream) process.stdout.write(chunk as Buffer);
