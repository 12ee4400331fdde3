import { describe, expect, it } from "@jest/globals";
import type { SandboxSupport } from "./sandbox/sandbox.ts";
import { SupportWatch } from "./support-watch.ts";

const supported = { kind: "supported" } as const;
const failing = { kind: "failing", reason: "no image" } as const;
const unsupported = { kind: "unsupported", reason: "no nf_tables" } as const;

describe("SupportWatch", () => {
  it.each([
    {
      because: "what works is asked for once",
      answers: [supported, supported],
      kernels: ["6.1", "6.1"],
      want: [false, false],
    },
    {
      because: "another kernel may not do",
      answers: [supported, unsupported],
      kernels: ["6.1", "5.4"],
      want: [false, true],
    },
    {
      because: "the image may have been made",
      answers: [failing, supported],
      kernels: ["6.1", "6.1"],
      want: [false, true],
    },
    {
      because: "a module may have been loaded",
      answers: [unsupported, supported],
      kernels: ["6.1", "6.1"],
      want: [false, true],
    },
  ])("$because", async ({ answers, kernels, want }) => {
    const asked: boolean[] = [];
    const watch = new SupportWatch({
      support: async ({ refresh = false }): Promise<SandboxSupport> => {
        asked.push(refresh);
        return answers[asked.length - 1] ?? supported;
      },
    });
    for (const kernel of kernels) await watch.now(kernel, { signal: AbortSignal.timeout(1_000) });
    expect(asked).toEqual(want);
  });
});
