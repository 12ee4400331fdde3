import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Owner, Workload, WorkloadSpec } from "../../backend.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { App, AppPatch, AppPrototype } from "../client/resources/apps.ts";
import type { SecretData } from "../client/resources/config.ts";
import type { CallOptions } from "../client/transport.ts";
import type { Pace } from "../code-engine-config.ts";
import { differences } from "./app-drift.ts";
import { type AppTemplate, appTemplate } from "./app-template.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { appName, type Maker, marksOf } from "./marks.ts";
import { makeParts, removeParts } from "./parts.ts";
import { explainingQuota } from "./quota.ts";
import { encodeRecord, type Made, markOf, type WorkloadRecord, withNewest } from "./record.ts";
import { orNothing, type Sighting, type Sightings } from "./sightings.ts";

/** What the image itself says, and the credentials for it. */
export interface ImageFacts {
  readonly uid: number | undefined;
  readonly credentials: SecretData["registry"] | undefined;
}

export interface WorkloadsParts {
  readonly maker: Maker;
  readonly sightings: Sightings;
  readonly clock: Clock;
  readonly pace: Pace;
  /** @throws {TerminalError} `RunsAsRoot` */
  imageFacts(spec: WorkloadSpec, signal: AbortSignal): Promise<ImageFacts>;
}

/** So often a change is tried that meets those of others. */
const TRIES = 3;
const GONE_LOOK_MS = 500;

/**
 * Apps and their records. The record comes first and goes last, so that at every moment something tells whose the rest is;
 * an app that a lost answer has left behind is adopted by its marks, and one without them is never touched.
 */
export class Workloads {
  readonly #parts: WorkloadsParts;
  readonly #lock = new KeyedLock();

  constructor(parts: WorkloadsParts) {
    this.#parts = parts;
  }

  nameOf(owner: Owner): string {
    return appName(this.#parts.maker, owner);
  }

  async observe(project: ProjectClient, owner: Owner, options: CallOptions): Promise<readonly Workload[]> {
    const { sightings } = this.#parts;
    const name = this.nameOf(owner);
    const sighting = sightings.known(name) ?? (await sightings.look(project, name, options));
    const view = sighting && sightings.view(sighting);
    return view ? [view] : [];
  }

  async create(project: ProjectClient, spec: WorkloadSpec, options: CallOptions): Promise<Workload> {
    const name = this.nameOf(spec.owner);
    return await this.#lock.run(name, async () => {
      const { sightings } = this.#parts;
      const before = await sightings.look(project, name, options);
      const view = before && sightings.view(before);
      if (before && view && before.record.made[0].hash === spec.hash) return view;
      const { template, made } = await this.#make(spec, 1, options.signal);
      await makeParts(project, template, options);
      const record: WorkloadRecord = before
        ? { ...withNewest(before.record, made), state: before.app ? before.record.state : "created" }
        : { maker: this.#parts.maker, owner: spec.owner, state: "created", stoppedAt: undefined, made: [made] };
      return this.#view(await this.#write(project, before, record, options));
    });
  }

