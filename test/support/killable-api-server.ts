import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Agent, type Dispatcher, request } from "undici";

const PROGRAM = fileURLToPath(new URL("./api-server-process.ts", import.meta.url));

/** What a test reads of any answer: an object, a list or a Status. */
export interface Reply {
  readonly kind: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly uid: string;
    readonly continue?: string;
  };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: unknown;
  readonly items: readonly Reply[];
}

export interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Reply;
}

interface Announced {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  /** Path of the admin's. */
  readonly kubeconfigPath: string;
}

export interface KillableOptions {
  /** An existing directory, which is left there. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is run by Node in the place of `api-server-process.ts`. */
  readonly program?: string;
  /** Put before the command. It must replace itself by the command, so that it is the server that is killed. */
  readonly prefix?: readonly string[];
}

/** The most that is kept of what a server says on stderr, in characters. */
const SAID_LENGTH = 64 * 1024;

/** An API server in a process of its own. Killed and started again it keeps directory, address and tokens. */
export class KillableApiServer implements AsyncDisposable {
  readonly dataDir: string;
  readonly #options: KillableOptions;
  readonly #agents: Agent[] = [];
  #child: ChildProcess | undefined;
  #said = "";
  #port = 0;
  #announced: Announced | undefined;
  #agent: Agent | undefined;

  private constructor(dataDir: string, options: KillableOptions) {
    this.dataDir = dataDir;
    this.#options = options;
  }

  static async start(options: KillableOptions = {}): Promise<KillableApiServer> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "slipway-process-")));
    const server = new KillableApiServer(dataDir, options);
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get announced(): Announced {
    if (!this.#announced) throw new Error("the server has not been started");
    return this.#announced;
  }

  /** Resolves when it answers. @throws {Error} when it ends before. */
  async start(): Promise<void> {
    const child = this.#spawn();
    const ended = once(child, "close").then(([code, signal]) => {
      throw new Error(`the API server ended with ${code ?? signal}:\n${this.#said}`);
    });
    ended.catch(() => undefined);
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended])) as [string];
    const announced = JSON.parse(line) as Announced;
    this.#announced = announced;
    this.#port = Number(new URL(announced.url).port);
    this.#agent = new Agent({ connect: { ca: announced.caPem }, connections: 256 });
    this.#agents.push(this.#agent);
  }

  /** Starts it and kills it so soon that it may not answer yet. */
  async dieStarting(afterMs: number): Promise<void> {
    this.#spawn();
    await sleep(afterMs);
    await this.kill();
  }

  #spawn(): ChildProcessByStdio<null, Readable, Readable> {
    const { prefix = [], env, program: script = PROGRAM } = this.#options;
    const [program = "", ...args] = [...prefix, process.execPath, script, this.dataDir, String(this.#port)];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.#said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      this.#said = (this.#said + String(chunk)).slice(-SAID_LENGTH);
    });
    this.#child = child;
    return child;
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** @throws {Error} when there is no answer, or half of one. */
  async call(method: string, path: string, body?: unknown, contentType = "application/json"): Promise<CallAnswer> {
    const response = await this.#send(method, path, body, contentType);
    return { status: response.statusCode, body: (await response.body.json()) as Reply };
  }

  /** The status alone, of what answers no JSON. */
  async status(path: string): Promise<number> {
    const { statusCode, body } = await this.#send("GET", path, undefined, "application/json");
    await body.dump();
    return statusCode;
  }

  /** What answers with something else than JSON. */
  async text(path: string): Promise<string> {
    const { body } = await this.#send("GET", path, undefined, "application/json");
    return await body.text();
  }

  /** The lines of a watch, up to its end however that comes. */
  async *watch(path: string): AsyncGenerator<WatchLine> {
    const { body } = await this.#send("GET", path, undefined, "application/json");
    let rest = "";
    try {
      for await (const chunk of body.setEncoding("utf8")) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield JSON.parse(line) as WatchLine;
      }
    } finally {
      body.destroy();
    }
  }

  #send(method: string, path: string, body: unknown, contentType: string): Promise<Dispatcher.ResponseData> {
    const { url, token } = this.announced;
    return request(url + path, {
      method: method as Dispatcher.HttpMethod,
      headers: { authorization: `Bearer ${token}`, "content-type": contentType },
      bodyTimeout: 0,
      ...(this.#agent && { dispatcher: this.#agent }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Promise.all(this.#agents.map((agent) => agent.destroy()));
    if (this.#options.dataDir === undefined) await rm(this.dataDir, { recursive: true, force: true });
  }
}

export interface CallAnswer {
  readonly status: number;
  readonly body: Reply;
}
