import { Duration } from "@marcbachmann/cel-js/evaluator";
import { parseDuration } from "../duration.ts";
import { isObject } from "../schema-node.ts";
import type { CelType, ObjectType } from "./cel-type.ts";

/** An object of a schema as cel-js reads it: fields convert when they are asked for, once. */
export class CelObject extends Map<string, unknown> {
  readonly #type: ObjectType;
  readonly source: Readonly<Record<string, unknown>>;
  readonly #wrap: ValueConverter;

  constructor(type: ObjectType, source: Readonly<Record<string, unknown>>, wrap: ValueConverter) {
    super();
    this.#type = type;
    this.source = source;
    this.#wrap = wrap;
  }

  override get(name: string): unknown {
    if (super.has(name)) return super.get(name);
    const field = this.#type.fields.get(name);
    if (field === undefined || !Object.hasOwn(this.source, field.property)) return undefined;
    const value = this.source[field.property];
    const converted = value === null ? undefined : this.#wrap.convert(field.type, value);
    super.set(name, converted);
    return converted;
  }
}

export type CelObjectClass = new (
  type: ObjectType,
  source: Readonly<Record<string, unknown>>,
  wrap: ValueConverter,
) => CelObject;

/** Turns JSON into the values that cel-js expects, by type. */
export class ValueConverter {
  readonly #classes = new Map<ObjectType, CelObjectClass>();

  /** cel-js tells types apart by their classes, so each object type has its own. */
  classOf(type: ObjectType): CelObjectClass {
    let made = this.#classes.get(type);
    if (made === undefined) {
      made = class extends CelObject {};
      this.#classes.set(type, made);
    }
    return made;
  }

  convert(type: CelType, value: unknown): unknown {
    switch (type.kind) {
      case "int":
        return typeof value === "number" ? BigInt(Math.trunc(value)) : value;
      case "list":
        return this.#list(type, value);
      case "map":
        return this.#map(type.values, value);
      case "object":
        return isObject(value) ? new (this.classOf(type))(type, value, this) : value;
      case "timestamp":
        return new Date(String(value));
      case "duration":
        return toDuration(parseDuration(String(value)) ?? 0n);
      case "bytes":
        return Buffer.from(String(value), "base64");
      case "dyn":
        return convertDynamic(value);
      default:
        return value;
    }
  }

  #list(type: CelType & { kind: "list" }, value: unknown): unknown {
    if (!Array.isArray(value)) return value;
    const items = Array.from(value, (item: unknown) => (item === null ? null : this.convert(type.items, item)));
    // Sets are equal in any order.
    return type.isSet && type.items.kind !== "object" ? new Set(items) : items;
  }

  #map(values: CelType, value: unknown): unknown {
    if (!isObject(value)) return value;
    return new Map(Object.entries(value).map(([key, item]) => [key, this.convert(values, item)]));
  }
}

const SECOND = 1_000_000_000n;

export function toDuration(nanoseconds: bigint): Duration {
  return new Duration(nanoseconds / SECOND, Number(nanoseconds % SECOND));
}

function convertDynamic(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return Array.from(value, convertDynamic);
  if (!isObject(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, convertDynamic(item)]));
}