  async start(project: ProjectClient, name: string, options: CallOptions): Promise<Workload> {
    return await this.#lock.run(name, async () => {
      const before = await this.#found(project, name, options);
      const { record, app } = before;
      if (record.state === "started" && app) return this.#view(before);
      if (record.state === "stopped" && app) throw leaving(name, this.#parts.pace);
      const [newest, ...others] = record.made;
      const begun = { ...newest, startedAt: this.#now() };
      const started = await this.#write(
        project,
        before,
        { ...record, state: "started", made: [begun, ...others] },
        options,
      );
      return this.#view(await this.#launch(project, started, options));
    });
  }

  async update(project: ProjectClient, name: string, spec: WorkloadSpec, options: CallOptions): Promise<Workload> {
    return await this.#lock.run(name, async () => {
      const before = await this.#found(project, name, options);
      const [newest] = before.record.made;
      const sameProcess = markOf(newest) === markOf(spec);
      const beside = sameProcess && newest.hash !== spec.hash && !this.#hasFailed(before);
      const attempt = sameProcess ? newest.attempt + (beside ? 0 : 1) : 1;
      const { template, made } = await this.#make(spec, attempt, options.signal);
      await makeParts(project, template, options);
      const record = withNewest(before.record, {
        ...made,
        startedAt: beside ? newest.startedAt : this.#now(),
      });
      const written = await this.#write(project, before, record, options);
      const after = await this.#change(project, written, options);
      const kept = record.made.map(({ prototype }) => prototype);
      const dropped = before.record.made.map(({ prototype }) => prototype);
      await removeParts(project, { of: dropped, kept }, options);
      return this.#view(after);
    });
  }

  async repair(project: ProjectClient, name: string, options: CallOptions): Promise<void> {
    await this.#lock.run(name, async () => {
      await this.#change(project, await this.#found(project, name, options), options);
    });
  }

  /** An app that is there wakes for whoever asks: only one that is gone serves nothing. Its name, and so its endpoint, is kept. */
  async stop(project: ProjectClient, name: string, options: CallOptions): Promise<void> {
    await this.#lock.run(name, async () => {
      const before = await this.#parts.sightings.look(project, name, options);
      if (!before || (before.record.state !== "started" && !before.app)) return;
      const { record } = before;
      const stopped =
        record.state === "stopped"
          ? before
          : await this.#write(project, before, { ...record, state: "stopped", stoppedAt: this.#now() }, options);
      if (stopped.app) await this.#removeApp(project, name, options);
      await this.#parts.sightings.lookAtApp(project, name, options);
    });
  }

  /** True once nothing is left. */
  async remove(project: ProjectClient, name: string, options: CallOptions): Promise<boolean> {
    return await this.#lock.run(name, async () => {
      const { sightings } = this.#parts;
      const found = await sightings.look(project, name, options);
      if (!found) return true;
      if (found.app && !(await this.#removeApp(project, name, options))) return false;
      await removeParts(project, { of: found.record.made.map(({ prototype }) => prototype), kept: [] }, options);
      const configMap = await orNothing(project.configMaps.get(name, options));
      if (configMap) {
        await project.configMaps.delete(name, options);
        sightings.removed(name, configMap);
      }
      return true;
    });
  }

  /** Removes an app that has our marks and no record. True once it is gone. */
  async removeUnrecorded(project: ProjectClient, name: string, options: CallOptions): Promise<boolean> {
    return await this.#lock.run(name, () => this.#removeApp(project, name, options));
  }

  stillLeaving(name: string): TransientError {
    return leaving(name, this.#parts.pace);
  }

  async #make(
    spec: WorkloadSpec,
    attempt: number,
    signal: AbortSignal,
  ): Promise<{ template: AppTemplate; made: Made }> {
    const { maker, imageFacts } = this.#parts;
    const app = this.nameOf(spec.owner);
    const template = appTemplate({ spec, maker, app, attempt, ...(await imageFacts(spec, signal)) });
    const { hash, processHash, generation, guardrails, image, confinement } = spec;
    const closed = confinement.network?.ingressPorts.length === 0;
    const { prototype } = template;
    const made: Made = {
      hash,
      ...(processHash !== undefined && processHash !== hash && { processHash }),
      generation,
      image: image.pinned,
      guardrails,
      attempt,
      closed,
      startedAt: undefined,
      prototype,
    };
    return { template, made };
  }

  async #found(project: ProjectClient, name: string, options: CallOptions): Promise<Sighting> {
    const found = await this.#parts.sightings.look(project, name, options);
    if (found) return found;
    throw new TransientError(Reason.BackendError, `the record of ${name} is gone from the project; it is made again`);
  }

  /** Writes a record where it was as `before` has it. */
  async #write(
    project: ProjectClient,
    before: Sighting | undefined,
    record: WorkloadRecord,
    options: CallOptions,
  ): Promise<Sighting> {
    const { name } = record.made[0].prototype;
    const data = encodeRecord(record);
    const { configMaps } = project;
    const written = before
      ? await configMaps.replace(name, { data }, { ...options, entityTag: before.entityTag })
      : await explainingQuota("config maps", configMaps, () => configMaps.create({ name, data }, options), options);
    return await this.#parts.sightings.saw(
      project,
      { record, entityTag: written.entity_tag, app: before?.app },
      options,
    );
  }

  /** Makes the app of a record, or adopts the one that an answer was lost of. */
  async #launch(project: ProjectClient, sighting: Sighting, options: CallOptions): Promise<Sighting> {
    const { record, entityTag, app: existing } = sighting;
    const { prototype } = record.made[0];
    if (existing) return await this.#change(project, sighting, options);
    try {
      const app = await explainingQuota("apps", project.apps, () => project.apps.create(prototype, options), options);
      return await this.#parts.sightings.saw(project, { record, entityTag, app, written: true }, options);
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      const after = await this.#parts.sightings.lookAtApp(project, prototype.name, options);
      if (after?.foreign) throw foreign(prototype.name);
      if (!after?.app) throw leaving(prototype.name, this.#parts.pace);
      return await this.#change(project, after, options);
    }
  }

  /** Makes the app what its record says, unless it is. */
  async #change(project: ProjectClient, sighting: Sighting, options: CallOptions): Promise<Sighting> {
    const { record, entityTag } = sighting;
    const { prototype } = record.made[0];
    let { app } = sighting;
    let written = false;
    for (let tries = 1; ; tries++) {
      if (!app) throw leaving(prototype.name, this.#parts.pace);
      if (this.#isAsked(app, record) && tries > 1) break;
      try {
        app = await project.apps.patch(prototype.name, patchTo(prototype, app), {
          ...options,
          entityTag: app.entity_tag,
        });
        written = true;
        break;
      } catch (error) {
        if (!isFailure(error, "conflict") || tries >= TRIES) throw error;
        app = (await this.#parts.sightings.lookAtApp(project, prototype.name, options))?.app;
      }
    }
    return await this.#parts.sightings.saw(project, { record, entityTag, app, written }, options);
  }

  #hasFailed(sighting: Sighting): boolean {
    const view = this.#parts.sightings.view(sighting);
    return view?.state.kind === "failed" || view?.rollout?.trouble !== undefined;
  }

  #isAsked(app: App, { made: [newest] }: WorkloadRecord): boolean {
    const marks = marksOf(app, this.#parts.maker);
    return marks?.hash === markOf(newest) && marks.attempt === newest.attempt;
  }

  /** Answers whether it is gone; if it takes long, later looks see to it. */
  async #removeApp(project: ProjectClient, name: string, options: CallOptions): Promise<boolean> {
    const { clock, pace } = this.#parts;
    if ((await project.apps.delete(name, options)) === "absent") return true;
    const until = clock.monotonicMs() + pace.goneMs;
    for (
      let waitMs = Math.min(GONE_LOOK_MS, pace.busyMs);
      clock.monotonicMs() < until;
      waitMs = Math.min(waitMs * 2, pace.busyMs)
    ) {
      await delay(clock, waitMs, options.signal);
      options.signal.throwIfAborted();
      if (!(await orNothing(project.apps.get(name, options)))) return true;
    }
    return false;
  }

  #view(sighting: Sighting): Workload {
    if (sighting.foreign) throw foreign(sighting.record.made[0].prototype.name);
    const view = this.#parts.sightings.view(sighting);
    if (view) return view;
    throw leaving(sighting.record.made[0].prototype.name, this.#parts.pace);
  }

  #now(): string {
    return this.#parts.clock.now().toISOString();
  }
}

