import type { Projects } from "../projects/projects.ts";
import type { World } from "../world.ts";
import { type MetricSample, samplesOf } from "./metric-samples.ts";

interface Snapshot {
  readonly at: Date;
  readonly samples: readonly MetricSample[];
}

/** A sample each minute makes this more than a day. */
const CAPACITY = 2_000;

/** What the region's platform metrics bring to its instances of IBM Cloud Monitoring: each step, of every application. */
export class MetricHistory {
  readonly #world: World;
  readonly #projects: Projects;
  readonly #instances = new Set<string>();
  #snapshots: Snapshot[] = [];

  constructor(world: World, projects: Projects) {
    this.#world = world;
    this.#projects = projects;
  }

  /** Measures from the first instance on. */
  add(instanceId: string): void {
    if (this.#instances.size === 0) this.#measure();
    this.#instances.add(instanceId);
  }

  has(instanceId: string): boolean {
    return this.#instances.has(instanceId);
  }

  /** Oldest first: what was measured in the last `spanMs` and has arrived. */
  within(spanMs: number): readonly Snapshot[] {
    const now = this.#world.clock.now().getTime();
    const arrived = now - this.#world.timings.metricLagMs;
    return this.#snapshots.filter(({ at }) => at.getTime() > now - spanMs && at.getTime() <= arrived);
  }

  #measure(): void {
    const samples = this.#projects.all.flatMap(({ apps }) => apps.list().flatMap(samplesOf));
    if (this.#snapshots.length >= CAPACITY) this.#snapshots = this.#snapshots.slice(CAPACITY / 2);
    this.#snapshots.push({ at: this.#world.clock.now(), samples });
    this.#world.after(this.#world.timings.metricStepMs, () => this.#measure());
  }
}
