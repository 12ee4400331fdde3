import { describe, expect, it } from "@jest/globals";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { parseVolumes, promisedVolumes } from "./volumes.ts";

const promised = (
  mounted: readonly string[],
  allowedMounts: readonly string[] | undefined,
  readOnlyRoot = true,
): readonly string[] => {
  const volumes = parseVolumes(
    mounted.map((mountPath, at) => ({ name: `v${at}`, mountPath, readOnly: false, volume: { retain: false } })),
  );
  const guardrails = { filesystem: { readOnlyRoot, allowedMounts } } as Guardrails;
  return promisedVolumes(guardrails, volumes).map(({ path }) => path);
};

describe("paths that a profile promises to be writable", () => {
  it.each<{ because: string; mounted?: string[]; allowed?: string[]; readOnlyRoot?: boolean; want: string[] }>([
    { because: "all that nothing is mounted at", allowed: ["/data", "/cache"], want: ["/data", "/cache"] },
    { because: "not those of a volume", mounted: ["/data/"], allowed: ["/data", "/cache"], want: ["/cache"] },
    { because: "nor below one", mounted: ["/data"], allowed: ["/data/x"], want: [] },
    {
      because: "a volume below does not make its parent writable",
      mounted: ["/data/x"],
      allowed: ["/data"],
      want: ["/data"],
    },
    { because: "by whole segments", mounted: ["/dat"], allowed: ["/data"], want: ["/data"] },
    { because: "none where the root can be written", allowed: ["/data"], readOnlyRoot: false, want: [] },
    { because: "none where nothing is listed", want: [] },
    { because: "the root itself is never memory", allowed: ["/", "/data"], want: ["/data"] },
  ])("$because", ({ mounted = [], allowed, readOnlyRoot, want }) => {
    expect(promised(mounted, allowed, readOnlyRoot)).toEqual(want);
  });

  it("are memory under a name that no volume of a deployment can have", () => {
    const guardrails = { filesystem: { readOnlyRoot: true, allowedMounts: ["/data"] } } as unknown as Guardrails;
    expect(promisedVolumes(guardrails, [])).toEqual([
      { name: "slipway-/data", path: "/data", readOnly: false, kind: "tmpfs", sizeBytes: 64 * 1024 ** 2 },
    ]);
  });
});

it.each(["/data/../etc", "/data\n", "data"])("refuses to mount at %j", (mountPath) => {
  expect(() => parseVolumes([{ name: "v", mountPath, readOnly: false, tmpfs: {} }])).toThrow(
    expect.objectContaining({
      reason: "InvalidSpec",
      message: expect.stringMatching(/^spec\.volumes\[v\]\.mountPath: /),
    }),
  );
});
