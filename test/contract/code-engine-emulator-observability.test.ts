import { describe, expect, it } from "@jest/globals";
import { createParser } from "eventsource-parser";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import type { Surface } from "../support/code-engine/http/faults.ts";

const SETTLED_MS = 5_000;
const SELECTOR = "labelSelector=serving.knative.dev/service%3Dfiles";

async function observed(options: Parameters<typeof emulatedWorld>[0] = {}) {
  const w = await emulatedWorld(options);
  w.emulator.images.define(/./, {
    log: ["one", "two", "three"],
    usage: { cpuNanoCores: 250_000_000, memoryBytes: 64 * 1024 * 1024 },
  });
  const logs = w.emulator.createLogsInstance();
  await w.client.post(`${w.home}/apps`, { name: "files", image_reference: "icr.io/a/files", scale_min_instances: 1 });
  await w.clock.advance(SETTLED_MS);
  const ask = async (surface: Surface, path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${await w.client.token()}`, ...init.headers };
    return await w.emulator.handlers[surface](new Request(`http://localhost${path}`, { ...init, headers }));
  };
  const pods = `/api/v1/namespaces/${w.project.subdomain}/pods`;
  return {
    ...w,
    logs,
    ask,
    pods,
    async podName() {
      const { items } = (await (await ask("proxy", `${pods}?${SELECTOR}`)).json()) as {
        items: { metadata: { name: string } }[];
      };
      return items[0]?.metadata.name ?? "";
    },
  };
}

