import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./controller.ts", import.meta.url));
const SHIFTED_CLOCK = fileURLToPath(new URL("./shifted-clock.mjs", import.meta.url));
/** The most that is kept of what a controller says, in characters. */
const SAID_LENGTH = 1024 * 1024;

export interface ControllerProcessOptions {
  readonly kubeconfig: string;
  /** Of the SimulatedPlace. */
  readonly socketPath: string;
  /** After those that name the API and free ports. */
  readonly flags?: readonly string[];
  /** Options of Node; by default those of bin/slipway. */
  readonly nodeFlags?: readonly string[];
  /** How far its clock is ahead of the machine's, in milliseconds. */
  readonly shiftedByMs?: number;
  /** What is run by Node: a bundle of `controller.ts`, which takes the memory of what users run. Default: that itself. */
  readonly program?: string;
}

/** As in bin/slipway. */
export const NODE_FLAGS = [
  "--max-semi-space-size=4",
  "--heap-growing-percent=30",
  "--disable-warning=ExperimentalWarning",
];
const MEMORY = { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "1048576", MALLOC_MMAP_THRESHOLD_: "1048576" };

/** A controller in a process of its own, with RuntimeBackends of type `simulated`. */
export class ControllerProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #said = "";
  #metricsUrl: string | undefined;
  #gatewayUrl: string | undefined;

  private constructor(options: ControllerProcessOptions) {
    const { kubeconfig, socketPath, flags = [], nodeFlags = NODE_FLAGS, program = PROGRAM, shiftedByMs = 0 } = options;
    const listeners = ["--gateway-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    const clock = shiftedByMs === 0 ? [] : ["--import", SHIFTED_CLOCK];
    const args = [...nodeFlags, ...clock, program, socketPath, "--kubeconfig", kubeconfig, ...listeners, ...flags];
    this.#child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...MEMORY, SHIFTED_BY_MS: String(shiftedByMs) },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#said = (this.#said + String(chunk)).slice(-SAID_LENGTH);
      });
    }
  }

  /** Resolves when it listens, which is before its caches are filled. @throws {Error} with all that it said when it ends before. */
  static async start(options: ControllerProcessOptions): Promise<ControllerProcess> {
    const made = new ControllerProcess(options);
    const ended = once(made.#child, "close").then(([code, signal]) => {
      throw new Error(`the controller ended with ${code ?? signal}:\n${made.#said}`);
    });
    ended.catch(() => undefined);
    const ready = made.#ready();
    await Promise.race([ready, ended]);
    return made;
  }

  async #ready(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stdout })) {
      const found = /listens: gateway ([^\s,]+), metrics ([^\s,]+)/.exec(line);
      if (!found) continue;
      [, this.#gatewayUrl, this.#metricsUrl] = found;
      this.#child.stdout.resume();
      return;
    }
    // It ended, which is told by whoever waits for that.
    await new Promise(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it wrote to standard output and error. */
  get said(): string {
    return this.#said;
  }

  get gatewayUrl(): string {
    return this.#gatewayUrl ?? "";
  }

  /** Of `/metrics`, `/healthz` and `/readyz`. */
  get metricsUrl(): string {
    return this.#metricsUrl ?? "";
  }

  /** The exit code, or the signal that ended it. */
  get ended(): number | NodeJS.Signals | undefined {
    return this.#child.exitCode ?? this.#child.signalCode ?? undefined;
  }

  /** The sum of all series of this name whose labels contain `labels`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await (await fetch(`${this.metricsUrl}/metrics`)).text(), name, labels);
  }

  /** User and system time that it has used, in seconds: what a busy machine blurs least. */
  async cpuSeconds(): Promise<number> {
    const fields = (await readFile(`/proc/${this.pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
    // Fields 14 and 15 of proc(5), in hundredths of a second on every Linux.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Resident memory, now or at its most since the start or `forgetPeak`, in MB of 1,000,000 bytes. */
  async memoryMB(which: "now" | "peak" = "now"): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    const field = which === "now" ? "VmRSS" : "VmHWM";
    return (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024) / 1e6;
  }

  /** From now on the peak is that of what comes; proc(5) on clear_refs. */
  async forgetPeak(): Promise<void> {
    await writeFile(`/proc/${this.pid}/clear_refs`, "5");
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** Of a text in the Prometheus format: the sum of all series of this name whose labels contain `labels`. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) continue;
    if (wanted.every((each) => line.includes(each))) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}
