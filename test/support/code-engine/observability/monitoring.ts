import type { Handler } from "../http/surface.ts";
import type { Iam } from "../iam/iam.ts";
import type { MetricHistory } from "./metric-history.ts";
import { parseSelector, type Selector } from "./promql.ts";

/** A series without a sample for so long has no value any more, as in Prometheus. */
const INSTANT_MS = 300_000;
const PATH = /^(\/api)?\/prometheus\/api\/v1\/query$/;

/** `GET …/prometheus/api/v1/query` of IBM Cloud Monitoring, for one metric and its labels. */
export function monitoring({ iam, metrics }: { readonly iam: Iam; readonly metrics: MetricHistory }): Handler {
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const caller = iam.caller(request);
    if (caller === undefined) return failure(401, "unauthorized", "the token is not valid");
    const instance = request.headers.get("ibminstanceid") ?? "";
    if (instance === "") return failure(400, "bad_data", "IBMInstanceID is missing");
    if (!metrics.has(instance) || !caller.may("read")) return failure(403, "forbidden", "no access to that instance");
    if (!PATH.test(pathname)) return failure(404, "not_found", "no such path");
    if (request.method !== "GET") return failure(405, "bad_data", "method not allowed");
    const unknown = [...searchParams.keys()].find((name) => name !== "query");
    if (unknown !== undefined) return failure(400, "bad_data", `the emulator does not know the parameter ${unknown}`);
    try {
      const data = answer(parseSelector(searchParams.get("query") ?? ""), metrics);
      return Response.json({ status: "success", data });
    } catch (error) {
      if (error instanceof SyntaxError) return failure(400, "bad_data", error.message);
      throw error;
    }
  };
}

type Pair = readonly [seconds: number, value: string];

function answer(selector: Selector, metrics: MetricHistory) {
  const found = new Map<string, { readonly metric: Readonly<Record<string, string>>; readonly values: Pair[] }>();
  const wanted = Object.entries({ __name__: selector.metric, ...selector.labels });
  for (const { at, samples } of metrics.within(selector.rangeMs ?? INSTANT_MS))
    for (const { metric, value } of samples) {
      // A label that is not there counts as empty.
      if (!wanted.every(([label, text]) => (metric[label] ?? "") === text)) continue;
      const key = JSON.stringify(metric);
      const series = found.get(key) ?? { metric, values: [] };
      series.values.push([at.getTime() / 1_000, String(value)]);
      found.set(key, series);
    }
  const all = [...found.values()];
  if (selector.rangeMs !== undefined) return { resultType: "matrix", result: all };
  return { resultType: "vector", result: all.map(({ metric, values }) => ({ metric, value: values.at(-1) })) };
}

function failure(status: number, errorType: string, error: string): Response {
  return Response.json({ status: "error", errorType, error }, { status });
}
