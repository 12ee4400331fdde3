import { type Field, type FieldType, fieldsOf } from "./messages.ts";
import { WireReader } from "./wire-reader.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** Every body begins with these four bytes, then a `runtime.Unknown`. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const MAX_DEPTH = 32;

/** A body that is protobuf, but of a kind or with a field that is not known here: the client should send JSON. */
export class UnsupportedProtobuf extends Error {
  override readonly name = "UnsupportedProtobuf";
}

/**
 * Decodes a body of `application/vnd.kubernetes.protobuf` into what its JSON would be.
 * @throws {UnsupportedProtobuf} and {RangeError} for bytes that do not decode.
 */
export function decodeProtobuf(body: Buffer): Record<string, unknown> {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw new RangeError("the body does not begin with k8s\\0");
  const envelope = new WireReader(body.subarray(MAGIC.length));
  let apiVersion = "";
  let kind = "";
  let raw = Buffer.alloc(0);
  while (!envelope.isAtEnd) {
    const { number, wireType } = envelope.tag();
    if (wireType !== 2) throw new RangeError(`wrong wireType = ${wireType}`);
    const bytes = envelope.bytes();
    if (number === 1) ({ apiVersion, kind } = decodeTypeMeta(bytes));
    else if (number === 2) raw = Buffer.from(bytes);
  }
  return { apiVersion, kind, ...decodeMessage(kind, raw, 0) };
}

function decodeTypeMeta(bytes: Buffer): { apiVersion: string; kind: string } {
  const reader = new WireReader(bytes);
  const type = { apiVersion: "", kind: "" };
  while (!reader.isAtEnd) {
    const { number } = reader.tag();
    const text = reader.bytes().toString("utf8");
    if (number === 1) type.apiVersion = text;
    else if (number === 2) type.kind = text;
  }
  return type;
}

function decodeMessage(message: string, bytes: Buffer, depth: number): Record<string, unknown> {
  const fields = fieldsOf(message);
  if (!fields || depth > MAX_DEPTH) throw new UnsupportedProtobuf(message);
  const reader = new WireReader(bytes);
  const object: Record<string, unknown> = {};
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.tag();
    const field = fields.get(number);
    if (!field) throw new UnsupportedProtobuf(`${message} field ${number}`);
    decodeField(object, field, { reader, wireType, depth });
  }
  return object;
}

interface Position {
  readonly reader: WireReader;
  readonly wireType: number;
  readonly depth: number;
}

function decodeField(object: Record<string, unknown>, field: Field, { reader, wireType, depth }: Position): void {
  const { name, type, shape, isPointer } = field;
  const isVarint = type.kind === "int" || type.kind === "bool";
  if (wireType !== (isVarint && shape !== "map" ? 0 : 2)) throw new RangeError(`wrong wireType = ${wireType}`);
  if (shape === "map") {
    const [key, value] = decodeEntry(type, reader.bytes(), depth);
    const map = (object[name] ?? {}) as Record<string, unknown>;
    object[name] = map;
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
    return;
  }
  const value = isVarint ? decodeVarint(type, reader.varint()) : decodeBytes(type, reader.bytes(), depth);
  if (shape === "inline") Object.assign(object, value);
  else if (shape === "list") {
    const items = (object[name] ?? []) as unknown[];
    object[name] = [...items, value];
  } else if (isPointer || !isZero(value)) object[name] = value;
}

function decodeEntry(type: FieldType, bytes: Buffer, depth: number): [string, unknown] {
  const reader = new WireReader(bytes);
  let key = "";
  let value: unknown = "";
  while (!reader.isAtEnd) {
    const { number } = reader.tag();
    const content = reader.bytes();
    if (number === 1) key = content.toString("utf8");
    else value = decodeBytes(type, content, depth);
  }
  return [key, value];
}

function decodeVarint({ kind }: FieldType, value: bigint): number | boolean {
  return kind === "bool" ? value !== 0n : Number(value);
}

function decodeBytes(type: FieldType, bytes: Buffer, depth: number): unknown {
  switch (type.kind) {
    case "bytes":
      return bytes.toString("base64");
    case "Time":
    case "MicroTime":
      return decodeTime(type.kind, bytes);
    case "FieldsV1": {
      const reader = new WireReader(bytes);
      return reader.isAtEnd || reader.tag().number !== 1 ? {} : JSON.parse(reader.bytes().toString("utf8"));
    }
    case "message":
      return decodeMessage(type.message, bytes, depth + 1);
    default:
      return bytes.toString("utf8");
  }
}

/** Seconds and nanoseconds since 1970; an empty message is Go's zero time, which is null in JSON. */
function decodeTime(kind: "Time" | "MicroTime", bytes: Buffer): string | undefined {
  const reader = new WireReader(bytes);
  let seconds = 0n;
  let nanos = 0n;
  while (!reader.isAtEnd) {
    const { number } = reader.tag();
    if (number === 1) seconds = reader.varint();
    else nanos = reader.varint();
  }
  const date = new Date(Number(seconds) * 1000);
  if ((seconds === 0n && nanos === 0n) || Number.isNaN(date.getTime())) return undefined;
  const whole = date.toISOString().slice(0, 19);
  return kind === "Time" ? `${whole}Z` : `${whole}.${String(nanos / 1000n).padStart(6, "0")}Z`;
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === undefined;
}
