import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ask, startServer } from "../support/mcp-gateway.ts";
import { dashboardQueries, metricsIn, metricsOf, ruleGroups } from "../support/monitoring.ts";
import { type PrometheusUnderTest, startPrometheus } from "../support/prometheus.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

jest.setTimeout(120_000);

const GUIDE = readFileSync(join(import.meta.dirname, "../../docs/guides/monitoring.md"), "utf8");
/** `| metric | type | labels | … |` */
const ROW = /^\| `(\w+)` \| (\w+) \|([^|]*)\|/gm;

const RULES = ruleGroups().flatMap(({ rules }) => rules);
const slipway = new SlipwayProcess();
let prometheus: PrometheusUnderTest;
let server: Awaited<ReturnType<typeof startServer>>;

const scrape = async () => (await fetch(`${slipway.endpoints.metrics}/metrics`)).text();

beforeAll(async () => {
  server = await startServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { id, method } = JSON.parse(body || "{}") as { id?: number; method?: string };
    if (id === undefined) return void response.writeHead(202).end();
    const serverInfo = { name: "test", version: "1" };
    const result =
      method === "initialize"
        ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo }
        : method === "tools/list"
          ? { tools: [] }
          : undefined;
    const answer = result ? { result } : { error: { code: -32601, message: "Method not found" } };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
  await slipway.start();
  prometheus = await startPrometheus(slipway.endpoints.metrics);
  const common = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment" };
  await slipway.kubectl.apply({
    ...common,
    metadata: { name: "answers", namespace: "default" },
    spec: { backend: "remote", source: { remote: { url: `${server.url}/mcp` } }, health: { periodSeconds: 1 } },
  });
  await slipway.kubectl.apply({
    ...common,
    metadata: { name: "broken", namespace: "default" },
    spec: { backend: "process", source: { process: { command: "/does/not/exist" } } },
  });
});
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]();
  await slipway.kubectl.run(["delete", "runtimedeployments", "--all", "--all-namespaces"]);
  await slipway.terminate();
  await slipway[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

it("has series for every query of the dashboard", async () => {
  const missing = new Map(dashboardQueries().map(({ panel, expr }) => [`${panel}: ${expr}`, expr]));
  expect(missing.size).toBeGreaterThan(30);
  await eventually(
    "every panel shows something",
    async () => {
      await ask(`${slipway.endpoints.gateway}/default/answers/mcp`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} }),
      });
      for (const [name, expr] of missing) if ((await prometheus.query(expr)).length > 0) missing.delete(name);
      return missing.size === 0;
    },
    { everyMs: 1_000, explain: () => [...missing.keys()].join("\n") },
  );
});

it.each(RULES)("understands the query of $alert, whose metrics there are", async ({ alert, expr, annotations }) => {
  await prometheus.query(expr);
  const found = metricsOf(await scrape());
  expect(metricsIn(expr).filter((name) => !found.has(name))).toEqual([]);
  expect(annotations.runbook_url).toBe(
    `https://github.com/slipway-dev/slipway/blob/main/docs/guides/monitoring.md#${alert.toLowerCase()}`,
  );
  expect(GUIDE).toContain(`\n### ${alert}\n`);
});

it("is not alarmed by nothing", async () => {
  const firing = await Promise.all(
    RULES.map(async ({ alert, expr }) => ((await prometheus.query(expr)).length > 0 ? alert : undefined)),
  );
  // What is broken is shown as it is.
  expect(firing.filter((alert) => alert !== undefined && alert !== "SlipwayDeploymentsNotReady")).toEqual([]);
});

it("has the metrics that the guide says, with their types and labels, and no others", async () => {
  const found = metricsOf(await scrape());
  const documented = new Map(
    [...GUIDE.matchAll(ROW)].map(([, name = "", type = "", labels = ""]) => [
      name,
      { type, labels: new Set([...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)) },
    ]),
  );
  expect([...documented.keys()].sort()).toEqual([...found.keys()].sort());
  for (const [name, { type, labels }] of found) {
    const said = documented.get(name);
    expect(`${name} ${said?.type}`).toBe(`${name} ${type}`);
    expect([name, ...[...labels].filter((label) => !said?.labels.has(label))]).toEqual([name]);
  }
});
