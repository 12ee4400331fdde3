import { ConditionType, Reason } from "../../../api/v1alpha1/conditions.ts";
import { listing } from "../../../guardrails/listing.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import { jsonEqual } from "../../../machinery/json-equal.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { Aspect } from "../../backend.ts";
import type { EgressBound, EgressProgress, EgressRival } from "../../egress.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { CallOptions } from "../client/transport.ts";
import type { Pace } from "../code-engine-config.ts";
import type { ManagedEgress } from "../guardrail-capabilities.ts";
import { jitteredMs } from "../jitter.ts";
import type { ProjectLink } from "../project-link.ts";
import { KeyedLock } from "../workloads/keyed-lock.ts";
import { describeEgress } from "./describe-egress.ts";
import { type EgressRule, egressSteps } from "./egress-plan.ts";
import { contains, type EgressRanges, EVERYTHING, egressRanges } from "./egress-ranges.ts";
import { applySteps } from "./egress-steps.ts";

export interface EgressKeeperParts {
  /** The project's name, or else its ID. */
  readonly project: string;
  readonly link: ProjectLink;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly logger: Logger;
}

/** What the look at rest costs is a call in so many of the others: less than two an hour. */
const REST_ROUNDS = 5;
/** Between two looks of which the first was followed by a start; one right before each start would cost more than it tells. */
const FRESH_ROUNDS = 12;
/** How often rules may have to be put right before the pause between two tries grows. */
const PROMPT_TRIES = 3;
const LONGEST_PAUSE_MS = 300_000;
/** What is told of an hour of changes by others needs no more. */
const MAX_CHANGES = 32;

type State =
  | { readonly kind: "standing" }
  /** On its way, or not looked at yet. */
  | { readonly kind: "pending"; readonly message: string }
  /** Needs somebody, or waits for Code Engine to answer. */
  | { readonly kind: "failing"; readonly message: string };

/** What its owner wants of a project, in ranges. */
interface Wanted extends EgressRanges {
  readonly bound: EgressBound;
}

/**
 * The allowed outbound destinations of a project that is dedicated to one RuntimeBackend. They are the bound's and nobody
 * else's: rules of others are removed, but for private path gateways, which are no ranges.
 */
export class EgressKeeper {
  readonly #parts: EgressKeeperParts;
  readonly #lock = new KeyedLock();
  #asked: EgressBound | EgressRival | undefined;
  /** Undefined while nobody may say what the rules shall be. */
  #wanted: Wanted | undefined;
  #state: State = { kind: "pending", message: "its rules have not been looked at yet" };
  /** As the last look found them. */
  #rules: readonly EgressRule[] = [];
  #gateways = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** When somebody last began to look, whether that succeeded or not. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.NEGATIVE_INFINITY;
  /** In a row, without standing in between. */
  #tries = 0;
  readonly #changes: string[] = [];
  /** Changes that were told since the rules stood last. */
  readonly #told = new Set<string>();

  constructor(parts: EgressKeeperParts) {
    this.#parts = parts;
  }

