import { isObject } from "../schema/schema-node.ts";
import { elementOf } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve } from "./typed-schema.ts";

/** Lays a configuration over the live object. Neither is changed; the result shares parts with both. */
export function merge(type: FieldType, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const resolved = resolve(type, applied);
  switch (resolved.kind) {
    case "scalar":
      return applied;
    case "list":
      return mergeLists(resolved, live, applied);
    case "map":
      return mergeMaps(resolved, live, applied);
    default:
      return resolved satisfies never;
  }
}

function mergeMaps(type: MapType, live: unknown, applied: unknown): unknown {
  if (type.atomic || isEmptyObject(live) || isEmptyObject(applied)) {
    return type.atomic || isEmptyObject(live) ? applied : live;
  }
  const [old, next] = [live as Record<string, unknown>, applied as Record<string, unknown>];
  const result: Record<string, unknown> = { ...old };
  for (const key of Object.keys(next)) {
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    result[key] = merge(fieldType(type, key) ?? { kind: "deduced" }, before, next[key]);
  }
  return result;
}

/** Null and what is no map count as empty. */
function isEmptyObject(value: unknown): boolean {
  return !isObject(value) || Object.keys(value).length === 0;
}

function mergeLists(type: ListType, live: unknown, applied: unknown): unknown {
  const old = Array.isArray(live) ? live : [];
  const next = Array.isArray(applied) ? applied : [];
  if (type.relation === "atomic" || old.length === 0) return applied;
  if (next.length === 0) return live;
  return new ListMerge(type, old, next).run();
}

/**
 * Both orders count: applied items keep the order of the configuration, live items that it does not name stay behind the
 * live item that they followed.
 */
class ListMerge {
  readonly #type: ListType;
  readonly #live: readonly unknown[];
  readonly #liveElements: readonly (string | undefined)[];
  readonly #liveByElement = new Map<string, unknown>();
  readonly #applied: readonly unknown[];
  readonly #appliedElements: readonly (string | undefined)[];
  readonly #appliedSet: ReadonlySet<string | undefined>;

  constructor(type: ListType, live: readonly unknown[], applied: readonly unknown[]) {
    this.#type = type;
    this.#live = live;
    this.#applied = applied;
    this.#liveElements = live.map((item) => elementOf(type, item));
    this.#appliedElements = applied.map((item) => elementOf(type, item));
    this.#appliedSet = new Set(this.#appliedElements);
    for (const [index, element] of this.#liveElements.entries()) {
      // Items that occur twice cannot be merged with: the applied one replaces them.
      if (element !== undefined)
        this.#liveByElement.set(element, this.#liveByElement.has(element) ? undefined : live[index]);
    }
  }

  run(): unknown[] {
    const shared = this.#appliedElements.filter((element) => element !== undefined && this.#liveByElement.has(element));
    const merged = new Set<string | undefined>();
    const result: unknown[] = [];
    let nextShared = shared.shift();
    let left = 0;
    let right = 0;
    while (left < this.#live.length || right < this.#applied.length) {
      const liveElement = this.#liveElements[left];
      const hasBoth = left < this.#live.length && right < this.#applied.length;
      if (hasBoth && liveElement === this.#appliedElements[right]) {
        merged.add(liveElement);
        result.push(this.#merge(right));
        left += 1;
        right += 1;
        nextShared = shared.shift();
        continue;
      }
      if (hasBoth && this.#appliedSet.has(liveElement) && nextShared !== undefined && nextShared !== liveElement) {
        left += 1;
        continue;
      }
      if (left < this.#live.length && !this.#appliedSet.has(liveElement)) {
        result.push(this.#live[left]);
        left += 1;
        continue;
      }
      if (left < this.#live.length && merged.has(liveElement)) left += 1;
      if (right < this.#applied.length) {
        const element = this.#appliedElements[right];
        merged.add(element);
        result.push(this.#merge(right));
        right += 1;
        if (nextShared !== undefined && nextShared === element) nextShared = shared.shift();
      }
    }
    return result;
  }

  #merge(index: number): unknown {
    const element = this.#appliedElements[index];
    const live = element === undefined ? undefined : this.#liveByElement.get(element);
    return merge(this.#type.items, live, this.#applied[index]);
  }
}
