import { expect, it } from "@jest/globals";
import { Metrics } from "./metrics.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

it("tells counters, gauges and histograms in the text format", async () => {
  const metrics = new Metrics();
  const probes = metrics.counter("slipway_probes_total", 'Probes, by outcome.\nA "line" more \\ less.');
  metrics.gauge("slipway_deployments", "Deployments.", async () => [
    { labels: { namespace: 'a"b\\c\nd' }, value: 2 },
    { value: Number.POSITIVE_INFINITY },
  ]);
  const seconds = metrics.histogram("slipway_probe_seconds", "Time.", [0.1, 1]);
  probes.inc({ outcome: "answered" });
  probes.inc({ outcome: "answered" }, 2);
  probes.inc();
  seconds.observe(0.05);
  seconds.observe(0.5);
  seconds.observe(5);
  expect(await metrics.render()).toBe(
    [
      '# HELP slipway_probes_total Probes, by outcome.\\nA "line" more \\\\ less.',
      "# TYPE slipway_probes_total counter",
      'slipway_probes_total{outcome="answered"} 3',
      "slipway_probes_total 1",
      "# HELP slipway_deployments Deployments.",
      "# TYPE slipway_deployments gauge",
      'slipway_deployments{namespace="a\\"b\\\\c\\nd"} 2',
      "slipway_deployments +Inf",
      "# HELP slipway_probe_seconds Time.",
      "# TYPE slipway_probe_seconds histogram",
      'slipway_probe_seconds_bucket{le="0.1"} 1',
      'slipway_probe_seconds_bucket{le="1"} 2',
      'slipway_probe_seconds_bucket{le="+Inf"} 3',
      "slipway_probe_seconds_sum 5.55",
      "slipway_probe_seconds_count 3",
      "",
    ].join("\n"),
  );
});

it("keeps a thousand series of a metric, not more", async () => {
  const metrics = new Metrics();
  const counter = metrics.counter("a_total", "A.");
  for (let index = 0; index < 2_000; index += 1) counter.inc({ index: String(index) });
  expect((await metrics.render()).split("\n").filter((line) => line.startsWith("a_total{"))).toHaveLength(1_000);
});

it("refuses a name twice, and one that is none", () => {
  const metrics = new Metrics();
  metrics.counter("a_total", "A.");
  expect(() => metrics.counter("a_total", "A.")).toThrow("registered already");
  expect(() => metrics.counter("a-b", "A.")).toThrow("metric name: a-b");
});

it("tells of the process by the common names", async () => {
  const metrics = new Metrics();
  registerProcessMetrics(metrics);
  const text = await metrics.render();
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"]) {
    expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
  }
});
