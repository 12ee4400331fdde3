import { describe, expect, it } from "@jest/globals";
import {
  API_KEY,
  failureOf,
  type ScriptedCodeEngine,
  scriptedCodeEngine,
} from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";
import { CodeEngineClient } from "./code-engine-client.ts";
import { monitoringEndpoint } from "./endpoints.ts";
import { CodeEngineError } from "./errors.ts";
import { type MetricRange, type Monitoring, rangeQuery } from "./monitoring.ts";

const options = { signal: new AbortController().signal };
const INSTANCE = "1c1c1c1c-2222-3333-4444-555555555555";
const RANGE: MetricRange = { metric: "requests_total", labels: { app: "files" }, spanMs: 600_000 };

function monitoringOf({ client, api }: ScriptedCodeEngine, prefix = ""): Monitoring {
  return client.monitoring({ instanceId: INSTANCE, override: `${api.origin}${prefix}` });
}
const answer = (result: readonly unknown[], resultType = "matrix"): Step => ({
  body: { status: "success", data: { resultType, result } },
});
const prometheusError = (status: number, errorType: string, error: string): Step => ({
  status,
  body: { status: "error", errorType, error },
});

describe("metrics", () => {
  it.each([
    { because: "IBM's paths begin at the root", prefix: "", path: "/prometheus/api/v1/query" },
    { because: "they have a prefix", prefix: "/api/", path: "/api/prometheus/api/v1/query" },
  ])("are asked of one instance with the token, where $because", async ({ prefix, path: want }) => {
    await using world = await scriptedCodeEngine([answer([])]);
    expect(await monitoringOf(world, prefix).samples(RANGE, options)).toEqual([]);
    const { method, path, query, headers } = world.api.last;
    expect({ method, path, query: Object.fromEntries(query) }).toEqual({
      ...{ method: "GET", path: want },
      query: { query: 'requests_total{app="files"}[600s]' },
    });
    expect(headers.ibminstanceid).toBe(INSTANCE);
    expect(headers.authorization).toMatch(/^Bearer eyJ/);
  });

  it("are read with their labels and times", async () => {
    const metric = { __name__: "requests_total", ibm_codeengine_status: "200" };
    await using world = await scriptedCodeEngine([
      answer([
        {
          metric,
          values: [
            [1_767_225_600.5, "1"],
            [1_767_225_660, "2.5e3"],
          ],
        },
      ]),
    ]);
    const samples = [
      { at: 1_767_225_600_500, value: 1 },
      { at: 1_767_225_660_000, value: 2_500 },
    ];
    expect(await monitoringOf(world).samples(RANGE, options)).toEqual([{ labels: metric, samples }]);
  });

  it.each<{ because: string; step: Step; want: object }>([
    {
      because: "the query is wrong",
      step: prometheusError(400, "bad_data", "parse error"),
      want: { kind: "terminal", status: 400, said: "parse error", code: "bad_data" },
    },
    {
      because: "the instance is another's",
      step: prometheusError(403, "forbidden", "no such instance"),
      want: { kind: "terminal", status: 403, said: expect.stringContaining("no such instance; ") },
    },
    { because: "there is nothing at the path", step: { status: 404 }, want: { kind: "notFound" } },
    {
      because: "it is slow on purpose",
      step: { status: 429, headers: { "Retry-After": "60" } },
      want: { kind: "throttled" },
    },
    {
      because: "the answer is a vector",
      step: answer([{ metric: {}, value: [1, "1"] }], "vector"),
      want: { kind: "transient", said: expect.stringContaining("makes no sense") },
    },
    {
      because: "a value is no number",
      step: answer([{ metric: {}, values: [[1, "NaN"]] }]),
      want: { kind: "transient", said: expect.stringContaining("is no sample") },
    },
    { because: "it is a page", step: { body: "<html>" }, want: { kind: "transient" } },
    {
      because: "the answer does not end",
      step: { body: `"${"x".repeat(5 * 1024 * 1024)}"` },
      want: { kind: "terminal", said: expect.stringContaining("larger than this client reads") },
    },
  ])("are an error when $because", async ({ step, want }) => {
    await using world = await scriptedCodeEngine([step, step]);
    const error = await failureOf(monitoringOf(world).samples(RANGE, { ...options, timeoutMs: 5_000 }));
    expect(error).toMatchObject({ service: "IBM Cloud Monitoring", operation: "query metrics", ...want });
  });

  it("take a new token when theirs is refused, once", async () => {
    await using world = await scriptedCodeEngine([{ status: 401 }, answer([])]);
    expect(await monitoringOf(world).samples(RANGE, options)).toEqual([]);
    const [first, second] = world.api.requests.map(({ headers }) => headers.authorization);
    expect(second).not.toBe(first);
  });

  it("are not waited for longer than told", async () => {
    await using world = await scriptedCodeEngine([() => undefined]);
    const error = await failureOf(monitoringOf(world).samples(RANGE, { ...options, timeoutMs: 50 }));
    expect(error).toMatchObject({ kind: "transient", said: "no answer within 0.05 s" });
  });
});

describe("a query of metrics", () => {
  it.each([
    {
      because: "a quote",
      value: 'x"} or vector(1) or up{a="',
      want: String.raw`m{l="x\"} or vector(1) or up{a=\""}[60s]`,
    },
    { because: "a backslash", value: String.raw`x\"`, want: String.raw`m{l="x\\\""}[60s]` },
    { because: "a line's end", value: "x\ny", want: String.raw`m{l="x\ny"}[60s]` },
  ])("keeps $because inside a value", ({ value, want }) => {
    expect(rangeQuery({ metric: "m", labels: { l: value }, spanMs: 60_000 })).toBe(want);
  });

  it.each<{ because: string; range: MetricRange }>([
    { because: "a metric is no name", range: { ...RANGE, metric: "up or vector(1)" } },
    { because: "a label is no name", range: { ...RANGE, labels: { 'a="b",c': "d" } } },
    { because: "there is no span", range: { ...RANGE, spanMs: 0 } },
  ])("is not made where $because", ({ range }) => {
    expect(() => rangeQuery(range)).toThrow(TypeError);
  });
});

describe("an instance", () => {
  const client = new CodeEngineClient({ apiKey: API_KEY, region: "us-south" });

  it.each([
    { because: "the network is public", privateNetwork: false, want: "https://eu-de.monitoring.cloud.ibm.com" },
    { because: "the network is private", privateNetwork: true, want: "https://private.eu-de.monitoring.cloud.ibm.com" },
  ])("answers in its region, where $because", ({ privateNetwork, want }) => {
    expect(monitoringEndpoint({ instanceId: INSTANCE }, { region: "eu-de", privateNetwork })).toBe(want);
  });

  it.each([
    { because: "its GUID is none", instance: { instanceId: "x" } },
    {
      because: "a token would travel in the clear",
      instance: { instanceId: INSTANCE, override: "http://example.com" },
    },
    { because: "its address has a query", instance: { instanceId: INSTANCE, override: "https://example.com/?a=b" } },
  ])("is refused where $because", ({ instance }) => {
    expect(() => client.monitoring(instance)).toThrow(CodeEngineError);
  });
});
