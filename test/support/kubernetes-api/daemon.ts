import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "undici";
import { eventually } from "../eventually.ts";

/** Of what it said, the end. */
const MAX_SAID = 20_000;
/** A machine that does other things, too. */
const START_TIMEOUT_MS = 120_000;

/** A server that runs beside this process, and says why where it does not. */
export class Daemon implements AsyncDisposable {
  readonly #program: string;
  readonly #process: ChildProcess;
  #said = "";

  private constructor(program: string, child: ChildProcess) {
    this.#program = program;
    this.#process = child;
    const hear = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString("utf8")).slice(-MAX_SAID);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", (error) => hear(Buffer.from(error.message)));
  }

  static start(program: string, args: readonly string[]): Daemon {
    return new Daemon(program, spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] }));
  }

  /** Waits until `url` answers 200. @throws {Error} with what it said, where that does not come. */
  async answers(url: string, ca?: string): Promise<void> {
    const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    const look = async () => {
      if (this.#hasEnded) return true;
      const { statusCode, body } = await request(url, { dispatcher });
      await body.dump();
      return statusCode === 200;
    };
    const patience = { timeoutMs: START_TIMEOUT_MS, explain: () => this.#said };
    await eventually(`${this.#program} answers`, look, patience).finally(() => dispatcher.destroy());
    if (this.#hasEnded) throw new Error(`${this.#program} has ended:\n${this.#said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  get #hasEnded(): boolean {
    const { exitCode, signalCode, pid } = this.#process;
    return exitCode !== null || signalCode !== null || pid === undefined;
  }
}
