import type { Clock } from "../../../machinery/clock.ts";
import { jsonEqual } from "../../../machinery/json-equal.ts";
import type { Owner, Workload } from "../../backend.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { App, Revision } from "../client/resources/apps.ts";
import type { ConfigMap } from "../client/resources/config.ts";
import type { CallOptions } from "../client/transport.ts";
import { differences } from "./app-drift.ts";
import { marksOf } from "./marks.ts";
import { decodeRecord, type WorkloadRecord } from "./record.ts";
import { type Around, type Sight, workloadOf } from "./workload-view.ts";

/** One app and its record as they were last seen, with what a change of them must show. */
export interface Sighting extends Sight {
  /** Of the record. */
  readonly entityTag: string;
  /** Whether an app of this name exists that is somebody else's. */
  readonly foreign: boolean;
  readonly at: number;
}

interface Seen {
  readonly record: WorkloadRecord;
  readonly entityTag: string;
  readonly app: App | undefined;
  /** Whether the app is as a write of ours was answered. */
  readonly written?: boolean;
}

/** What was last seen of each app of ours, so that looking at what rests costs no call. */
export class Sightings {
  readonly #around: Around;
  readonly #clock: Clock;
  readonly #validMs: number;
  readonly #seen = new Map<string, Sighting>();
  /** Config maps whose deletion was accepted; they may be found for a while. As many as are being deleted. */
  readonly #removed = new Map<string, string>();

  constructor(around: Around, clock: Clock, validMs: number) {
    this.#around = around;
    this.#clock = clock;
    this.#validMs = validMs;
  }

  get all(): ReadonlyMap<string, Sighting> {
    return this.#seen;
  }

  view(sighting: Sighting): Workload | undefined {
    return workloadOf(sighting, this.#around);
  }

  /** Undefined where nothing is known of it that still holds. */
  known(name: string): Sighting | undefined {
    const found = this.#seen.get(name);
    return found && this.#clock.monotonicMs() - found.at < this.#validMs && this.rests(found) ? found : undefined;
  }

  /** Whether nothing is under way. */
  rests(sighting: Sighting): boolean {
    const { record, app } = sighting;
    if (record.state !== "started") return app === undefined;
    const view = this.view(sighting);
    const failed = view?.state.kind === "failed" || view?.rollout?.trouble !== undefined;
    return (
      view !== undefined && (failed || (view.state.kind === "running" && !view.rollout && view.drift.length === 0))
    );
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** `configMap` will be gone: it counts as gone already. */
  removed(name: string, configMap: Pick<ConfigMap, "id">): void {
    this.#seen.delete(name);
    this.#removed.set(name, configMap.id ?? "");
  }

  /** Looks anew. Undefined where there is no record of ours. */
  async look(project: ProjectClient, name: string, options: CallOptions): Promise<Sighting | undefined> {
    const configMap = await orNothing(project.configMaps.get(name, options));
    const record =
      configMap && !this.isRemoved(name, configMap) ? decodeRecord(configMap, this.#around.maker) : undefined;
    if (!configMap) this.#removed.delete(name);
    if (!configMap || !record) {
      this.#seen.delete(name);
      return undefined;
    }
    const app = await orNothing(project.apps.get(name, options));
    return await this.saw(project, { record, entityTag: configMap.entity_tag, app }, options);
  }

  /** Looks anew at the app alone. */
  async lookAtApp(project: ProjectClient, name: string, options: CallOptions): Promise<Sighting | undefined> {
    const before = this.#seen.get(name);
    if (!before) return undefined;
    const app = await orNothing(project.apps.get(name, options));
    return await this.saw(project, { ...before, app }, options);
  }

  /** Keeps what was seen, and looks at the revisions that have to be known beside it. */
  async saw(
    project: ProjectClient,
    { record, entityTag, app, written = false }: Seen,
    options: CallOptions,
  ): Promise<Sighting> {
    const name = record.made[0].prototype.name;
    const ours = app && this.#isOurs(app, record.owner);
    const before = this.#seen.get(name);
    const revisions = ours ? await this.#revisions(project, app, before, options) : NONE;
    // What an answer to our own write differs in nobody has changed.
    const itsOwn = written && app ? differences(app, record.made[0].prototype) : (before?.itsOwn ?? []);
    const sighting = {
      ...{ itsOwn, record, entityTag, app: ours ? app : undefined, foreign: app !== undefined && !ours },
      ...{ ...revisions, at: this.#clock.monotonicMs() },
    };
    this.#seen.set(name, sighting);
    return sighting;
  }

  /** What was seen of it still holds. */
  confirm(name: string): void {
    const found = this.#seen.get(name);
    if (found) this.#seen.set(name, { ...found, at: this.#clock.monotonicMs() });
  }

  /** Whether two looks at one app come to different workloads. */
  differ(before: Sighting, after: Sighting): boolean {
    return !jsonEqual(this.view(before), this.view(after));
  }

  isRemoved(name: string, { id = "" }: Pick<ConfigMap, "id">): boolean {
    return this.#removed.get(name) === id;
  }

  /** All config maps that there are: others that were removed are gone. */
  listed(names: ReadonlySet<string>): void {
    for (const name of this.#removed.keys()) if (!names.has(name)) this.#removed.delete(name);
  }

  /** Whether a list shows another app than was last seen. */
  isNews({ app: before }: Sighting, app: App | undefined): boolean {
    return !jsonEqual(before, app && this.#isMade(app) ? app : undefined);
  }

  #isMade(app: App): boolean {
    return marksOf(app, this.#around.maker) !== undefined;
  }

  #isOurs(app: App, { uid }: Owner): boolean {
    return marksOf(app, this.#around.maker)?.owner.uid === uid;
  }

  /** The latest that serves never changes what it was made from; the latest made is asked until it is that one. */
  async #revisions(
    project: ProjectClient,
    app: App,
    before: Sighting | undefined,
    options: CallOptions,
  ): Promise<Pick<Sight, "created" | "ready">> {
    const { latest_created_revision: createdName = "", latest_ready_revision: readyName = "" } =
      app.status_details ?? {};
    const get = (name: string): Promise<Revision | undefined> =>
      orNothing(project.revisions(app.name).get(name, options));
    const known = [before?.ready, before?.created].find((each) => each?.name === readyName);
    const ready = readyName === "" ? undefined : (known ?? (await get(readyName)));
    const isDone = app.status !== "warning" && app.status !== "failed" && createdName === readyName;
    const created = isDone || createdName === "" || app.status === "deploying" ? undefined : await get(createdName);
    return { created, ready };
  }
}

const NONE = { created: undefined, ready: undefined } as const;

/** Undefined for what does not exist. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isFailure(error, "notFound")) return undefined;
    throw error;
  }
}
