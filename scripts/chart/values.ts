import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** Where the chart is, from the root of the project. */
export const CHART = "charts/slipway";

export type Values = Readonly<Record<string, unknown>>;

/** What a chart, Slipway's unless told otherwise, has where nobody says otherwise. */
export function defaultValues(chart = CHART): Values {
  return parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Values;
}

/** As Helm does: maps are merged, anything else replaces, and null takes a default away. */
export function mergedValues(defaults: Values, given: Values): Values {
  const merged: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const before = merged[key];
    if (value === null) delete merged[key];
    else merged[key] = isMap(before) && isMap(value) ? mergedValues(before, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
