import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { requireTool } from "./tool.ts";

const RETRY_MS = 300;
const FORMAT = 'jsonpath={.type} {.object.metadata.name} {.object.metadata.resourceVersion}{"\\n"}';

/**
 * `kubectl get RESOURCE --watch` as somebody types it who starts it again whenever it ends, since kubectl does not resume: it
 * lists, then watches from there.
 */
export class KubectlWatch {
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #child: ChildProcess | undefined;
  #state = new Map<string, number>();
  /** What one run of kubectl told twice or in the wrong order. */
  readonly contradictions: string[] = [];
  /** Runs that told something. */
  runs = 0;

  constructor(kubeconfig: string, resource: string) {
    this.#args = ["get", resource, "--watch", "--output-watch-events", "--output", FORMAT];
    this.#env = { ...process.env, KUBECONFIG: kubeconfig };
    this.#loop = this.#repeat();
  }

  /** What exists by what the latest run has told: `name@resourceVersion`, sorted. */
  get state(): string[] {
    return [...this.#state].map(([name, version]) => `${name}@${version}`).sort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#child?.kill();
    await this.#loop;
  }

  async #repeat(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#run();
      await sleep(RETRY_MS);
    }
  }

  async #run(): Promise<void> {
    // What it says on stderr is that nobody answers at that moment.
    const child = spawn(requireTool("kubectl", "kubernetes-client"), this.#args, {
      stdio: ["ignore", "pipe", "ignore"],
      env: this.#env,
    });
    this.#child = child;
    const closed = once(child, "close");
    const state = new Map<string, number>();
    const latest = new Map<string, number>();
    for await (const line of createInterface({ input: child.stdout })) {
      // What was told before is over: this run began with a list of its own.
      if (this.#state !== state) this.runs++;
      this.#state = state;
      const [type, name = "", version] = line.split(" ");
      if (Number(version) <= (latest.get(name) ?? 0)) this.contradictions.push(line);
      latest.set(name, Number(version));
      if (type === "DELETED") state.delete(name);
      else state.set(name, Number(version));
    }
    await closed;
  }
}