  async manage(asked: EgressBound | EgressRival | undefined, signal: AbortSignal): Promise<EgressProgress> {
    if (!jsonEqual(asked, this.#asked)) this.#want(asked);
    if (this.#wanted && this.#now() >= this.#dueAt) await this.#settle(signal);
    const againInMs = this.#wanted ? Math.max(this.#dueAt - this.#now(), 0) : Number.POSITIVE_INFINITY;
    return { changes: this.#changes.splice(0), againInMs };
  }

  /** @throws {TransientError} `EgressNotReady`, unless it was seen a moment ago that the rules stand. */
  async assertStanding(signal: AbortSignal): Promise<void> {
    const { pace } = this.#parts;
    const isFresh = this.#now() - this.#lookedAt < pace.busyMs * FRESH_ROUNDS;
    if (this.#state.kind === "standing" && isFresh) return;
    if (this.#wanted && (this.#state.kind === "standing" || this.#now() >= this.#dueAt)) await this.#settle(signal);
    // Read anew: it is another one now.
    if (this.#current().kind === "standing") return;
    const retryAfterMs = Math.max(this.#dueAt - this.#now(), pace.busyMs);
    throw new TransientError(Reason.EgressNotReady, `nothing starts yet: ${this.#trouble()}`, { retryAfterMs });
  }

  /**
   * Builds fetch sources and packages, and the rules are theirs, too.
   * @throws {TerminalError | TransientError} unless everything may be reached.
   */
  assertBuildsReach(): void {
    const { project } = this.#parts;
    if (!this.#wanted) throw new TransientError(Reason.EgressNotReady, `nothing is built yet: ${this.#trouble()}`);
    const { bound, ranges } = this.#wanted;
    if (ranges.includes(EVERYTHING)) return;
    const message = `spec.source.git: builds in project ${project} would reach no more than GuardrailProfile "${bound.profile}" lets its workloads, and so no sources and packages; name another project in codeEngine.builds.project of the RuntimeBackend, or build elsewhere and use spec.source.image`;
    throw new TerminalError(Reason.SourceNotSupported, message);
  }

  aspect(): Aspect {
    const type = ConditionType.EgressManaged;
    if (!this.#wanted) {
      const reason = this.#rival() === undefined ? Reason.GuardrailProfileNotFound : Reason.EgressNotReady;
      return { type, available: false, reason, message: this.#trouble() };
    }
    if (this.#state.kind !== "standing") {
      return { type, available: false, reason: Reason.EgressNotReady, message: this.#trouble() };
    }
    const { project } = this.#parts;
    const { bound, ranges, leftOut } = this.#wanted;
    const message = describeEgress({ project, profile: bound.profile, ranges, leftOut, gateways: this.#gateways });
    const reason = leftOut.length > 0 ? Reason.HostsLeftOut : Reason.EgressInForce;
    return { type, available: true, reason, message };
  }

  /** For what is told of guardrails. */
  facts(): ManagedEgress {
    const { project } = this.#parts;
    if (!this.#wanted) return { project, ranges: undefined };
    const { ranges } = this.#wanted;
    const excess = this.#state.kind === "failing" ? this.#excess(ranges) : [];
    return { project, ranges: [...ranges, ...excess] };
  }

  #want(asked: EgressBound | EgressRival | undefined): void {
    this.#asked = asked;
    const bound = asked && "egress" in asked ? asked : undefined;
    this.#wanted = bound && { bound, ...egressRanges(bound.egress) };
    this.#state = { kind: "pending", message: "its rules have not been compared with the bound yet" };
    this.#dueAt = Number.NEGATIVE_INFINITY;
    this.#tries = 0;
  }

  /** One look, and what has to be done about it. Never throws but what aborts it: `state` tells. */
  async #settle(signal: AbortSignal): Promise<void> {
    const asked = this.#now();
    await this.#lock.run("", async () => {
      // Others have waited for the same look.
      if (this.#triedAt > asked) return;
      const wanted = this.#wanted;
      if (!wanted) return;
      const before = this.#state;
      this.#triedAt = this.#now();
      const after = await this.#attempt(wanted, signal);
      // The bound is another by now, of which this look says nothing.
      if (this.#wanted !== wanted) return;
      this.#state = after;
      this.#tries = after.kind === "standing" ? 0 : this.#tries + 1;
      if (after.kind === "standing") this.#told.clear();
      this.#dueAt = this.#now() + this.#pauseMs(after);
      if (after.kind === "failing" && before.kind !== "failing")
        this.#parts.logger.warn("the rules for egress cannot be kept", { project: this.#parts.project, ...after });
    });
  }

  async #attempt(wanted: Wanted, signal: AbortSignal): Promise<State> {
    try {
      return await this.#parts.link.use((project) => this.#compare(project, wanted, signal), signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof TransientError || error instanceof TerminalError)) throw error;
      return { kind: "failing", message: error.message };
    }
  }

  async #compare(project: ProjectClient, wanted: Wanted, signal: AbortSignal): Promise<State> {
    const names = await this.#look(project, { signal });
    const steps = egressSteps(this.#rules, wanted.ranges, names);
    if (steps.length === 0) {
      const waited = this.#rules.filter(({ status = "ready" }) => status !== "ready").map(({ cidr }) => cidr);
      return waited.length === 0
        ? { kind: "standing" }
        : { kind: "pending", message: `Code Engine is putting rules in force: ${listing(waited)}` };
    }
    const { done, refused } = await applySteps(project, steps, { signal });
    // What is being removed is still listed for a while, and removed again then.
    for (const change of done.filter((each) => !this.#told.has(each))) {
      this.#told.add(change);
      this.#parts.logger.info("changed a rule for egress", { project: this.#parts.project, change });
      if (this.#changes.length < MAX_CHANGES) this.#changes.push(change);
    }
    if (refused === undefined) return { kind: "pending", message: "rules have been changed, which takes a moment" };
    return { kind: "failing", message: refused };
  }

  /** Answers the names of all destinations. */
  async #look(project: ProjectClient, options: CallOptions): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    const rules: EgressRule[] = [];
    const at = this.#now();
    for await (const each of project.outboundDestinations.list(options)) {
      names.add(each.name);
      if (each.type !== "cidr_block") continue;
      rules.push({ name: each.name, cidr: each.cidr_block ?? "", entityTag: each.entity_tag, status: each.status });
    }
    this.#rules = rules;
    this.#gateways = names.size - rules.length;
    this.#lookedAt = at;
    return names;
  }

  /** What the rules let out beyond the bound, as far as is known. */
  #excess(ranges: readonly string[]): readonly string[] {
    const open = this.#rules.map(({ cidr }) => cidr);
    return open.filter((cidr) => !ranges.some((range) => contains(range, cidr)));
  }

  #trouble(): string {
    const { project } = this.#parts;
    const rival = this.#rival();
    if (rival !== undefined)
      return `RuntimeBackend "${rival}" was made first and keeps the rules of project ${project}, which cannot be dedicated to both; name another project in spec.codeEngine, or set its egress to Unmanaged`;
    if (!this.#wanted)
      return `the GuardrailProfile of spec.guardrailsBound is not known, so the rules of project ${project} are left as they are; make it, or name another`;
    return this.#state.kind === "standing"
      ? `the rules of project ${project} stand`
      : `the rules of project ${project} are not those of GuardrailProfile "${this.#wanted.bound.profile}" yet: ${this.#state.message}`;
  }

  #rival(): string | undefined {
    return this.#asked && "rival" in this.#asked ? this.#asked.rival : undefined;
  }

  #pauseMs({ kind }: State): number {
    const { busyMs, restMs } = this.#parts.pace;
    if (kind === "standing") return jitteredMs(restMs * REST_ROUNDS);
    return Math.min(busyMs * 2 ** Math.max(this.#tries - PROMPT_TRIES, 0), LONGEST_PAUSE_MS);
  }

  #current(): State {
    return this.#state;
  }

  #now(): number {
    return this.#parts.clock.monotonicMs();
  }
}