/**
 * What the new one does not have is reset; lists replace lists, and a probe keeps what it is not told. Who reaches it is
 * changed alone where nothing else is different: that makes no revision.
 */
function patchTo(to: AppPrototype, from: App): AppPatch {
  const { name: _, probe_liveness, probe_readiness, ...prototype } = to;
  const { managed_domain_mappings } = prototype;
  if (managed_domain_mappings && differences(from, to).every((field) => field === "managed_domain_mappings"))
    return { managed_domain_mappings };
  return {
    image_secret: null,
    run_as_user: null,
    probe_liveness: probe_liveness ? { ...NO_PROBE, ...probe_liveness } : null,
    probe_readiness: probe_readiness ? { ...NO_PROBE, ...probe_readiness } : null,
    ...prototype,
  };
}

const NO_PROBE = { path: null, initial_delay: null } as const;

function leaving(name: string, { busyMs }: Pace): TransientError {
  const message = `the app ${name} is still being deleted, which Code Engine may take minutes for; it is made again when that is done`;
  return new TransientError(Reason.BackendError, message, { retryAfterMs: busyMs });
}

function foreign(name: string): TransientError {
  const message = `an app ${name} is in the project that this deployment did not make, and it is left alone; remove or rename it`;
  return new TransientError(Reason.BackendError, message);
}
