import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Kubectl } from "./kubectl.ts";
import { removeLeft, seenByProcesses } from "./left-processes.ts";
import { secretWatch } from "./secrets/secret-watch.ts";

const SLIPWAY = join(import.meta.dirname, "../../bin/slipway");
/** The most that is kept of what a server says. */
const OUTPUT_BYTES = 4 * 1024 * 1024;
const READY_MS = 60_000;
const DRAIN_MS = 60_000;

export interface Endpoints {
  readonly api: string;
  readonly gateway: string;
  readonly metrics: string;
}

export interface UpOptions {
  /** Absent: a new folder that goes with the process object. */
  readonly dataDir?: string;
  /** After the usual ones. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * `./bin/slipway up`, the real program, on free ports. It may be started, ended and killed any number of times; its data
 * directory stays until `dispose`.
 */
export class SlipwayProcess implements AsyncDisposable {
  readonly dataDir: string;
  readonly kubectl: Kubectl;
  readonly #options: UpOptions;
  readonly #ownDataDir: boolean;
  #child: ChildProcess | undefined;
  #output = "";
  /** What its processes see, where that is outside of its own data directory: known once it has started. */
  #seenByProcesses: string | undefined;
  /** Kept once it was chosen, since it is part of what clients are told in every status. */
  #gatewayPort = "0";

  constructor(options: UpOptions = {}) {
    this.#options = options;
    this.#ownDataDir = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "slipway-e2e-"));
    this.kubectl = new Kubectl(join(this.dataDir, "kubeconfig"));
  }

  /** Starts it, and waits until it says that it is ready. @throws {Error} with all that it said. */
  async start(): Promise<this> {
    const child = this.spawn();
    let said = "";
    const ready = new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk: Buffer) => {
        said += chunk.toString("utf8");
        if (/(ready|listens):.*\n/.test(said)) resolve();
      });
    });
    const ended = once(child, "exit").then(([code, signal]) => {
      throw new Error(`slipway up ended with ${code ?? signal} before it was ready:\n${this.#output}`);
    });
    const late = sleep(READY_MS, undefined, { ref: false }).then(() => {
      throw new Error(`slipway up was not ready within ${READY_MS} ms:\n${this.#output}`);
    });
    await Promise.race([ready, ended, late]);
    ended.catch(() => undefined);
    late.catch(() => undefined);
    await this.heard(said);
    this.#gatewayPort = new URL(this.endpoints.gateway).port;
    if (this.#ownDataDir && process.getuid?.() === 0) this.#seenByProcesses ??= await this.#placeOfProcesses();
    return this;
  }

  /** Starts it without waiting for anything. */
  spawn(): ChildProcess {
    if (this.#child) throw new Error("slipway up runs already");
    const listeners = ["--metrics-listen", "127.0.0.1:0", "--gateway-listen", `127.0.0.1:${this.#gatewayPort}`];
    // Debug lines are read, too, where there is something that they must not show.
    const level = secretWatch.isAwake ? ["--log-level", "debug"] : [];
    const args = [...this.program(), ...listeners, ...level, ...(this.#options.args ?? [])];
    const child = spawn(SLIPWAY, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.#options.env },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString("utf8")).slice(-OUTPUT_BYTES);
      });
    }
    child.once("exit", () => {
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** All that it wrote to standard output and error, over all its starts. */
  get output(): string {
    return this.#output;
  }

  get endpoints(): Endpoints {
    return JSON.parse(readFileSync(join(this.dataDir, "endpoints.json"), "utf8")) as Endpoints;
  }

  /** As power loss would end it: nothing is drained or written any more. */
  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to drain. Answers its exit code. @throws {Error} when it takes longer than a minute. */
  async terminate(): Promise<number | null> {
    return await this.#end("SIGTERM");
  }

  /** Another command of the same program, with this server's kubeconfig. */
  async command(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { ...process.env, KUBECONFIG: this.kubectl.kubeconfig };
    return await new Promise((resolve) => {
      execFile(SLIPWAY, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
        resolve({ code, stdout, stderr });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
    if (this.#seenByProcesses !== undefined) await removeLeft(this.#seenByProcesses);
    if (this.#ownDataDir) rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Adds a user of these groups. Answers the path of their kubeconfig. */
  async addUser(name: string, groups: readonly string[]): Promise<string> {
    const flags = groups.flatMap((group) => ["--group", group]);
    const added = await this.command("user", "add", name, ...flags, "--data-dir", this.dataDir);
    if (added.code !== 0) throw new Error(added.stderr);
    const file = join(this.dataDir, `${name}.kubeconfig`);
    writeFileSync(file, added.stdout, { mode: 0o600 });
    return file;
  }

  /** What it is started as. */
  protected program(): readonly string[] {
    return ["up", "--data-dir", this.dataDir, "--listen", "127.0.0.1:0"];
  }

  /** Told what it has said, once it is ready. */
  protected async heard(_said: string): Promise<void> {
    // `slipway up` writes down where it listens.
  }

  async #placeOfProcesses(): Promise<string> {
    const uid = await this.kubectl.run(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    return seenByProcesses(uid, this.dataDir);
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    const exit = once(child, "exit", { signal: AbortSignal.timeout(DRAIN_MS) });
    child.kill(signal);
    try {
      const [code] = (await exit) as [number | null];
      return code;
    } catch (cause) {
      child.kill("SIGKILL");
      throw new Error(`slipway up did not end within ${DRAIN_MS} ms of ${signal}:\n${this.#output}`, { cause });
    }
  }
}
