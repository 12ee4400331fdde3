import { parseAllDocuments } from "yaml";
import { type Rendering, renderChart } from "../../scripts/chart/render.ts";
import { defaultValues, mergedValues, type Values } from "../../scripts/chart/values.ts";

/** A manifest as the chart makes it; what is not there is undefined at any depth that a test asks for. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of many kinds, and fail where something is missing.
export type Rendered = any;

export interface RenderedChart {
  readonly objects: readonly Rendered[];
  readonly notes: string;
  /** @throws {Error} where there is not exactly one. */
  one(kind: string, name: string, namespace?: string): Rendered;
  has(kind: string, name?: string): boolean;
}

/** What the chart makes of these values, merged with its own. @throws {Error} with what a template or the YAML parser said. */
export function chartOf(given: Values = {}, options: Omit<Rendering, "values"> = {}): RenderedChart {
  const files = renderChart({ ...options, values: mergedValues(defaultValues(), given) });
  const { "templates/NOTES.txt": notes = "", ...templates } = files;
  const objects = Object.entries(templates).flatMap(([name, text]) => objectsOf(name, text));
  return {
    objects,
    notes,
    one(kind, name, namespace) {
      const found = objects.filter(
        ({ kind: its, metadata }) =>
          its === kind && metadata.name === name && (namespace === undefined || metadata.namespace === namespace),
      );
      if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name}`);
      return found[0];
    },
    has: (kind, name) =>
      objects.some((object) => object.kind === kind && (name === undefined || object.metadata.name === name)),
  };
}

export function objectsOf(name: string, text: string): readonly Rendered[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem) throw new Error(`${name}: ${problem.message}`);
    const object: unknown = document.toJS();
    return object === null ? [] : [object];
  });
}
