import type { Environment } from "@marcbachmann/cel-js";

/** Functions by their signatures, such as `string.find(string): string`; a method's receiver is the first argument. */
export type Declarations = Readonly<Record<string, (...args: never[]) => unknown>>;

export function declare(environment: Environment, declarations: Declarations): void {
  for (const [signature, handler] of Object.entries(declarations)) {
    environment.registerFunction(signature, handler, { async: false });
  }
}
