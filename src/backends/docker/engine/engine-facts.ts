import type Docker from "dockerode";
import type { CallOptions, EngineClient } from "./engine-client.ts";

/** What matters of the Engine's answer to /info, which is some hundred fields and slow: it runs programs to make it. */
export interface EngineFacts {
  /** Whether it has docker-init to be process 1, which forwards signals and reaps children. */
  readonly hasInit: boolean;
  readonly cpuLimits: boolean;
  readonly memoryLimits: boolean;
  /** Whether swap counts against a memory limit; else a container may have as much again. */
  readonly swapLimits: boolean;
  readonly pidsLimits: boolean;
  readonly seccomp: boolean;
  /** Its filter for containers that ask for none; `unconfined` where an administrator switched that off. */
  readonly seccompDefault: string;
  readonly appArmor: boolean;
  readonly rootless: boolean;
  readonly cgroupVersion: string;
  readonly operatingSystem: string;
  readonly kernel: string;
}

/** Pure. */
export function readFacts(info: unknown): EngineFacts {
  const fields = (info ?? {}) as Record<string, unknown>;
  const security = Array.isArray(fields.SecurityOptions) ? fields.SecurityOptions.map(String) : [];
  const option = (name: string) =>
    security.map((each) => each.split(",")).find((each) => each.includes(`name=${name}`));
  const has = (name: string): boolean => option(name) !== undefined;
  const profile = option("seccomp")?.find((part) => part.startsWith("profile="));
  const init = (fields.InitCommit ?? {}) as { ID?: unknown };
  return {
    // "N/A" is what the Engine says when it could not run the program.
    hasInit: Boolean(fields.InitBinary) && init.ID !== "N/A",
    cpuLimits: fields.CpuCfsQuota === true,
    memoryLimits: fields.MemoryLimit === true,
    swapLimits: fields.SwapLimit === true,
    pidsLimits: fields.PidsLimit === true,
    seccomp: has("seccomp"),
    seccompDefault: profile?.slice("profile=".length) ?? "default",
    appArmor: has("apparmor"),
    rootless: has("rootless"),
    cgroupVersion: String(fields.CgroupVersion ?? "1"),
    operatingSystem: String(fields.OSType ?? "linux"),
    kernel: String(fields.KernelVersion ?? ""),
  };
}

/** The facts of an Engine, asked for once and again at each check of its health. */
export class EngineFactsSource {
  readonly #engine: EngineClient;
  #known: Promise<EngineFacts> | undefined;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /** What was last known; asks only when nothing is. */
  async get({ signal }: CallOptions): Promise<EngineFacts> {
    this.#known ??= this.#ask({ signal: new AbortController().signal }).catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    const facts = await this.#known;
    signal.throwIfAborted();
    return facts;
  }

  async refresh(options: CallOptions): Promise<EngineFacts> {
    const facts = await this.#ask(options);
    this.#known = Promise.resolve(facts);
    return facts;
  }

  async #ask(options: CallOptions): Promise<EngineFacts> {
    return readFacts(await this.#engine.call("describe itself", (docker: Docker) => docker.info(), options));
  }
}
