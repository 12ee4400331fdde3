import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import { labelSelectorMatcher } from "../selectors/label-selector.ts";
import type { ClusterRole, PolicyRule } from "./rbac.ts";
import { clusterRoles } from "./stored-rbac.ts";

/** The rules that `role` has by its aggregationRule, each once, in the order of the roles' names; undefined without one. */
export function aggregatedRules(role: AggregableRole, all: Iterable<AggregableRole>): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (!selectors) return undefined;
  const byName = [...all].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const { matchLabels, matchExpressions } of selectors) {
    const isSelected = labelSelectorMatcher({
      matchLabels: matchLabels ?? {},
      matchExpressions: matchExpressions ?? [],
    });
    for (const { metadata, rules: granted } of byName) {
      if (metadata.name === role.metadata.name || !isSelected(metadata.labels)) continue;
      for (const rule of granted ?? []) rules.set(identity(rule), rule);
    }
  }
  return [...rules.values()];
}

type AggregableRole = Pick<ClusterRole, "aggregationRule" | "rules"> & {
  metadata: Pick<ClusterRole["metadata"], "name" | "labels">;
};

/** Equal for equal rules, whatever the order of their fields. */
function identity({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  return JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs].map((list) => list ?? []));
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

export interface AggregatorOptions {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes the rules of aggregated ClusterRoles back into them, now and after each change of any ClusterRole, as the
 * controller clusterrole-aggregation of kube-controller-manager does. A write that fails is tried again.
 */
export class ClusterRoleAggregator implements AsyncDisposable {
  readonly #options: AggregatorOptions;
  readonly #stop: () => void;
  #cancelRetry: () => void = () => undefined;
  #failures = 0;
  #changed = false;
  #stopped = false;
  #work: Promise<void> | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.#stop = options.reader.subscribe(clusterRoles, () => this.#wake());
    this.#wake();
  }

  /** Resolves when what was known at the call is written, or when a write failed and waits for its retry. */
  async settled(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  /** Resolves when no write is under way any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stop();
    this.#cancelRetry();
    await this.#work;
  }

  #wake(): void {
    this.#changed = true;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      // A change may have come after the last look at the flag.
      if (this.#changed && !this.#stopped) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // Changes come one by one where many roles are installed: let the present turn finish first.
    await Promise.resolve();
    while (this.#changed && !this.#stopped) {
      this.#changed = false;
      try {
        await this.#pass();
        this.#failures = 0;
      } catch (error) {
        this.#retryLater(error);
        return;
      }
    }
  }

  async #pass(): Promise<void> {
    const { reader, writer } = this.#options;
    const all = reader.list<ClusterRole>(clusterRoles);
    for (const role of all) {
      const rules = aggregatedRules(role, all);
      if (!rules || isDeepStrictEqual(rules, role.rules ?? [])) continue;
      // By the roles of that moment: a write takes its time, and they may be others by then.
      const change = (now: KubeObject) => {
        const current = aggregatedRules(now as ClusterRole, reader.list<ClusterRole>(clusterRoles));
        return current && { ...now, rules: current };
      };
      await writer.update(clusterRoles, { namespace: "", name: role.metadata.name }, change, {
        fieldManager: "clusterrole-aggregation-controller",
      });
    }
  }

  #retryLater(error: unknown): void {
    const delayMs = Math.min(firstRetryMs * 2 ** this.#failures++, longestRetryMs);
    this.#options.logger.warn("ClusterRole not aggregated; trying again", { error: String(error), delayMs });
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.schedule(delayMs, () => this.#wake());
  }
}
