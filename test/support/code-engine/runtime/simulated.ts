import { createHash } from "node:crypto";
import type { Clock } from "../../../../src/machinery/clock.ts";
import { delay } from "../../../../src/machinery/clock-delay.ts";
import { splitImageReference } from "../fields/image-reference.ts";
import { LogBuffer } from "./log-buffer.ts";
import {
  type Exit,
  type InstanceSpec,
  type LogLine,
  type LogQuery,
  type ResolvedImage,
  type RunningInstance,
  type Runtime,
  RuntimeFailure,
  type Upstream,
  type Usage,
} from "./runtime.ts";

/** What containers of an image do, where there is no Engine. */
export interface SimulatedImage {
  /** Answers requests; a line of text, unless told otherwise. */
  readonly respond?: (request: Request, instance: InstanceSpec) => Promise<Response>;
  /** Runs, and listens to nothing. */
  readonly silent?: boolean;
  /** Ends by itself after a while. */
  readonly exit?: Exit & { readonly afterMs: number };
  /** What it says as it starts. */
  readonly log?: readonly string[];
  readonly usage?: Usage;
}

const DEFAULT_USAGE: Usage = { cpuNanoCores: 2_000_000, memoryBytes: 32 * 1024 * 1024 };
const STOPPED: Exit = { code: 143, reason: "Error" };

/** Instances that are nothing but values, on the emulator's clock. */
export class SimulatedRuntime implements Runtime {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #images: { pattern: string | RegExp; image: SimulatedImage }[] = [];
  readonly #digests = new Map<string, string>();
  readonly #removed = new Set<string>();
  readonly #running = new Set<SimulatedInstance>();
  readonly #end = new AbortController();

  constructor({ clock, startMs }: { clock: Clock; startMs: number }) {
    this.#clock = clock;
    this.#startMs = startMs;
  }

  /** What containers do whose image is this, or matches it. The last definition that fits holds. */
  define(pattern: string | RegExp, image: SimulatedImage): void {
    this.#images.unshift({ pattern, image });
  }

  /** Moves a tag. Revisions that exist do not notice. */
  retag(reference: string, digest: string): void {
    this.#digests.set(reference, digest);
  }

  /** Takes an image out of its registry. What runs runs on; nothing can start from it any more. */
  remove(digest: string): void {
    this.#removed.add(digest);
  }

  async resolve(reference: string): Promise<ResolvedImage> {
    const { digest } = splitImageReference(reference);
    const made = `sha256:${createHash("sha256").update(reference).digest("hex")}`;
    return { reference, digest: digest ?? this.#digests.get(reference) ?? made };
  }

  async start(spec: InstanceSpec): Promise<RunningInstance> {
    await delay(this.#clock, this.#startMs, this.#end.signal);
    if (this.#end.signal.aborted) throw new RuntimeFailure("deploying", "the emulator has ended");
    if (this.#removed.has(spec.image.digest)) {
      throw new RuntimeFailure("fetch_image_failed_unknown_manifest", `${spec.image.digest} is not there`);
    }
    const image = this.#images.find(({ pattern }) => fits(pattern, spec.image.reference))?.image ?? {};
    const instance = new SimulatedInstance({ spec, image, clock: this.#clock });
    this.#running.add(instance);
    void instance.ended.then(() => this.#running.delete(instance));
    return instance;
  }

  async refresh(): Promise<void> {
    // Nobody can look at files of instances that are nothing but values.
  }

  /** Ends a container, as a crash does. Answers whether there is one of this name. */
  crash(instanceName: string, exit: Exit): boolean {
    const found = [...this.#running].find(({ name }) => name === instanceName);
    found?.end(exit);
    return found !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    for (const instance of this.#running) instance.end(STOPPED);
  }
}

function fits(pattern: string | RegExp, reference: string): boolean {
  return typeof pattern === "string" ? pattern === reference : pattern.test(reference);
}

class SimulatedInstance implements RunningInstance {
  readonly name: string;
  readonly upstream: Upstream;
  readonly ended: Promise<Exit>;
  readonly end: (exit: Exit) => void;
  readonly #image: SimulatedImage;
  readonly #log: LogBuffer;

  constructor({ spec, image, clock }: { spec: InstanceSpec; image: SimulatedImage; clock: Clock }) {
    this.name = spec.name;
    this.#image = image;
    this.#log = new LogBuffer(clock);
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.ended = promise;
    this.end = (exit) => {
      resolve(exit);
      this.#log.end();
    };
    this.upstream = image.silent
      ? { kind: "closed" }
      : { kind: "handler", handle: (request) => this.#serve(request, spec) };
    for (const text of image.log ?? [`${spec.app} listens on ${spec.port}`]) this.#log.write(text);
    if (image.exit) clock.schedule(image.exit.afterMs, () => this.end(image.exit ?? STOPPED));
  }

  async #serve(request: Request, spec: InstanceSpec): Promise<Response> {
    this.#log.write(`${request.method} ${new URL(request.url).pathname}`);
    return (await this.#image.respond?.(request, spec)) ?? new Response(`${spec.app} runs ${spec.image.reference}\n`);
  }

  logs(query: LogQuery): AsyncIterable<LogLine> {
    return this.#log.read(query);
  }

  async usage(): Promise<Usage> {
    return this.#image.usage ?? DEFAULT_USAGE;
  }

  async stop(): Promise<void> {
    this.end(STOPPED);
  }

  async remove(): Promise<void> {
    this.end(STOPPED);
  }
}