describe("the Kubernetes proxy", () => {
  it("lists the pods of an application", async () => {
    await using w = await observed();
    const list = await (await w.ask("proxy", `${w.pods}?${SELECTOR}`)).json();
    expect(list).toMatchObject({
      kind: "PodList",
      apiVersion: "v1",
      items: [
        {
          metadata: {
            namespace: w.project.subdomain,
            name: expect.stringMatching(/^files-00001-deployment-/),
            labels: { "serving.knative.dev/service": "files", "serving.knative.dev/revision": "files-00001" },
          },
          spec: { containers: [{ name: "user-container" }, { name: "queue-proxy" }] },
          status: { phase: "Running", containerStatuses: [{ name: "user-container", ready: true, restartCount: 0 }] },
        },
      ],
    });
    const other = await w.ask("proxy", `${w.pods}?labelSelector=serving.knative.dev/service%3Dother`);
    expect(await other.json()).toMatchObject({ items: [] });
  });

  it("reads logs: all, the last, the newest, with times", async () => {
    await using w = await observed();
    const log = async (query = "") => {
      const path = `${w.pods}/${await w.podName()}/log?container=user-container${query}`;
      return await (await w.ask("proxy", path)).text();
    };
    expect(await log()).toBe("one\ntwo\nthree\n");
    expect(await log("&tailLines=1")).toBe("three\n");
    expect(await log("&tailLines=1&timestamps=true")).toMatch(/^2026-01-01T00:00:00\.\d{3}Z three\n$/);
    expect(await log("&sinceSeconds=1")).toBe("");
    expect(await log("&sinceSeconds=60")).toBe("one\ntwo\nthree\n");
  });

  it("follows a log until the container ends", async () => {
    await using w = await observed();
    const name = await w.podName();
    const answer = await w.ask("proxy", `${w.pods}/${name}/log?container=user-container&follow=true&tailLines=0`);
    const text = answer.text();
    w.emulator.images.crash(name, { code: 1, reason: "Error" });
    expect(await text).toBe("");
    await w.clock.advance(SETTLED_MS);
    const previous = await w.ask("proxy", `${w.pods}/${name}/log?container=user-container&previous=true`);
    expect(await previous.text()).toBe("one\ntwo\nthree\n");
  });

  it("ends what nobody follows any more", async () => {
    await using w = await observed();
    const path = `${w.pods}/${await w.podName()}/log?container=user-container&follow=true`;
    const answer = await w.ask("proxy", path);
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("one\n");
    await reader?.cancel();
  });

  it("reads the log of a build run", async () => {
    await using w = await observed();
    w.emulator.buildWith(async () => ({ digest: `sha256:${"a".repeat(64)}`, log: ["STEP 1/1: FROM scratch"] }));
    const registry = { name: "push", format: "registry", data: { server: "icr.io", username: "u", password: "p" } };
    await w.client.post(`${w.home}/secrets`, registry);
    const run = { strategy_type: "dockerfile", source_url: "https://github.com/a/b", output_image: "icr.io/a/b" };
    await w.client.post(`${w.home}/build_runs`, { ...run, name: "run", output_secret: "push" });
    const selector = "labelSelector=buildrun.shipwright.io/name%3Drun";
    const pending = (await (await w.ask("proxy", `${w.pods}?${selector}`)).json()) as {
      items: { metadata: { name: string } }[];
    };
    const early = `${w.pods}/${pending.items[0]?.metadata.name}/log?container=step-build-and-push`;
    expect((await w.ask("proxy", early)).status).toBe(400);
    await w.clock.advance(SETTLED_MS);
    const { items } = (await (await w.ask("proxy", `${w.pods}?${selector}`)).json()) as {
      items: { metadata: { name: string }; spec: { containers: { name: string }[] }; status: { phase: string } }[];
    };
    expect(items).toMatchObject([{ status: { phase: "Succeeded" } }]);
    const containers = items[0]?.spec.containers.map(({ name }) => name) ?? [];
    expect(containers.every((name) => name.startsWith("step-"))).toBe(true);
    const logs = containers.map(async (name) => {
      const path = `${w.pods}/${items[0]?.metadata.name}/log?container=${name}`;
      return await (await w.ask("proxy", path)).text();
    });
    expect((await Promise.all(logs)).join("")).toContain("STEP 1/1: FROM scratch\n");
  });

  it("measures CPU and memory", async () => {
    await using w = await observed();
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${w.project.subdomain}/pods`;
    expect(await (await w.ask("proxy", `${path}?${SELECTOR}`)).json()).toMatchObject({
      kind: "PodMetricsList",
      items: [
        {
          timestamp: expect.any(String),
          window: "15s",
          containers: [{ name: "user-container", usage: { cpu: "250000000n", memory: "65536Ki" } }, {}],
        },
      ],
    });
  });

  it("has nothing at zero instances", async () => {
    await using w = await observed();
    await w.client.patch(`${w.home}/apps/files`, { scale_min_instances: 0 }, { ifMatch: "*" });
    await w.clock.advance(120_000);
    expect(await (await w.ask("proxy", `${w.pods}?${SELECTOR}`)).json()).toMatchObject({ items: [] });
  });

  it.each([
    { because: "no container", path: "/log", status: 400, reason: "BadRequest" },
    { because: "no such container", path: "/log?container=other", status: 400, reason: "BadRequest" },
    {
      because: "no run before",
      path: "/log?container=user-container&previous=true",
      status: 400,
      reason: "BadRequest",
    },
    { because: "a number", path: "/log?container=user-container&tailLines=x", status: 400, reason: "BadRequest" },
    { because: "no such pod", path: "x", status: 404, reason: "NotFound" },
  ])("answers a Status: $because", async ({ path, status, reason }) => {
    await using w = await observed();
    const answer = await w.ask("proxy", `${w.pods}/${await w.podName()}${path}`);
    expect(await answer.json()).toMatchObject({ kind: "Status", status: "Failure", code: status, reason });
    expect(answer.status).toBe(status);
  });

  it("knows who may read", async () => {
    await using w = await observed();
    const get = async (path: string, authorization: string) =>
      (await w.emulator.handlers.proxy(new Request(`http://localhost${path}`, { headers: { authorization } }))).status;
    expect(await get(w.pods, "Bearer nobody")).toBe(401);
    expect(await get(w.pods, `Bearer ${await w.as("Reader").token()}`)).toBe(200);
    expect(await get("/api/v1/namespaces/other/pods", `Bearer ${await w.client.token()}`)).toBe(403);
    expect((await w.ask("proxy", w.pods, { method: "DELETE" })).status).toBe(405);
  });
});

