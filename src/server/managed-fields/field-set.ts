/**
 * A set of fields as a tree of path elements, each written as in FieldsV1: `f:spec`, `k:{"name":"a"}`, `v:"x"`.
 * Sets are shared freely and never change once built; only `FieldSetBuilder` writes.
 */
export interface FieldSet {
  /** Whether the path that leads here is in the set. Never true of a root: nobody owns a whole object. */
  readonly owned: boolean;
  /** No child is empty: each is owned or has children. */
  readonly children: ReadonlyMap<string, FieldSet>;
}

const NO_CHILDREN: ReadonlyMap<string, FieldSet> = new Map();
export const EMPTY: FieldSet = { owned: false, children: NO_CHILDREN };
export const OWNED_LEAF: FieldSet = { owned: true, children: NO_CHILDREN };

export function isEmpty({ owned, children }: FieldSet): boolean {
  return !owned && children.size === 0;
}

/** `owned` with children; the shared leaves where there are none. */
export function fieldSet(owned: boolean, children: ReadonlyMap<string, FieldSet> = NO_CHILDREN): FieldSet {
  if (children.size > 0) return { owned, children };
  return owned ? OWNED_LEAF : EMPTY;
}

/** Children that are collected, in a map that is made for the first that is not empty. */
export function withChild(
  children: Map<string, FieldSet> | undefined,
  element: string,
  child: FieldSet,
): Map<string, FieldSet> | undefined {
  return isEmpty(child) ? children : (children ?? new Map<string, FieldSet>()).set(element, child);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const own = children.get(element);
    children.set(element, own === undefined ? child : union(own, child));
  }
  return fieldSet(a.owned || b.owned, children);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  let children: Map<string, FieldSet> | undefined;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined) continue;
    children = withChild(children, element, intersection(child, other));
  }
  return fieldSet(a.owned && b.owned, children);
}

/** What is in `a` and not in `b`. A child stays although its parent is in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false);
}

/** As `difference`, but everything below a field of `b` goes too. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, true);
}

function subtract(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet {
  if (isEmpty(b)) return a;
  let children: Map<string, FieldSet> | undefined;
  for (const [element, other] of b.children) {
    const child = a.children.get(element);
    if (child === undefined) continue;
    const rest = recursive && other.owned ? EMPTY : subtract(child, other, recursive);
    if (rest === child) continue;
    children ??= new Map(a.children);
    if (isEmpty(rest)) children.delete(element);
    else children.set(element, rest);
  }
  const owned = a.owned && !b.owned;
  return children === undefined && owned === a.owned ? a : fieldSet(owned, children ?? a.children);
}

export function isSubset(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.owned && !b.owned) return false;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined || !isSubset(child, other)) return false;
  }
  return true;
}

/** Calls `visit` for each path of the set: the fields of a level first, then what lies below them, each in order. */
export function forEachPath(
  set: FieldSet,
  visit: (path: readonly string[]) => void,
  prefix: readonly string[] = [],
): void {
  const elements = [...set.children.keys()].sort(compareElements);
  for (const element of elements) if (set.children.get(element)?.owned === true) visit([...prefix, element]);
  for (const element of elements) forEachPath(set.children.get(element) as FieldSet, visit, [...prefix, element]);
}

const KIND_ORDER = "fkvi";

/** Fields before keys before values before indices, each by its text. */
export function compareElements(a: string, b: string): number {
  const kinds = KIND_ORDER.indexOf(a[0] as string) - KIND_ORDER.indexOf(b[0] as string);
  if (kinds !== 0) return kinds;
  return a < b ? -1 : a > b ? 1 : 0;
}

interface MutableNode {
  owned: boolean;
  children: Map<string, MutableNode>;
}

/** Collects paths; for walks that find few. */
export class FieldSetBuilder {
  readonly #root: MutableNode = { owned: false, children: new Map() };

  /** The empty path is ignored. `path` may change afterwards. */
  add(path: readonly string[]): void {
    let node = this.#root;
    for (const element of path) {
      let child = node.children.get(element);
      if (child === undefined) {
        child = { owned: false, children: new Map() };
        node.children.set(element, child);
      }
      node = child;
    }
    if (path.length > 0) node.owned = true;
  }

  /** The builder must not be used afterwards. */
  build(): FieldSet {
    return this.#root;
  }
}
