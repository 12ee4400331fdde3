import type Docker from "dockerode";
import { logFrames } from "../../../../src/backends/docker/logs/log-frames.ts";
import type { Exit, LogLine, LogQuery, RunningInstance, Upstream, Usage } from "./runtime.ts";

/** A container that was started. */
export class DockerInstance implements RunningInstance {
  readonly upstream: Upstream;
  readonly ended: Promise<Exit>;
  readonly #container: Docker.Container;

  constructor(container: Docker.Container, upstream: Upstream) {
    this.#container = container;
    this.upstream = upstream;
    this.ended = this.#end();
  }

  async *logs({ tailLines, since, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    const options = {
      stdout: true,
      stderr: true,
      timestamps: true,
      ...(since && { since: since.getTime() / 1000 }),
      ...(tailLines !== undefined && { tail: tailLines }),
    };
    if (!(await this.#exists())) return;
    if (follow) {
      const stream = (await this.#container.logs({ ...options, follow: true })) as unknown as FollowedLog;
      yield* followed(stream, signal);
    } else yield* linesOf([await this.#container.logs({ ...options, follow: false })]);
  }

  async usage(): Promise<Usage> {
    const {
      cpu_stats: now,
      precpu_stats: before,
      memory_stats: memory,
    } = await this.#container.stats({ stream: false });
    const cpu = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
    const system = now.system_cpu_usage - before.system_cpu_usage;
    const cores = system > 0 ? (cpu / system) * now.online_cpus : 0;
    return { cpuNanoCores: Math.round(cores * 1e9), memoryBytes: memory.usage ?? 0 };
  }

  async stop(graceSeconds: number): Promise<void> {
    await ignoringAbsence(() => this.#container.stop({ t: graceSeconds }));
    await this.ended;
  }

  async remove(): Promise<void> {
    await ignoringAbsence(() => this.#container.remove({ force: true, v: true }));
  }

  async #exists(): Promise<boolean> {
    let exists = false;
    await ignoringAbsence(async () => {
      await this.#container.inspect();
      exists = true;
    });
    return exists;
  }

  async #end(): Promise<Exit> {
    try {
      const { StatusCode: code } = (await this.#container.wait()) as { StatusCode: number };
      const { State } = await this.#container.inspect();
      return { code, reason: State.OOMKilled ? "OOMKilled" : code === 0 ? "Completed" : "Error" };
    } catch (error) {
      if (!isAbsence(error)) throw error;
      // Somebody removed it.
      return { code: 137, reason: "Error" };
    }
  }
}

type FollowedLog = AsyncIterable<Buffer> & { destroy(): void };

async function* followed(stream: FollowedLog, signal: AbortSignal): AsyncGenerator<LogLine> {
  const stop = () => stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* linesOf(stream);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<LogLine> {
  for await (const { stream, payload } of logFrames(each(chunks))) {
    const [, at = "", text = ""] = /^(\S+) (.*)/s.exec(payload.toString("utf8").replace(/\n$/, "")) ?? [];
    yield { at: new Date(at), stream, text };
  }
}

async function* each(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** 304: it has ended already; 404 and 409: it is gone, or just going. */
export async function ignoringAbsence(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 304 || statusCode === 404 || statusCode === 409;
}
