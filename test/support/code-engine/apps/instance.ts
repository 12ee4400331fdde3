import { type Exit, type InstanceSpec, type RunningInstance, RuntimeFailure } from "../runtime/runtime.ts";
import { newId, type World } from "../world.ts";
import { MissingReference } from "./container-inputs.ts";
import type { ProbeSpec } from "./probe-fields.ts";
import { probeOnce } from "./readiness.ts";

/** As `status_details` tells it. */
export interface ContainerState {
  readonly container_status: "running" | "pending" | "terminated";
  readonly reason?: string;
  readonly exit_code?: number;
  readonly started_at?: string;
  readonly completed_at?: string;
}

export interface InstanceListener {
  /** A container runs. */
  started(instance: Instance, running: RunningInstance): void;
  ready(instance: Instance): void;
  /** The container ended by itself; it is about to start again. */
  exited(instance: Instance, exit: Exit): void;
  /** It could not be started; it is about to be tried again. */
  refused(instance: Instance, failure: RuntimeFailure): void;
}

export interface InstanceOptions {
  readonly world: World;
  readonly name: string;
  readonly readiness: ProbeSpec;
  readonly liveness: ProbeSpec | undefined;
  /** Of the application, for probes that name none. */
  readonly port: number;
  /** Resolved anew for every start. @throws {MissingReference} */
  readonly spec: () => InstanceSpec;
  readonly listener: InstanceListener;
}

/** Kubernetes asks the readiness probe of a starting container once a second; Knative more often. */
const STARTING_PROBE_MS = 100;
const MAX_BACKOFF_DOUBLINGS = 6;

/** One pod of an application, through all the starts of its container. */
export class Instance {
  readonly id = newId();
  readonly name: string;
  readonly createdAt: string;
  readonly #options: InstanceOptions;
  readonly #world: World;
  status: "pending" | "running" = "pending";
  ready = false;
  restarts = 0;
  /** Requests that it serves now. */
  active = 0;
  current: ContainerState = { container_status: "pending", reason: "ContainerCreating" };
  last: ContainerState | undefined;
  running: RunningInstance | undefined;
  /** The run before: its log can still be read. */
  previous: RunningInstance | undefined;
  #startedAt: string | undefined;
  #stopped = false;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#world = options.world;
    this.name = options.name;
    this.createdAt = this.#world.timestamp();
  }

  /** Whether it waits for a secret or a config map. */
  get lacksReference(): boolean {
    return this.current.reason === "CreateContainerConfigError";
  }

  /** Resolves when the container runs, or will be tried again. */
  async start(): Promise<void> {
    if (this.#stopped) return;
    try {
      const running = await this.#world.runtime.start(this.#options.spec());
      if (this.#stopped) return await running.remove();
      this.#runs(running);
    } catch (error) {
      this.#refused(error);
    }
  }

  async stop(graceSeconds: number): Promise<void> {
    this.#stopped = true;
    this.ready = false;
    await this.running?.stop(graceSeconds);
    await this.running?.remove();
    await this.previous?.remove();
  }

  /** The platform moved it to another machine. */
  async relocate(): Promise<void> {
    this.restarts = -1;
    this.last = undefined;
    await this.running?.stop(0);
  }

  #runs(running: RunningInstance): void {
    this.running = running;
    this.status = "running";
    this.#startedAt = this.#world.timestamp();
    this.current = { container_status: "running", started_at: this.#startedAt };
    this.#world.do(async () => this.#ended(running, await running.ended));
    this.#options.listener.started(this, running);
    const { initial_delay: delay } = this.#options.readiness;
    this.#world.after((delay ?? 0) * 1000, () => this.#awaitReadiness(running));
  }

  async #awaitReadiness(running: RunningInstance): Promise<void> {
    if (this.running !== running) return;
    const { readiness, liveness } = this.#options;
    const answers = await probeOnce(running.upstream, readiness, this.#options.port);
    if (this.running !== running || this.#stopped) return;
    if (!answers) return void this.#world.after(STARTING_PROBE_MS, () => this.#awaitReadiness(running));
    this.ready = true;
    if (liveness !== undefined) this.#watchLiveness(running, { liveness, failures: 0 });
    this.#options.listener.ready(this);
  }

  #watchLiveness(running: RunningInstance, watch: { liveness: ProbeSpec; failures: number }): void {
    this.#world.after(watch.liveness.interval * 1000, async () => {
      if (this.running !== running || this.#stopped) return;
      const alive = await probeOnce(running.upstream, watch.liveness, this.#options.port);
      const failures = alive ? 0 : watch.failures + 1;
      if (failures >= watch.liveness.failure_threshold) return await running.stop(0);
      this.#watchLiveness(running, { ...watch, failures });
    });
  }

  #ended(running: RunningInstance, exit: Exit): void {
    if (this.running !== running) return;
    if (this.#stopped) return;
    this.#keepForItsLog(running);
    this.ready = false;
    this.last = {
      container_status: "terminated",
      reason: exit.reason,
      exit_code: exit.code,
      ...(this.#startedAt !== undefined && { started_at: this.#startedAt }),
      completed_at: this.#world.timestamp(),
    };
    this.current = { container_status: "pending", reason: "CrashLoopBackOff" };
    this.#options.listener.exited(this, exit);
    const doublings = Math.min(Math.max(this.restarts, 0), MAX_BACKOFF_DOUBLINGS);
    this.#world.after(this.#world.timings.retryMs * 2 ** doublings, async () => {
      this.restarts += 1;
      await this.start();
    });
  }

  #keepForItsLog(running: RunningInstance): void {
    const { previous } = this;
    this.running = undefined;
    this.previous = running;
    if (previous) this.#world.do(() => previous.remove());
  }

  #refused(error: unknown): void {
    if (error instanceof MissingReference) {
      this.current = { container_status: "pending", reason: "CreateContainerConfigError" };
    } else if (error instanceof RuntimeFailure) {
      this.current = { container_status: "pending", reason: "ImagePullBackOff" };
      this.#options.listener.refused(this, error);
    } else throw error;
    this.#world.after(this.#world.timings.retryMs, () => this.start());
  }
}
