import { deepEqual } from "../schema/deep-equal.ts";
import { malformedPatch, tooManyOperations, unprocessablePatch } from "./patch-error.ts";

/** kube-apiserver's bounds: operations in one patch, and how far `copy` may blow an object up. */
const MAX_OPERATIONS = 10_000;
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  readonly op: unknown;
  readonly path: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

/**
 * RFC 6902 with what kube-apiserver's library adds to it: `replace` of a missing member adds it, `test` against null holds
 * for a missing member, `add` without a value adds null, and text before the first slash of a path is ignored.
 * `document` is not changed. @throws {PatchError}
 */
export function applyJsonPatch(document: Record<string, unknown>, operations: unknown): unknown {
  if (operations === null) return document;
  if (!Array.isArray(operations)) throw malformedPatch(`error decoding patch: ${notAnArray(operations)}`);
  if (operations.length > MAX_OPERATIONS) throw tooManyOperations(operations.length, MAX_OPERATIONS);
  const patcher = new Patcher(structuredClone(document));
  for (const operation of operations) patcher.apply(operation);
  return patcher.document;
}

function notAnArray(value: unknown): string {
  const kind = typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type []handlers.jsonPatchOp`;
}

class Patcher {
  document: unknown;
  #copiedBytes = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  apply(operation: unknown): void {
    if (typeof operation !== "object" || operation === null) throw unprocessablePatch();
    const { op, path, from, value = null } = operation as Operation;
    const target = parsePointer(path);
    switch (op) {
      case "add":
        this.#add(target, structuredClone(value));
        break;
      case "remove":
        this.#remove(target);
        break;
      case "replace":
        this.#replace(target, structuredClone(value));
        break;
      case "move": {
        const source = parsePointer(from);
        const moved = this.#require(source);
        this.#remove(source);
        this.#add(target, moved);
        break;
      }
      case "copy":
        this.#add(target, this.#copy(parsePointer(from)));
        break;
      case "test":
        if (!deepEqual(this.#find(target) ?? null, value)) throw unprocessablePatch();
        break;
      default:
        throw unprocessablePatch();
    }
  }

  #copy(source: readonly string[]): unknown {
    const text = JSON.stringify(this.#require(source));
    this.#copiedBytes += text.length;
    if (this.#copiedBytes > MAX_COPIED_BYTES) throw unprocessablePatch();
    return JSON.parse(text) as unknown;
  }

  #add(path: readonly string[], value: unknown): void {
    const key = path.at(-1);
    if (key === undefined) {
      this.document = value;
      return;
    }
    const parent = this.#parent(path);
    if (!Array.isArray(parent)) parent[key] = value;
    else if (key === "-") parent.push(value);
    else parent.splice(arrayIndex(key, parent.length), 0, value);
  }

  #replace(path: readonly string[], value: unknown): void {
    const key = path.at(-1);
    if (key === undefined) {
      this.document = value;
      return;
    }
    const parent = this.#parent(path);
    if (Array.isArray(parent)) parent[arrayIndex(key, parent.length - 1)] = value;
    else parent[key] = value;
  }

  #remove(path: readonly string[]): void {
    const key = path.at(-1);
    if (key === undefined) throw unprocessablePatch();
    const parent = this.#parent(path);
    if (Array.isArray(parent)) parent.splice(arrayIndex(key, parent.length - 1), 1);
    else if (Object.hasOwn(parent, key)) delete parent[key];
    else throw unprocessablePatch();
  }

  #parent(path: readonly string[]): unknown[] | Record<string, unknown> {
    const parent = this.#find(path.slice(0, -1));
    if (typeof parent !== "object" || parent === null) throw unprocessablePatch();
    return parent as unknown[] | Record<string, unknown>;
  }

  #require(path: readonly string[]): unknown {
    const value = this.#find(path);
    if (value === undefined) throw unprocessablePatch();
    return value;
  }

  /** Undefined for what is not there. */
  #find(path: readonly string[]): unknown {
    let current = this.document;
    for (const key of path) {
      if (Array.isArray(current)) current = current[arrayIndex(key, current.length - 1)];
      else if (typeof current === "object" && current !== null && Object.hasOwn(current, key)) {
        current = (current as Record<string, unknown>)[key];
      } else return undefined;
    }
    return current;
  }
}

function parsePointer(path: unknown): string[] {
  if (typeof path !== "string") throw unprocessablePatch();
  const keys = path
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (keys.includes("__proto__")) throw unprocessablePatch();
  return keys;
}

/** Negative indices count from the end, as kube-apiserver's library still allows. */
function arrayIndex(key: string, last: number): number {
  if (!/^-?(?:0|[1-9][0-9]*)$/.test(key)) throw unprocessablePatch();
  const index = Number(key);
  const resolved = index < 0 ? index + last + 1 : index;
  if (resolved < 0 || resolved > last) throw unprocessablePatch();
  return resolved;
}
