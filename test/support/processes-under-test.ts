import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { ProcessBackend } from "../../src/backends/process/process-backend.ts";
import { ProcessHost } from "../../src/backends/process/process-host.ts";
import { linuxProcesses } from "../../src/backends/process/supervisor/process-table.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { listen } from "./listen.ts";
import { recordingLogger } from "./recording-logger.ts";

/** Not /tmp, of which a sandbox shows nothing. */
const SEEN = "/var/tmp";

/** Processes and packages in a folder of their own, gone at the end with all that runs of them. */
export class ProcessesUnderTest implements AsyncDisposable {
  readonly directory: string;
  host: ProcessHost;
  readonly #logger = recordingLogger().logger;

  private constructor(directory: string) {
    this.directory = directory;
    this.host = this.openHost();
  }

  static async open(): Promise<ProcessesUnderTest> {
    const directory = await mkdtemp(join(SEEN, "slipway-processes-"));
    // Workloads run as other users.
    await chmod(directory, 0o711);
    return new ProcessesUnderTest(directory);
  }

  /** Another one on the same folders, as after a restart. */
  openHost(environment: Readonly<Record<string, string | undefined>> = process.env): ProcessHost {
    return new ProcessHost({
      stateDirectory: join(this.directory, "state"),
      sharedDirectory: join(this.directory, "shared"),
      hidden: [],
      ownUsers: process.getuid?.() === 0,
      environment,
      node: process.execPath,
      table: linuxProcesses,
      clock: systemClock,
      logger: this.#logger,
    });
  }

  backend(): ProcessBackend {
    return new ProcessBackend(this.host, this.#logger);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const backend = this.backend();
    await backend.collectOrphans(() => false, AbortSignal.timeout(60_000));
    await this.host[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const address = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return Number(address.split(":")[1]);
}
