import type { RevisionReason } from "../failures.ts";
import { quantityValue } from "../fields/quantities.ts";
import type { Project } from "../projects/project.ts";
import {
  type Exit,
  type InstanceSpec,
  type ResolvedImage,
  type RunningInstance,
  RuntimeFailure,
} from "../runtime/runtime.ts";
import { newId, randomName, type World } from "../world.ts";
import type { AppTemplate } from "./app-fields.ts";
import { MissingReference, resolveCredentials, resolveEnv, resolveMounts } from "./container-inputs.ts";
import { Instance, type InstanceListener } from "./instance.ts";
import { InstancePool } from "./instance-pool.ts";

/** Where `scale_max_instances` is 0: what the project may have at all. */
const UNBOUNDED_INSTANCES = 250;
/** Exit codes that have a reason of their own. */
const NAMED_EXIT_CODES: ReadonlySet<number> = new Set([0, 1, 24, 139]);
/** Reasons that leave a revision as it is, and are looked at again. */
const WAITS: ReadonlySet<RevisionReason> = new Set(["waiting", "deploying", "deploying_waiting_for_resources"]);

export interface RevisionOptions {
  readonly project: Project;
  readonly app: string;
  readonly number: number;
  readonly template: AppTemplate;
  /** What the platform itself tells the container. */
  readonly platformEnv: Readonly<Record<string, string>>;
  readonly changed: (revision: Revision) => void;
}

/** One version of an application: from its template to instances that answer. */
export class Revision implements InstanceListener {
  readonly id = newId();
  readonly name: string;
  readonly number: number;
  readonly app: string;
  readonly template: AppTemplate;
  readonly createdAt: string;
  readonly pool: InstancePool;
  status: "loading" | "ready" | "failed" = "loading";
  reason: RevisionReason | "ready" = "waiting";
  image: ResolvedImage | undefined;
  readonly #project: Project;
  readonly #world: World;
  readonly #options: RevisionOptions;
  readonly #hash = randomName(9);
  #everReady = false;
  #gone = false;

  constructor(options: RevisionOptions) {
    this.#options = options;
    this.#project = options.project;
    this.#world = options.project.world;
    this.app = options.app;
    this.number = options.number;
    this.template = options.template;
    this.name = `${options.app}-${String(options.number).padStart(5, "0")}`;
    this.createdAt = this.#world.timestamp();
    this.pool = this.#newPool();
    this.#world.after(this.#world.timings.schedulingMs, () => this.#deploy());
    this.#world.after(this.#world.timings.initialScaleDeadlineMs, () => this.#deadline());
  }

  get everReady(): boolean {
    return this.#everReady;
  }

  get instances(): readonly Instance[] {
    return this.pool.instances;
  }

  /** So many are ready before the revision is. */
  get initialInstances(): number {
    const { scale_initial_instances: initial, scale_min_instances: min } = this.template;
    return Math.min(Math.max(initial, min), this.#maxInstances);
  }

  get #maxInstances(): number {
    return this.template.scale_max_instances || UNBOUNDED_INSTANCES;
  }

  /** It serves no more: another one does, or the application goes. */
  retire(): void {
    this.pool.close("drain");
  }

  /** Nothing of it may happen any more. */
  remove(): void {
    this.#gone = true;
    this.pool.close("at-once");
  }

