/**
 * Reads a value that came from elsewhere. `path` names the place in it, for errors.
 * @throws {ShapeError} which names the place and never the value.
 */
export type Decoder<T> = (value: unknown, path: string) => T;

/** A decoder for a field that may be missing; null counts as missing. */
export interface OptionalDecoder<T> {
  readonly optional: Decoder<T>;
}

type Field = Decoder<unknown> | OptionalDecoder<unknown>;
type Required<F> = { [K in keyof F]: F[K] extends OptionalDecoder<unknown> ? never : K }[keyof F];

/** What an object with these fields is read as. */
export type Read<F> = { readonly [K in keyof F as K & Required<F>]: F[K] extends Decoder<infer T> ? T : never } & {
  readonly [K in keyof F as Exclude<K, Required<F>>]?: F[K] extends OptionalDecoder<infer T> ? T : never;
};

/** One of `W`, or a word that IBM added since. */
export type Word<W extends string> = W | (string & Record<never, never>);

export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export const string: Decoder<string> = (value, path) => {
  if (typeof value !== "string") throw new ShapeError(`${path} is no string`);
  return value;
};

export const number: Decoder<number> = (value, path) => {
  if (typeof value !== "number") throw new ShapeError(`${path} is no number`);
  return value;
};

export const boolean: Decoder<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new ShapeError(`${path} is no boolean`);
  return value;
};

/** A string of which some values are known. */
export function word<W extends string>(): Decoder<Word<W>> {
  return string;
}

export function optional<T>(decoder: Decoder<T>): OptionalDecoder<T> {
  return { optional: decoder };
}

/** Must be there: an answer without it says nothing, rather than that there are none. */
export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(`${path} is no array`);
    return value.map((element, index) => item(element, `${path}[${index}]`));
  };
}

/** Empty where it is missing. */
export function listOrEmpty<T>(item: Decoder<T>): Decoder<readonly T[]> {
  const decode = list(item);
  return (value, path) => decode(value ?? [], path);
}

export function stringMap(value: unknown, path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record(value, path)).map(([key, member]) => [key, string(member, `${path}.*`)]),
  );
}

/** Fields that are not named are left out. */
export function object<F extends Readonly<Record<string, Field>>>(fields: F): Decoder<Read<F>> {
  const entries = Object.entries(fields);
  return (value, path) => {
    const source = record(value, path);
    const read: Record<string, unknown> = {};
    for (const [name, field] of entries) {
      const member = source[name] ?? undefined;
      const at = path === "" ? name : `${path}.${name}`;
      if (typeof field === "function") read[name] = field(member, at);
      else if (member !== undefined) read[name] = field.optional(member, at);
    }
    return read as Read<F>;
  };
}

function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ShapeError(`${path === "" ? "it" : path} is no object`);
  return value as Readonly<Record<string, unknown>>;
}
