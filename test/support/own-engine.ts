import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { eventually } from "./eventually.ts";
import type { NetworkNamespace } from "./network-namespace.ts";
import { requireTool } from "./tool.ts";

export interface OwnEngineOptions {
  /** Where it runs instead of the machine's own network, with iptables and bridges as any Engine has them. */
  readonly network?: NetworkNamespace;
  /** Further flags of dockerd. */
  readonly args?: readonly string[];
}

/**
 * A Docker Engine of the test's own, which may be stopped, killed and started again without harm to others. It keeps its
 * hands off iptables, so that it does not meet the machine's own Engine there; published ports go through its proxies.
 */
export class OwnEngine implements AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly client: Docker;
  /**
   * An Engine without a default bridge of its own would remove docker0, which is the machine's Engine's. So would one with
   * address pools of its own, when it starts again; without, it takes ranges that nobody on the machine has.
   */
  readonly #bridge = `slwy${process.pid}`;
  readonly #options: OwnEngineOptions;
  #child: ChildProcess | undefined;

  constructor(options: OwnEngineOptions = {}) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), "slipway-engine-"));
    this.socket = join(this.folder, "docker.sock");
    // The configuration of the machine's own Engine is not for this one.
    writeFileSync(join(this.folder, "daemon.json"), "{}");
    if (!options.network) {
      ip("link", "add", this.#bridge, "type", "bridge");
      ip("address", "add", `10.218.${process.pid % 256}.1/24`, "dev", this.#bridge);
      ip("link", "set", this.#bridge, "up");
    }
    this.client = new Docker({ socketPath: this.socket });
  }

  /** What a RuntimeBackend's `spec.docker.host` says. */
  get host(): string {
    return `unix://${this.socket}`;
  }

  get logFile(): string {
    return join(this.folder, "dockerd.log");
  }

  /** Starts it unless it runs, and waits for its answer. */
  async start(): Promise<this> {
    if (this.#child?.exitCode === null) return this;
    const log = openSync(this.logFile, "a");
    const command = [requireTool("dockerd", "docker.io"), ...this.#arguments()];
    const [program = "", ...args] = [...(this.#options.network?.prefix ?? []), ...command];
    const child = spawn(program, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    const answers = async () => {
      if (child.exitCode !== null) return "ended";
      await this.client.ping();
      return "answers";
    };
    const outcome = await eventually("the test's own Engine answers", answers, {
      explain: () => readFileSync(this.logFile, "utf8").slice(-4_000),
    });
    if (outcome === "ended") throw new Error(`dockerd ended:\n${readFileSync(this.logFile, "utf8").slice(-4_000)}`);
    return this;
  }

  /** Ends it as its service manager would: containers are stopped, too. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** As a crash would end it: its containers go on, until it starts again and ends them. */
  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
    // A containerd of its own dies with it. By its number alone the next start would wait for one that is not yet reaped.
    const pidFile = join(this.folder, "exec/containerd/containerd.pid");
    if (!existsSync(pidFile)) return;
    const pid = readFileSync(pidFile, "utf8").trim();
    await eventually("its containerd has ended", () => !isRunning(pid));
    rmSync(pidFile);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null) {
      for (const { Id } of await this.client.listContainers({ all: true })) {
        await this.client.getContainer(Id).remove({ force: true, v: true });
      }
      // Their bridges would stay on the machine.
      await this.client.pruneNetworks();
      await this.#end("SIGTERM");
    }
    if (!this.#options.network) ip("link", "delete", this.#bridge);
    endProcessesOf(this.folder);
    unmountBelow(this.folder);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  #arguments(): string[] {
    const folder = (name: string) => join(this.folder, name);
    return [
      `--host=unix://${this.socket}`,
      `--data-root=${folder("data")}`,
      `--exec-root=${folder("exec")}`,
      `--pidfile=${folder("dockerd.pid")}`,
      ...(this.#options.network ? [] : [`--bridge=${this.#bridge}`, "--iptables=false", "--ip6tables=false"]),
      // The containerd of the machine may be shared; its namespaces are not.
      "--containerd-namespace=slipway-test",
      "--containerd-plugins-namespace=slipway-test-plugins",
      `--config-file=${folder("daemon.json")}`,
      ...(this.#options.args ?? []),
    ];
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

/** What watches over containers outlives an Engine that was killed. Nobody else's command line names its folder. */
function endProcessesOf(folder: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${folder}/`)) process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }
}

/** One that was killed leaves behind what it had mounted, and mounts it again. */
function unmountBelow(folder: string): void {
  const places = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const place of places.filter((each) => each.startsWith(`${folder}/`)).reverse()) {
    execFileSync("umount", [place], { stdio: "inherit", timeout: 10_000 });
  }
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    if (hasEnded(error)) return false;
    throw error;
  }
}

/** A process that is gone when one looks at it. */
function hasEnded(error: unknown): boolean {
  return ["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function ip(...args: string[]): void {
  execFileSync(requireTool("ip", "iproute2"), args, { stdio: ["ignore", "ignore", "inherit"], timeout: 10_000 });
}