  started(instance: Instance, running: RunningInstance): void {
    this.#world.logHistory?.record(running, {
      project: this.#project,
      app: this.app,
      revision: this.name,
      instance: instance.name,
    });
  }

  ready(): void {
    const becomesReady = this.status === "failed" || this.pool.readyCount >= this.initialInstances;
    if (this.status !== "ready" && becomesReady && this.pool.instances.length > 0) this.#becomeReady();
    this.pool.changed();
  }

  exited(_: Instance, { code }: Exit): void {
    if (this.pool.readyCount === 0) {
      if (NAMED_EXIT_CODES.has(code)) this.#fail(`container_failed_exit_code_${code}` as RevisionReason);
      else if (this.#everReady) this.#fail("initial_scale_never_achieved");
    }
    this.pool.changed();
  }

  refused(_: Instance, failure: RuntimeFailure): void {
    if (this.pool.readyCount === 0) this.#fail(failure.reason);
  }

  async #deploy(): Promise<void> {
    if (this.#gone || this.status !== "loading") return;
    const injected = this.#world.failures.take("revision", {
      names: [this.app, this.name],
      image: this.template.image_reference,
    });
    if (injected !== undefined) return this.#injected(injected);
    try {
      const credentials = resolveCredentials(this.#project, this.template.image_secret);
      this.image = await this.#world.runtime.resolve(this.template.image_reference, credentials);
    } catch (error) {
      return this.#fail(imageReason(error));
    }
    if (this.#gone || this.status !== "loading") return;
    if (this.initialInstances === 0) return this.#becomeReady();
    this.#setReason(this.pool.begin(this.initialInstances) ? "deploying" : "deploying_waiting_for_resources");
    this.#watchReferences();
  }

  #injected(reason: RevisionReason): void {
    if (WAITS.has(reason)) {
      this.#setReason(reason);
      this.#world.after(this.#world.timings.retryMs, () => this.#deploy());
    } else this.#fail(reason);
  }

  /** An instance that lacks a secret, or that has no room, is a reason to wait, and may get what it lacks. */
  #watchReferences(): void {
    this.#world.after(this.#world.timings.retryMs, () => {
      if (this.#gone || this.status !== "loading") return;
      const complete = this.pool.instances.length >= this.initialInstances;
      const lacking = this.pool.instances.some(({ lacksReference }) => lacksReference);
      this.#setReason(complete ? (lacking ? "waiting" : "deploying") : "deploying_waiting_for_resources");
      this.#watchReferences();
    });
  }

  #deadline(): void {
    if (this.#gone || this.#everReady || this.status === "ready") return;
    if (this.status === "loading") this.#fail("initial_scale_never_achieved");
    this.pool.close("at-once");
  }

  #becomeReady(): void {
    this.#everReady = true;
    this.status = "ready";
    this.reason = "ready";
    this.pool.settle();
    this.#options.changed(this);
  }

  #fail(reason: RevisionReason): void {
    if (this.#gone) return;
    this.status = "failed";
    this.reason = reason;
    this.pool.settle();
    this.#options.changed(this);
  }

  #setReason(reason: RevisionReason): void {
    if (this.reason === reason) return;
    this.reason = reason;
    this.#options.changed(this);
  }

  #newPool(): InstancePool {
    const { template } = this;
    return new InstancePool({
      world: this.#world,
      min: template.scale_min_instances,
      max: this.#maxInstances,
      concurrency: template.scale_concurrency,
      target: template.scale_concurrency_target ?? template.scale_concurrency,
      idleMs: this.#world.timings.idleMs + template.scale_down_delay * 1000,
      graceSeconds: template.scale_request_timeout,
      create: () => this.#createInstance(),
    });
  }

  #createInstance(): Instance | undefined {
    if (!this.#project.hasRoomFor(this.template)) return undefined;
    const name = `${this.name}-deployment-${this.#hash}-${randomName(5)}`;
    return new Instance({
      world: this.#world,
      name,
      readiness: this.template.probe_readiness,
      liveness: this.template.probe_liveness,
      port: this.template.image_port,
      spec: () => this.#instanceSpec(name),
      listener: this,
    });
  }

  #instanceSpec(name: string): InstanceSpec {
    const { template, image } = this;
    if (image === undefined) throw new MissingReference("the image is not resolved yet");
    return {
      name,
      app: this.app,
      image,
      credentials: resolveCredentials(this.#project, template.image_secret),
      commands: template.run_commands,
      arguments: template.run_arguments,
      user: template.run_as_user,
      env: {
        ...resolveEnv(this.#project, template.run_env_variables),
        ...this.#options.platformEnv,
        PORT: String(template.image_port),
        K_SERVICE: this.app,
        K_CONFIGURATION: this.app,
        K_REVISION: this.name,
      },
      mounts: resolveMounts(this.#project, template.run_volume_mounts),
      port: template.image_port,
      cpu: quantityValue(template.scale_cpu_limit),
      memoryBytes: quantityValue(template.scale_memory_limit),
    };
  }
}

function imageReason(error: unknown): RevisionReason {
  if (error instanceof MissingReference) return "fetch_image_failed_missing_pull_secret";
  if (error instanceof RuntimeFailure) return error.reason;
  throw error;
}
