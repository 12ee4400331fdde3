import { Worker } from "node:worker_threads";
import type { Logger } from "../../machinery/logger.ts";
import type { Directory, EndpointKey } from "../directory.ts";
import type { DataPathSettings, DataPathStats } from "../mcp/data-path.ts";
import type { UseAccess } from "../mcp/use-access.ts";
import type { Replicas } from "../replicas/leader.ts";
import { feedLeader } from "../replicas/leader-feed.ts";
import { feedDirectory } from "./directory-feed.ts";
import { type DrainControl, type Draining, DrainRequests } from "./drain-requests.ts";
import type { Answer, FromThread, Question, ToThread } from "./messages.ts";

export interface WorkerOptions extends DataPathSettings {
  readonly directory: Directory;
  readonly access: UseAccess;
  readonly logger: Logger;
  /** Undefined: there are no others. */
  readonly replicas?: Replicas | undefined;
}

/**
 * What is passed through is copied, and bounded by the calls that are open. What is bridged is read: a message of 16 MiB takes
 * several times that for a moment, beside what sessions keep.
 */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 1_024 };
/** A question about access may take this long. */
const ANSWER_TIMEOUT_MS = 5_000;
const STATS_TIMEOUT_MS = 1_000;
/** Above the time in which the data path drains. */
const CLOSE_TIMEOUT_MS = 10_000;

/** One thread with a data path, from its start to its end. */
export class DataPathWorker implements DrainControl {
  /** With the port that was taken. Rejects with the code of the system's error. */
  readonly listening: Promise<string>;
  /** Resolves with the reason when the thread has ended by itself. */
  readonly died: Promise<string>;
  readonly #worker: Worker;
  readonly #options: WorkerOptions;
  readonly #started = Promise.withResolvers<string>();
  readonly #died = Promise.withResolvers<string>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #statsAsked = new Map<number, (stats: DataPathStats | undefined) => void>();
  readonly #stopFeed: () => void;
  readonly #drains = new DrainRequests();
  #lastId = 0;
  #hasEnded = false;
  #isClosing = false;

  constructor(options: WorkerOptions) {
    const { directory, access: _access, logger, replicas, ...settings } = options;
    this.#options = options;
    this.listening = this.#started.promise;
    this.died = this.#died.promise;
    // Compiled code has another extension, and nothing rewrites it within a URL.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./data-path-thread.${extension}`, import.meta.url), {
      workerData: { ...settings, isReplica: replicas !== undefined } satisfies DataPathSettings,
      resourceLimits: THREAD_LIMITS,
      // Descriptors of pipes are closed by their sockets. Node would close those numbers again at the end of the thread.
      trackUnmanagedFds: false,
    });
    this.#worker.on("message", (message: FromThread) => this.#told(message));
    this.#worker.on("error", (error) =>
      this.#ended(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#worker.on("exit", (code) => this.#ended(`exit code ${code}`));
    const stopDirectory = feedDirectory(directory, (message) => this.#tell(message));
    const stopLeader =
      replicas && feedLeader(replicas, { tell: (leader) => this.#tell({ kind: "leader", leader }), logger });
    this.#stopFeed = () => {
      stopDirectory();
      stopLeader?.();
    };
  }

  /** Undefined where it does not tell in time. */
  async stats(): Promise<DataPathStats | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<DataPathStats | undefined>();
    const late = setTimeout(() => resolve(undefined), STATS_TIMEOUT_MS);
    this.#statsAsked.set(id, resolve);
    this.#tell({ kind: "stats", id });
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#statsAsked.delete(id);
    }
  }

  drain(key: EndpointKey, isReplaced: boolean): Promise<Draining | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    return this.#drains.ask((id) => this.#tell({ kind: "drain", id, key, isReplaced }));
  }

  resume(key: EndpointKey): void {
    this.#tell({ kind: "resume", key });
  }

  /** Lets calls under way end for a while. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stopFeed();
    this.#tell({ kind: "close" });
    const late = setTimeout(() => this.#closed.resolve(), CLOSE_TIMEOUT_MS);
    await this.#closed.promise;
    clearTimeout(late);
    await this.#worker.terminate();
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #told(message: FromThread): void {
    switch (message.kind) {
      case "listening":
        this.#started.resolve(message.url);
        break;
      case "failed":
        this.#started.reject(Object.assign(new Error(message.message), { code: message.code }));
        break;
      case "ask":
        void this.#answer(message.id, message.question);
        break;
      case "log":
        this.#options.logger[message.level](message.message, message.fields);
        break;
      case "stats":
        this.#statsAsked.get(message.id)?.(message.stats);
        break;
      case "draining":
        this.#drains.begun(message.id, message.calls);
        break;
      case "drained":
        this.#drains.over(message.id);
        break;
      case "closed":
        this.#closed.resolve();
        break;
      default:
        message satisfies never;
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    const answer = await answerTo(question, this.#options.access);
    this.#tell({ kind: "answer", id, answer });
  }

  #ended(why: string): void {
    this.#stopFeed();
    this.#hasEnded = true;
    this.#drains.allOver();
    this.#started.reject(new Error(`the gateway's thread ended: ${why}`));
    this.#closed.resolve();
    if (!this.#isClosing) this.#died.resolve(why);
  }
}

async function answerTo(question: Question, access: UseAccess): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    if (question.about === "token") return { user: await access.authenticate(question.token, signal) };
    return { allowed: await access.mayUse(question.user, question.scope, signal) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