describe("IBM Cloud Logs", () => {
  async function query(w: Awaited<ReturnType<typeof observed>>, text: string, metadata: object = {}) {
    const body = JSON.stringify({ query: text, metadata: { syntax: "lucene", tier: "frequent_search", ...metadata } });
    const answer = await w.ask("logs", "/v1/query", { method: "POST", body });
    const [events, comments]: [Record<string, unknown>[], string[]] = [[], []];
    const parser = createParser({
      onEvent: ({ data }) => void events.push(JSON.parse(data)),
      onComment: (comment) => void comments.push(comment),
    });
    parser.feed(await answer.text());
    return { status: answer.status, headers: answer.headers, events, comments };
  }

  it("answer with server-sent events", async () => {
    await using w = await observed();
    const lucene = `app:"codeengine" AND codeengine.projectGuid:"${w.project.id}" AND codeengine.component:"files"`;
    const { headers, events, comments } = await query(w, lucene);
    expect(headers.get("content-type")).toBe("text/event-stream");
    expect(comments).toEqual(["success", ""]);
    expect(events).toEqual([
      { query_id: { query_id: expect.any(String) } },
      { result: { results: expect.any(Array) } },
    ]);
    const [, { result } = {}] = events as { result?: { results: { user_data: string; metadata: object[] }[] } }[];
    const results = result?.results ?? [];
    expect(results).toHaveLength(3);
    expect(results[0]?.metadata).toContainEqual({ key: "timestamp", value: expect.any(String) });
    expect(JSON.parse(results[0]?.user_data ?? "")).toMatchObject({
      app: "codeengine",
      codeengine: { projectGuid: w.project.id, component: "files", subcomponent: "files-00001" },
      message: { message: "one" },
      stream: "stdout",
    });
  });

  it("warn where there is more than the limit", async () => {
    await using w = await observed();
    const { events } = await query(w, 'app:"codeengine"', { limit: 2 });
    expect(events).toMatchObject([{}, { result: { results: [{}, {}] } }, { warning: {} }]);
  });

  it("find what was said some time ago", async () => {
    await using w = await observed({ timings: { logLagMs: 300_000 } });
    expect((await query(w, "")).events[1]).toEqual({ result: { results: [] } });
    await w.clock.advance(300_000);
    expect((await query(w, "")).events[1]).toMatchObject({ result: { results: [{}, {}, {}] } });
  });

  it.each([
    { because: "another application", text: 'codeengine.component:"other"', metadata: {} },
    {
      because: "another time",
      text: "",
      metadata: { start_date: "2025-12-01T00:00:00Z", end_date: "2025-12-02T00:00:00Z" },
    },
  ])("find nothing of $because", async ({ text, metadata }) => {
    await using w = await observed();
    expect((await query(w, text, metadata)).events[1]).toEqual({ result: { results: [] } });
  });

  it("say what they do not understand", async () => {
    await using w = await observed();
    expect((await query(w, "source logs", { syntax: "dataprime" })).events[1]).toHaveProperty("error.message");
    expect((await query(w, "a OR b")).status).toBe(400);
  });

  it("answer ten queries a minute", async () => {
    await using w = await observed();
    const statuses = await Promise.all(Array.from({ length: 11 }, async () => (await query(w, "")).status));
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    await w.clock.advance(60_000);
    expect((await query(w, "")).status).toBe(200);
  });
});

