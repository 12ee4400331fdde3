import { describe, expect, it } from "@jest/globals";
import { usageText } from "./usage-line.ts";

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
    expect(usageText(usage, limits)).toBe(want);
  });
});
