import { describe, expect, it } from "@jest/globals";
import { usageText } from "./usage-line.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const MiB = 1024 * 1024;
const binary = { cpu: "500m", memory: "512Mi" };

describe("what a workload uses, in words", () => {
  it.each([
    {
      because: "one instance runs",
      usage: { instances: 1, cpuMillis: 120, memoryBytes: 64 * MiB },
      limits: binary,
      want: "1 instance, CPU 120m of 500m, memory 64Mi of 512Mi",
    },
    {
      because: "each instance has its own limit",
      usage: { instances: 2, cpuMillis: 240, memoryBytes: 128e6 },
      limits: { cpu: "1", memory: "4G" },
      want: "2 instances, CPU 240m of 2 × 1, memory 128M of 2 × 4G",
    },
    {
      because: "it sleeps",
      usage: { instances: 0, cpuMillis: 0, memoryBytes: 0 },
      limits: binary,
      want: "0 instances",
    },
    {
      because: "nobody measures it",
      usage: { instances: 3, cpuMillis: undefined, memoryBytes: undefined },
      limits: binary,
      want: "3 instances; CPU and memory are not measured",
    },
    {
      because: "only one is measured",
      usage: { instances: 1, cpuMillis: undefined, memoryBytes: MiB },
      limits: {},
      want: "1 instance, CPU unknown, memory 1Mi",
    },
  ])("where $because", ({ usage, limits, want }) => {
    expect(usageText(usage, limits, NOW)).toBe(want);
  });

  it.each([
    {
      because: "they are some minutes old",
      requests: { total: 120, byStatus: { "2xx": 118, "5xx": 2 }, spanSeconds: 600, until: "2026-01-01T11:55:10Z" },
      want: "120 requests in 10 min (118 2xx, 2 5xx), 5 min ago",
    },
    {
      because: "they are of now",
      requests: { total: 1, byStatus: { "4xx": 1 }, spanSeconds: 60, until: "2026-01-01T11:59:40Z" },
      want: "1 request in 1 min (1 4xx)",
    },
    {
      because: "there were none, by a clock that is ahead",
      requests: { total: 0, byStatus: {}, spanSeconds: 600, until: "2026-01-01T12:05:00Z" },
      want: "0 requests in 10 min",
    },
  ])("ends with requests, and how old they are: $because", ({ requests, want }) => {
    const asleep = { instances: 0, cpuMillis: 0, memoryBytes: 0, requests };
    expect(usageText(asleep, {}, NOW)).toBe(`0 instances; ${want}`);
    const unmeasured = { instances: 2, cpuMillis: undefined, memoryBytes: undefined, requests };
    expect(usageText(unmeasured, {}, NOW)).toBe(`2 instances; CPU and memory are not measured; ${want}`);
  });
});
