import type { SortedObjects } from "./sorted-objects.ts";
import type { Change } from "./store.ts";

type State = ReadonlyMap<string, SortedObjects>;

/**
 * What leads from one state of a store to another, in the form of single changes: first what is gone, then what is there.
 * An object that was made anew under its name is gone and there.
 */
export function* changesBetween(before: State, after: State, revision: number): Generator<Change> {
  for (const [resource, objects] of before) {
    for (const previous of objects.list()) {
      const { key, id } = previous;
      if (after.get(resource)?.get(key)?.id !== id) yield { revision, resource, key, current: undefined, previous };
    }
  }
  for (const [resource, objects] of after) {
    for (const current of objects.list()) {
      const { key, id } = current;
      const known = before.get(resource)?.get(key);
      yield { revision: current.revision, resource, key, current, previous: known?.id === id ? known : undefined };
    }
  }
}
