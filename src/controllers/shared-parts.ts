import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";

/** More than there are profiles on backends, sources in common and ways to ask, by far. */
const MAX_PARTS = 2_048;
/** Of a generation, of which there are two. */
const MAX_STRINGS = 8_192;
/** Longer texts are hardly the same twice. */
const MAX_STRING_LENGTH = 1_024;

/**
 * Deployments are much alike: the table of enforced fields is the same for all of a profile on a backend, and so are most of
 * the words of their conditions. Kept once, this is more than half of what ten thousand of them take.
 */
export class SharedParts {
  readonly #parts = new Map<string, object>();
  #strings = new Map<string, string>();
  /** Those before: what is asked for again outlives the many that are of one deployment alone. */
  #formerStrings = new Map<string, string>();

  /** Puts one value in the place of all that are equal. Changes its argument, before a cache keeps it. */
  share(deployment: RuntimeDeployment): RuntimeDeployment {
    this.#members(deployment);
    const { metadata, spec, status } = deployment;
    if (metadata) this.#members(metadata, metadata);
    if (spec) this.#members(spec, spec);
    if (!status) return deployment;
    const { guardrails, conditions, workload, mcp } = status;
    this.#members(status, { ...(guardrails && { guardrails }) });
    for (const condition of conditions ?? []) this.#members(condition);
    if (workload) this.#members(workload);
    if (mcp) this.#members(mcp, mcp);
    return deployment;
  }

  /** Shares the texts among the members of `object`, and of the other members those that `parts` has, whole. */
  #members(object: object, parts: object = {}): void {
    const members = object as Record<string, unknown>;
    for (const [name, value] of Object.entries(object)) {
      if (typeof value === "string") members[name] = this.#string(value);
      else if (typeof value === "object" && value !== null && name in parts) members[name] = this.#part(value);
    }
  }

  #part(value: object): object {
    const text = JSON.stringify(value);
    const known = this.#parts.get(text);
    if (known) return known;
    if (this.#parts.size >= MAX_PARTS) this.#parts.clear();
    this.#parts.set(text, value);
    return value;
  }

  #string(value: string): string {
    if (value.length > MAX_STRING_LENGTH) return value;
    const known = this.#strings.get(value);
    if (known !== undefined) return known;
    if (this.#strings.size >= MAX_STRINGS) {
      this.#formerStrings = this.#strings;
      this.#strings = new Map();
    }
    const kept = this.#formerStrings.get(value) ?? value;
    this.#strings.set(kept, kept);
    return kept;
  }
}
