import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { CodeEngineError } from "../client/errors.ts";
import type { MetricRange } from "../client/monitoring.ts";
import type { Series } from "../client/resources/samples.ts";
import { RequestMetrics } from "./request-metrics.ts";

const never = new AbortController().signal;
const APP = { name: "files", namespace: "vg67hzldruk", createdAt: undefined };

function metrics(answer: (range: MetricRange) => readonly Series[] | Error | "silence") {
  const clock = new FakeClock();
  const { logger, lines: log } = recordingLogger();
  const asked: MetricRange[] = [];
  const monitoring = {
    async samples(range: MetricRange, { signal }: { readonly signal: AbortSignal }) {
      asked.push(range);
      const found = answer(range);
      if (found instanceof Error) throw found;
      if (found !== "silence") return found;
      return await new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  return { clock, asked, log, metrics: new RequestMetrics({ monitoring, clock, logger }) };
}

/** Two totals, half an hour apart. */
function grown(clock: FakeClock): Series {
  const at = clock.now().getTime();
  const samples = [
    { at: at - 1_800_000, value: 1 },
    { at, value: 4 },
  ];
  return { labels: { ibm_codeengine_status: "200" }, samples };
}
const refusal = (more: Partial<CodeEngineError>) =>
  new CodeEngineError({
    ...{ kind: "terminal", service: "IBM Cloud Monitoring", operation: "query metrics", said: "no", trace: "t-1" },
    ...more,
  });

describe("metrics of requests", () => {
  it("are asked of one app, by the namespace that no other project has", async () => {
    const use = metrics(() => [grown(use.clock)]);
    expect(await use.metrics.of(APP, never)).toMatchObject({ total: 3, byStatus: { "2xx": 3 } });
    const labels = { ibm_codeengine_namespace: "vg67hzldruk", ibm_codeengine_application_name: "files" };
    expect(use.asked).toEqual([
      { metric: "ibm_codeengine_application_requests_total", labels, spanMs: 3_600_000 },
      { metric: "ibm_codeengine_application_revision_count", labels, spanMs: 3_600_000 },
    ]);
    expect(use.metrics.aspect).toMatchObject({ type: "MetricsAvailable", available: true, reason: "Available" });
  });

  it.each([
    {
      because: "the instance is another's",
      error: refusal({ status: 403 }),
      reason: "Forbidden",
      remedy: "role Reader",
    },
    {
      because: "the key is refused",
      error: refusal({ kind: "unauthorized" }),
      reason: "Forbidden",
      remedy: "role Reader",
    },
    {
      because: "nothing is at the address",
      error: refusal({ kind: "notFound", status: 404 }),
      reason: "BackendError",
      remedy: "endpoints.monitoring",
    },
    {
      because: "there are too many queries",
      error: refusal({ kind: "throttled", status: 429 }),
      reason: "Throttled",
      remedy: "tries it again",
    },
    {
      because: "it is broken",
      error: refusal({ kind: "transient", status: 500 }),
      reason: "BackendError",
      remedy: "tries it again",
    },
  ])("are missed without harm where $because", async ({ error, reason, remedy }) => {
    const use = metrics(() => error);
    expect(await use.metrics.of(APP, never)).toBeUndefined();
    const { message, ...told } = use.metrics.aspect ?? { message: "" };
    expect(told).toEqual({ type: "MetricsAvailable", available: false, reason });
    expect(message).toContain(remedy);
    // A trace differs each time, and a condition that differs is written.
    expect(message).not.toContain("t-1");
    expect(use.log).toMatchObject([{ level: "warn", message: "use is told without requests" }]);
  });

  it("are left alone for a minute after a failure, or as long as it asks", async () => {
    let failing = true;
    const use = metrics(() => (failing ? refusal({ kind: "throttled", retryAfterMs: 90_000 }) : [grown(use.clock)]));
    await use.metrics.of(APP, never);
    failing = false;
    const before = use.asked.length;
    await use.clock.advance(80_000);
    expect(await use.metrics.of(APP, never)).toBeUndefined();
    expect(use.asked).toHaveLength(before);
    await use.clock.advance(10_000);
    expect(await use.metrics.of(APP, never)).toMatchObject({ total: 3 });
    expect(use.metrics.aspect).toMatchObject({ available: true });
  });

  it("say where an instance gets none of them, until it has had some", async () => {
    let found = false;
    const use = metrics(() => (found ? [grown(use.clock)] : []));
    await use.metrics.check("tools", never);
    expect(use.asked).toMatchObject([{ labels: { ibm_codeengine_project_name: "tools" } }]);
    expect(use.metrics.aspect).toMatchObject({ available: true, message: expect.stringContaining("platform metrics") });
    expect(await use.metrics.of(APP, never)).toBeUndefined();
    found = true;
    await use.metrics.of(APP, never);
    const told = use.metrics.aspect;
    expect(told?.message).toBe("IBM Cloud Monitoring answered the last query");
    found = false;
    await use.metrics.of(APP, never);
    expect(use.metrics.aspect).toEqual(told);
  });

  it("are checked only while nothing is known", async () => {
    const use = metrics(() => []);
    await use.metrics.check("tools", never);
    await use.metrics.check("tools", never);
    expect(use.asked).toHaveLength(1);
  });

  it("throw a bug, and the reader's abort, and nothing else", async () => {
    await expect(metrics(() => new TypeError("bug")).metrics.of(APP, never)).rejects.toThrow("bug");
    const use = metrics(() => "silence");
    const reader = new AbortController();
    const reading = use.metrics.of(APP, reader.signal);
    reader.abort(new Error("left"));
    await expect(reading).rejects.toThrow("left");
    expect(use.metrics.aspect).toBeUndefined();
  });

  it("are not there where no instance is named, which has a remedy", async () => {
    const none = new RequestMetrics({
      monitoring: undefined,
      clock: new FakeClock(),
      logger: recordingLogger().logger,
    });
    await none.check("tools", never);
    expect(await none.of(APP, never)).toBeUndefined();
    expect(none.aspect).toMatchObject({
      reason: "NotConfigured",
      message: expect.stringContaining("spec.codeEngine.monitoringInstanceId"),
    });
  });
});