describe("IBM Cloud Monitoring", () => {
  const PREFIX = "ibm_codeengine_application_";

  async function monitored(options: Parameters<typeof emulatedWorld>[0] = {}) {
    const w = await observed(options);
    const instance = w.emulator.createMonitoringInstance();
    const ask = async (text: string, init: RequestInit & { readonly path?: string } = {}) => {
      const path = `${init.path ?? "/prometheus/api/v1/query"}?query=${encodeURIComponent(text)}`;
      return await w.ask("monitoring", path, { ...init, headers: { IBMInstanceID: instance, ...init.headers } });
    };
    return { ...w, instance, ask, answer: async (text: string) => (await (await ask(text)).json()) as unknown };
  }
  const labels = (w: Awaited<ReturnType<typeof monitored>>) => ({
    ibm_codeengine_application_name: "files",
    ibm_codeengine_namespace: w.project.subdomain,
    ibm_codeengine_project_name: "test",
  });
  const of = (w: Awaited<ReturnType<typeof monitored>>) => w.project.apps.list()[0];

  it.each(["", "/api"])("answers one metric with its labels, below '%s'", async (prefix) => {
    await using w = await monitored();
    const name = `${PREFIX}actual_instances`;
    const answer = await w.ask(`${name}{ibm_codeengine_application_name="files"}`, {
      path: `${prefix}/prometheus/api/v1/query`,
    });
    const metric = { __name__: name, ...labels(w), ibm_codeengine_revision_name: "files-00001" };
    const value = [w.clock.now().getTime() / 1_000, "1"];
    expect(await answer.json()).toEqual({
      status: "success",
      data: { resultType: "vector", result: [{ metric, value }] },
    });
  });

  it("counts requests by revision and status, and tells each minute of a range", async () => {
    await using w = await monitored();
    of(w)?.answered(200);
    await w.clock.advance(60_000);
    for (const status of [200, 200, 503]) of(w)?.answered(status);
    await w.clock.advance(60_000);
    const query = `${PREFIX}requests_total{ibm_codeengine_namespace="${w.project.subdomain}"}[10m]`;
    const metric = { __name__: `${PREFIX}requests_total`, ...labels(w), ibm_codeengine_revision_name: "files-00001" };
    const now = w.clock.now().getTime() / 1_000;
    const result = [
      {
        metric: { ...metric, ibm_codeengine_status: "200" },
        values: [
          [now - 60, "1"],
          [now, "3"],
        ],
      },
      { metric: { ...metric, ibm_codeengine_status: "503" }, values: [[now, "1"]] },
    ];
    expect(await w.answer(query)).toEqual({ status: "success", data: { resultType: "matrix", result } });
    const narrow = await w.answer(query.replace("10m", "30s"));
    expect(narrow).toMatchObject({ data: { result: [{ values: [[now, "3"]] }, { values: [[now, "1"]] }] } });
  });

  it("knows what was measured some minutes later, when an instant does not see it any more", async () => {
    await using w = await monitored({ timings: { metricLagMs: 300_000 } });
    const name = `${PREFIX}revision_count`;
    const nothing = { data: { result: [] } };
    expect(await w.answer(name)).toMatchObject(nothing);
    await w.clock.advance(300_000);
    expect(await w.answer(name)).toMatchObject(nothing);
    const at = w.clock.now().getTime() / 1_000 - 300;
    expect(await w.answer(`${name}[10m]`)).toMatchObject({ data: { result: [{ values: [[at, "1"]] }] } });
  });

  it.each([
    { because: "another application", query: `${PREFIX}revision_count{ibm_codeengine_application_name="other"}` },
    { because: "a quoted end", query: `${PREFIX}revision_count{ibm_codeengine_application_name="files\\"}"}` },
    { because: "another metric", query: "up" },
  ])("has nothing of $because", async ({ query }) => {
    await using w = await monitored();
    expect(await w.answer(query)).toMatchObject({ status: "success", data: { result: [] } });
  });

  it.each([
    { because: "no instance", init: { headers: { IBMInstanceID: "" } }, status: 400 },
    { because: "another's instance", init: { headers: { IBMInstanceID: crypto.randomUUID() } }, status: 403 },
    { because: "nobody's token", init: { headers: { authorization: "Bearer nobody" } }, status: 401 },
    { because: "another path", init: { path: "/prometheus/api/v1/labels" }, status: 404 },
    { because: "a write", init: { method: "POST" }, status: 405 },
    { because: "a function", query: "sum(up)", status: 400 },
    { because: "no query", query: "", status: 400 },
    { because: "no label", query: 'up{="x"}', status: 400 },
    { because: "text without end", query: 'up{a="x}', status: 400 },
    { because: "two without a comma", query: 'up{a="x" b="y"}', status: 400 },
    { because: "no span", query: "up[0s]", status: 400 },
  ])("refuses $because", async ({ init = {}, query = "up", status }) => {
    await using w = await monitored();
    const answer = await w.ask(query, init);
    expect(await answer.json()).toMatchObject({
      ...{ status: "error", errorType: expect.any(String), error: expect.any(String) },
    });
    expect(answer.status).toBe(status);
  });

  it("lets nobody in who has no role", async () => {
    await using w = await monitored();
    const authorization = `Bearer ${await w.as().token()}`;
    expect((await w.ask("up", { headers: { authorization } })).status).toBe(403);
    expect((await w.ask("up", { headers: { authorization: `Bearer ${await w.as("Reader").token()}` } })).status).toBe(
      200,
    );
  });
});
