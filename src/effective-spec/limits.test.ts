import { describe, expect, it } from "@jest/globals";
import { chooseLimits, type LimitsInput } from "./limits.ts";

const backend = { name: "local", defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } } };
const none = { maxCpuMillis: undefined, maxMemoryBytes: undefined, maxPids: undefined };
const choose = (asked: LimitsInput["asked"], maxima: Partial<LimitsInput["guardrails"]["resources"]> = {}) =>
  chooseLimits({ asked, backend, guardrails: { profile: "tight", resources: { ...none, ...maxima } } });

describe("chooseLimits", () => {
  it("gives the backend's defaults, and says so", () => {
    expect(choose({})).toEqual({
      limits: { cpuMillis: 500, memoryBytes: 536_870_912, pids: 100 },
      limitNotes: [
        'cpu: 500m, the default of RuntimeBackend "local"',
        'memory: 512Mi, the default of RuntimeBackend "local"',
        'pids: 100, the default of RuntimeBackend "local"',
      ],
    });
  });

  it("gives the maximum where the default is more, each key by itself", () => {
    expect(choose({}, { maxMemoryBytes: 1024 ** 2, maxPids: 200 })).toEqual({
      limits: { cpuMillis: 500, memoryBytes: 1024 ** 2, pids: 100 },
      limitNotes: expect.arrayContaining([
        'memory: 1Mi, the maximum of GuardrailProfile "tight" (the default of RuntimeBackend "local" is 512Mi)',
        'pids: 100, the default of RuntimeBackend "local"',
      ]),
    });
  });

  it("gives what is asked for, without a note", () => {
    const { limits, limitNotes } = choose({ cpu: 2, pids: 7 });
    expect(limits).toEqual({ cpuMillis: 2000, memoryBytes: 536_870_912, pids: 7 });
    expect(limitNotes).toEqual(['memory: 512Mi, the default of RuntimeBackend "local"']);
  });

  describe("where there are certain sizes only", () => {
    const sizes = [
      { cpuMillis: 125, memoryBytes: 250e6 },
      { cpuMillis: 250, memoryBytes: 500e6 },
      { cpuMillis: 250, memoryBytes: 1e9 },
    ];
    const place = {
      name: "ibm",
      defaults: { limits: { cpu: "500m", memory: "1G", pids: 100 }, limitsPids: false, sizes },
    };
    const sized = (asked: LimitsInput["asked"]) =>
      chooseLimits({ asked, backend: place, guardrails: { profile: "p", resources: none } });

    it.each([
      { because: "it is one", asked: { cpu: "250m", memory: "500M" }, want: [250, 500e6], notes: [] },
      {
        because: "it is the largest within both",
        asked: { cpu: "500m", memory: "256Mi" },
        want: [125, 250e6],
        notes: ['size: 125m CPU and 250M memory, the largest of RuntimeBackend "ibm" within 500m CPU and 256Mi memory'],
      },
    ])("takes a size since $because", ({ asked, want, notes }) => {
      const { limits, limitNotes } = sized(asked);
      expect([limits.cpuMillis, limits.memoryBytes]).toEqual(want);
      expect(limitNotes).toEqual(notes);
    });

    it("refuses less than the smallest", () => {
      expect(() => sized({ cpu: "100m", memory: "1G" })).toThrow(
        expect.objectContaining({
          reason: "LimitExceeded",
          message: expect.stringContaining("125m CPU with 250M memory"),
        }),
      );
    });
  });

  it("names whose quantity is none", () => {
    expect(() => choose({ cpu: "lots" })).toThrow(/^spec\.resources\.cpu: lots/);
    const broken = { name: "local", defaults: { limits: { cpu: "1", memory: "512m", pids: 1 } } };
    expect(() => chooseLimits({ asked: {}, backend: broken, guardrails: { profile: "p", resources: none } })).toThrow(
      /^RuntimeBackend "local": defaultLimits\.memory: 512m/,
    );
  });
});
