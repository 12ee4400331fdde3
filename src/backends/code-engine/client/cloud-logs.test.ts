import { describe, expect, it } from "@jest/globals";
import {
  failureOf,
  refusal,
  type ScriptedCodeEngine,
  scriptedCodeEngine,
} from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";
import { appLogQuery, type CloudLogs, type LogQuery } from "./cloud-logs.ts";

const options = { signal: new AbortController().signal };
const query: LogQuery = { query: "x", start: new Date("2026-01-01T00:00:00Z"), end: new Date("2026-01-01T01:00:00Z") };

function logsOf({ client, api }: ScriptedCodeEngine): CloudLogs {
  return client.cloudLogs({ instanceId: "1c1c1c1c-2222-3333-4444-555555555555", override: api.origin });
}

function events(...data: readonly unknown[]): string {
  return `: success\n\n${data.map((each) => `data: ${JSON.stringify(each)}\n\n:\n`).join("")}`;
}

function record(userData: unknown): unknown {
  const user_data = typeof userData === "string" ? userData : JSON.stringify(userData);
  return { metadata: [{ key: "timestamp", value: "2026-01-01T00:00:01" }], labels: [], user_data };
}

const sse = { headers: { "Content-Type": "text/event-stream" } } as const;

describe("history", () => {
  it("is asked for within what the service allows", async () => {
    await using world = await scriptedCodeEngine([{ ...sse, body: events({ query_id: { query_id: "q" } }) }]);
    const found = logsOf(world).query({ ...query, limit: 1_000_000 }, options);
    expect(await Array.fromAsync(found)).toEqual([]);
    const { method, path, headers, body } = world.api.last;
    expect({ method, path, accept: headers.accept }).toEqual({
      method: "POST",
      path: "/v1/query",
      accept: "text/event-stream",
    });
    expect(JSON.parse(body)).toEqual({
      query: "x",
      metadata: {
        ...{ start_date: "2026-01-01T00:00:00.000Z", end_date: "2026-01-01T01:00:00.000Z" },
        ...{ tier: "frequent_search", syntax: "lucene", limit: 12_000 },
      },
    });
  });

  it("comes record by record, with what was warned of", async () => {
    const wrapped = {
      codeengine: { subcomponent: "files-00001", instanceId: "files-00001-deployment-abc" },
      ...{ message: { message: "hello" }, level: "INFO", stream: "stdout" },
    };
    const body = events(
      { query_id: { query_id: "q" } },
      { result: { results: [record(wrapped), record("not wrapped")] } },
      { warning: { number_of_results_limit_warning: { number_of_results_limit: 2 } } },
      { result: { results: [record({ message: "flat" })] } },
    );
    await using world = await scriptedCodeEngine([
      (_request, response) => {
        response.writeHead(200, sse.headers);
        // In pieces that respect no boundary.
        for (let at = 0; at < body.length; at += 7) response.write(body.slice(at, at + 7));
        response.end();
      },
    ]);
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const found = await Array.fromAsync(logsOf(world).query(query, { ...options, onWarning }));
    expect(found.map(({ text }) => text)).toEqual(["hello", "not wrapped", "flat"]);
    expect(found[0]).toEqual({
      ...{ time: "2026-01-01T00:00:01", text: "hello", level: "INFO", stream: "stdout" },
      ...{ pod: "files-00001-deployment-abc", revision: "files-00001" },
    });
    expect(warnings).toEqual(['{"number_of_results_limit_warning":{"number_of_results_limit":2}}']);
  });

  it.each<{ because: string; step: Step; want: object }>([
    {
      because: "the query is wrong",
      step: { ...sse, body: events({ error: { message: "bad query" } }) },
      want: { kind: "terminal", said: "bad query" },
    },
    {
      because: "the answer is no JSON",
      step: { ...sse, body: "data: {half\n\n" },
      want: { kind: "terminal", said: "its answer makes no sense" },
    },
    {
      because: "there were too many queries",
      step: refusal(429, "slow", { "Retry-After": "60" }),
      want: { kind: "throttled", retryAfterMs: 60_000 },
    },
    {
      because: "an event does not end",
      step: { ...sse, body: `data: ${"x".repeat(17 * 1024 * 1024)}` },
      want: { kind: "terminal" },
    },
  ])("is an error when $because", async ({ step, want }) => {
    await using world = await scriptedCodeEngine([step]);
    const error = await failureOf(Array.fromAsync(logsOf(world).query(query, options)));
    expect(error).toMatchObject({ service: "IBM Cloud Logs", ...want });
  });

  it.each([
    {
      names: { projectId: "p", app: "files" },
      want: 'app:"codeengine" AND codeengine.projectGuid:"p" AND codeengine.component:"files"',
    },
    {
      names: { projectId: "p", app: 'x" OR "', revision: "x\\" },
      want: 'app:"codeengine" AND codeengine.projectGuid:"p" AND codeengine.component:"x\\" OR \\"" AND codeengine.subcomponent:"x\\\\"',
    },
  ])("of $names is $want", ({ names, want }) => {
    expect(appLogQuery(names)).toBe(want);
  });
});
