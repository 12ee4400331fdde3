import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../../src/machinery/clock.ts";
import type { App } from "./apps/app.ts";
import type { Builder, BuildOutput } from "./builds/build-job.ts";
import type { Failures } from "./failures.ts";
import type { LogHistory } from "./observability/log-history.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { Quotas, Switches, Timings } from "./settings.ts";

export interface WorldOptions {
  readonly clock: Clock;
  readonly region: string;
  readonly timings: Timings;
  readonly quotas: Quotas;
  readonly switches: Switches;
  readonly failures: Failures;
  readonly runtime: Runtime;
}

/** Gives applications the address that `endpoint` says. */
export interface Endpoints {
  open(app: App): Promise<string>;
  close(app: App): void;
}

/** The addresses that the real service gives, which nobody here can reach. */
const platformEndpoints: Endpoints = {
  open: async (app) => `https://${app.host}`,
  close: () => undefined,
};

async function madeUpOutput({ spec }: { readonly spec: { readonly output_image: string } }): Promise<BuildOutput> {
  return { digest: `sha256:${fingerprint([spec.output_image, randomName(8)])}`, log: ["STEP 1/1: FROM scratch"] };
}

/** What every part of the emulator shares: time, limits, switches, and where applications run. */
export class World {
  readonly clock: Clock;
  readonly region: string;
  readonly account = randomBytes(16).toString("hex");
  readonly timings: Timings;
  readonly quotas: Quotas;
  readonly switches: Switches;
  readonly failures: Failures;
  readonly runtime: Runtime;
  /** Where applications are published. */
  endpoints: Endpoints = platformEndpoints;
  /** Where logs are kept, once there is an instance of IBM Cloud Logs. */
  logHistory: LogHistory | undefined;
  /** What build runs make of their sources. A test that has the image says so. */
  builder: Builder = madeUpOutput;
  /** What `href`s begin with; the emulator's own address once it listens. */
  apiUrl: string;
  /** Mistakes of the emulator itself; its end reports them. */
  readonly mistakes: unknown[] = [];
  readonly #timers = new Set<() => void>();
  readonly #underWay = new Set<Promise<void>>();
  #ended = false;

  constructor(options: WorldOptions) {
    this.clock = options.clock;
    this.region = options.region;
    this.timings = options.timings;
    this.quotas = options.quotas;
    this.switches = options.switches;
    this.failures = options.failures;
    this.runtime = options.runtime;
    this.apiUrl = `https://api.${options.region}.codeengine.cloud.ibm.com/v2`;
  }

  /** As the API writes times: RFC 3339, without fractions. */
  timestamp(): string {
    return this.clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
  }

  /** Does `work` after `ms`, unless cancelled by what it answers, or the emulator has ended. */
  after(ms: number, work: () => void | Promise<void>): () => void {
    if (this.#ended) return () => undefined;
    const cancel = this.clock.schedule(ms, () => {
      this.#timers.delete(cancel);
      this.do(work);
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  /** Does `work` now, in the background. */
  do(work: () => void | Promise<void>): void {
    if (this.#ended) return;
    const done = (async () => await work())()
      .catch((error: unknown) => void this.mistakes.push(error))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Nothing begins any more. */
  end(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** What has begun is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}

/** 36 characters in the shape of a UUID. */
export function newId(): string {
  return crypto.randomUUID();
}

/** Letters and digits as Kubernetes uses them in generated names: no vowels, and nothing that looks like another. */
export function randomName(length: number): string {
  const alphabet = "bcdfghjklmnpqrstvwxz2456789";
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** A short text that stands for `value`, and is the same whenever it is. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
