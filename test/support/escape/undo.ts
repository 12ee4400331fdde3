import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/**
 * Undoes on the machine what a test did there, even where the test's process is killed: another process waits for the end of
 * it. Told what to undo before it is done.
 */
export class Undo implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn(process.execPath, [import.meta.filename], { stdio: ["pipe", "inherit", "inherit"] });
  }

  /** A command that is run at the end, before all that were told earlier. */
  later(...command: readonly string[]): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}

if (import.meta.main) {
  // A signal to the whole group of the tests is not the end of them yet.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  const lines = (await text(process.stdin)).split("\n").filter((line) => line !== "");
  // What failed has not been done, or is gone with something else.
  for (const line of lines.reverse()) {
    const [program = "", ...args] = JSON.parse(line) as string[];
    spawnSync(program, args, { stdio: "ignore", timeout: 30_000 });
  }
}
