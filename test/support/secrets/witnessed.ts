import { inspect } from "node:util";
import { type SecretWatch, secretWatch, type Trace } from "./secret-watch.ts";

/** Everything of a value that somebody may print, causes, stacks and hidden members of errors included. */
export function everythingIn(value: unknown): string {
  const shown = inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
  const error = value as { message?: unknown; stack?: unknown } | undefined;
  return [shown, String(error?.message ?? ""), String(error?.stack ?? "")].join("\n");
}

/** More are not kept: they are the same again. */
const MOST_TRACES = 2_000;

/**
 * `target`, with what its methods throw kept for the watch, and what `told` names of their answers. Objects that it has or
 * answers are witnessed, too.
 */
export function witnessed<T extends object>(
  target: T,
  { name, told = [], watch = secretWatch }: { name: string; told?: readonly string[]; watch?: SecretWatch },
): T {
  const traces: Trace[] = [];
  watch.witness(() => traces);
  const keep = (where: string, value: unknown): void => {
    if (traces.length < MOST_TRACES) traces.push({ where, text: everythingIn(value) });
  };
  return witness(target, { name, told: new Set(told), keep });
}

interface Keeping {
  readonly name: string;
  readonly told: ReadonlySet<string>;
  readonly keep: (where: string, value: unknown) => void;
}

function witness<T extends object>(target: T, keeping: Keeping): T {
  return new Proxy(target, {
    // Private members belong to the target, not to what stands before it.
    get(_, property) {
      const value: unknown = Reflect.get(target, property, target);
      const name = `${keeping.name}.${String(property)}`;
      if (typeof value === "function") {
        return (...args: unknown[]) =>
          answered(() => Reflect.apply(value, target, args), { ...keeping, name }, property);
      }
      return isPart(value) ? witness(value, { ...keeping, name }) : value;
    },
  });
}

function answered(call: () => unknown, keeping: Keeping, property: string | symbol): unknown {
  const { name, told, keep } = keeping;
  const failed = (error: unknown): never => {
    keep(`an error of ${name}`, error);
    throw error;
  };
  const answers = (value: unknown): unknown => {
    if (told.has(String(property))) keep(`an answer of ${name}`, value);
    return value;
  };
  try {
    const result = call();
    if (isPromise(result)) return result.then(answers, failed);
    if (isStream(result)) return streamed(result, failed);
    answers(result);
    return isPart(result) ? witness(result, keeping) : result;
  } catch (error) {
    return failed(error);
  }
}

async function* streamed(stream: AsyncIterable<unknown>, failed: (error: unknown) => never): AsyncGenerator<unknown> {
  try {
    yield* stream;
  } catch (error) {
    failed(error);
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** An object with methods, such as a client's collection; data is answered as it is. */
function isPart(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  const own = (prototype as { constructor?: { name?: string } } | null)?.constructor?.name ?? "Object";
  return !["Object", "Array", "Date", "Map", "Set", "Error"].includes(own) && !("message" in value);
}
