import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../support/api-server-process.ts", import.meta.url));

/** Our API server in a process and a directory of its own, which may be killed and started again. */
export class OwnServer implements AsyncDisposable {
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<OwnServer> {
    const server = new OwnServer(await mkdtemp(join(tmpdir(), "slipway-conformance-")));
    await server.#run();
    return server;
  }

  /** Path of the administrator's kubeconfig; its port is another one after each start. */
  get kubeconfig(): string {
    return join(this.#directory, "kubeconfig");
  }

  /** Ends the process as a crash (SIGKILL) or an orderly stop (SIGTERM) does, and starts another on the same data. */
  async restart(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    await this.stop(signal);
    await this.#run();
  }

  async stop(signal: "SIGKILL" | "SIGTERM" = "SIGTERM"): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, "exit");
    running.kill(signal);
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const started = spawn(process.execPath, ["--no-warnings", PROGRAM, join(this.#directory, "data")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = started;
    const exit = once(started, "exit").then(([code, signal]) => {
      throw new Error(`the API server ended before it answered (${code ?? signal})`);
    });
    const lines = createInterface({ input: started.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([once(lines, "line"), exit])) as [string];
    exit.catch(() => undefined);
    const { kubeconfig } = JSON.parse(line) as { kubeconfig: string };
    await writeFile(this.kubeconfig, kubeconfig, { mode: 0o600 });
  }
}
