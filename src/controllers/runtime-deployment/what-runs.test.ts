import { describe, expect, it } from "@jest/globals";
import { NO_IMAGE, type Program, type Reach } from "../../backends/backend.ts";
import { whatChanges, whatRuns, whatWasGone } from "./what-runs.ts";

const REMOTE: Reach = { kind: "remote", url: "https://example.com/mcp", headers: {}, allowedCidrs: [] };

describe("what is said of a workload to people", () => {
  it.each([
    { because: "an image", pinned: "sha256:1", want: "the container" },
    { because: "an image over stdio", pinned: "sha256:1", reach: { kind: "stdio" } as const, want: "the container" },
    { because: "a command", pinned: NO_IMAGE, want: "the process" },
    { because: "a package", pinned: "npm:a@1", want: "the process" },
  ])("is true of $because", ({ pinned, reach, want }) => {
    const workload = { image: { pinned }, ...(reach && { reach }) };
    expect([whatRuns(workload), whatChanges(workload, "start"), whatChanges(workload, "stop")]).toEqual([
      `${want} runs`,
      `${want} is being started`,
      `${want} is being stopped`,
    ]);
  });

  it("is true of what others run", () => {
    const workload = { image: { pinned: NO_IMAGE }, reach: REMOTE };
    for (const said of [whatRuns(workload), whatChanges(workload, "start"), whatChanges(workload, "stop")]) {
      expect(said).toMatch(/^its URL is /);
    }
  });

  it.each<{ because: string; program?: Program; want: string }>([
    { because: "an image", want: "the container was gone; made and started it again" },
    { because: "a package", program: { kind: "package" }, want: "the process was gone; made and started it again" },
  ])("is true of $because that was gone", ({ want, program }) => {
    expect(whatWasGone(program ? { program } : {})).toBe(want);
  });
});
