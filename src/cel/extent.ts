/** How large a value can be, and everything within it. */
export interface Extent {
  /** Entries of a list or map. */
  readonly items: number;
  /** Characters of a text. */
  readonly text: number;
  /** Steps that reading all of it takes. */
  readonly weight: number;
  /** What it can be, where that is known; then selecting a part says more than the numbers. */
  readonly values?: readonly unknown[];
}

/** A tenth of a step for each character, as cel-go counts. */
export const TRAVERSAL = 0.1;

/** A number, or a text that is no longer than one. */
export const SCALAR: Extent = { items: 0, text: 32, weight: 1 };

/** The extent of a value that is one of these. */
export function extentOf(values: readonly unknown[]): Extent {
  const all = values.map(measured);
  const most = (of: (extent: Extent) => number) => all.reduce((max, extent) => Math.max(max, of(extent)), 0);
  return {
    items: most(({ items }) => items),
    text: most(({ text }) => text),
    weight: most(({ weight }) => weight),
    values,
  };
}

/** Entries at most, not counting what is within them. */
export function entriesOf({ values, items }: Extent): number {
  return values ? values.reduce<number>((most, value) => Math.max(most, childrenOf(value).length), 0) : items;
}

/** Characters at most, not counting what is within. */
export function lengthOf({ values, text }: Extent): number {
  if (!values) return text;
  return values.reduce<number>((most, value) => Math.max(most, typeof value === "string" ? value.length : 0), 0);
}

/** What a macro's variable can be: items of a list, keys of a map. */
export function rangeOf(extent: Extent): Extent {
  if (!extent.values) return extent;
  return extentOf(extent.values.flatMap((value) => (Array.isArray(value) ? value : Object.keys(objectOf(value)))));
}

/** A member, or any of them where it is not known which. */
export function partOf(extent: Extent, name: string | undefined): Extent {
  if (!extent.values) return extent;
  return extentOf(
    extent.values.flatMap((value) => {
      if (name === undefined) return childrenOf(value);
      const object = objectOf(value);
      return Object.hasOwn(object, name) ? [object[name]] : [];
    }),
  );
}

/** Of values that cannot change. */
const known = new WeakMap<object, Extent>();

function measured(value: unknown): Extent {
  if (typeof value === "string") return { items: 0, text: value.length, weight: 1 + value.length * TRAVERSAL };
  if (typeof value !== "object" || value === null) return SCALAR;
  const before = known.get(value);
  if (before) return before;
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  const parts = [...childrenOf(value), ...keys].map(measured);
  const extent = parts.reduce<Extent>(
    (whole, part) => ({
      items: Math.max(whole.items, part.items),
      text: Math.max(whole.text, part.text),
      weight: whole.weight + part.weight,
    }),
    { items: parts.length, text: 0, weight: 1 },
  );
  if (Object.isFrozen(value)) known.set(value, extent);
  return extent;
}

function childrenOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : Object.values(objectOf(value));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
