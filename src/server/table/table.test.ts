import { describe, expect, it } from "@jest/globals";
import { recordedKinds } from "../../../test/support/recordings.ts";
import type { ResourceDefinition } from "../resource.ts";
import { humanDuration } from "./human-duration.ts";
import { compileJsonPath } from "./json-path.ts";
import { toTable } from "./table.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

it.each([
  { ms: -5 * SECOND, want: "<invalid>" },
  { ms: -1 * SECOND, want: "0s" },
  { ms: 119 * SECOND, want: "119s" },
  { ms: 2 * MINUTE, want: "2m" },
  { ms: 9 * MINUTE + 59 * SECOND, want: "9m59s" },
  { ms: 10 * MINUTE + 59 * SECOND, want: "10m" },
  { ms: 3 * HOUR, want: "3h" },
  { ms: 7 * HOUR + 59 * MINUTE, want: "7h59m" },
  { ms: 8 * HOUR + 59 * MINUTE, want: "8h" },
  { ms: 2 * DAY + HOUR, want: "2d1h" },
  { ms: 8 * DAY + HOUR, want: "8d" },
  { ms: 2 * 365 * DAY + DAY, want: "2y1d" },
  { ms: 9 * 365 * DAY, want: "9y" },
])("$ms ms are $want", ({ ms, want }) => {
  expect(humanDuration(ms)).toBe(want);
});

describe("paths", () => {
  const object = {
    list: [
      { k: "a", v: 1 },
      { k: "b", v: 2 },
      { k: "b", v: 3 },
    ],
    dotted: { "a.b/c": "deep" },
    map: { x: "y" },
  };

  it.each([
    { path: ".list[0].v", want: [1] },
    { path: ".list[-1].v", want: [3] },
    { path: ".list[*].v", want: [1, 2, 3] },
    { path: ".list[1:].v", want: [2, 3] },
    { path: ".list[0,2].v", want: [1, 3] },
    { path: '.list[?(@.k=="b")].v', want: [2, 3] },
    { path: ".list[?(@.v>1)].k", want: ["b", "b"] },
    { path: ".list[?(@.missing)]", want: [] },
    { path: ".dotted.a\\.b/c", want: ["deep"] },
    { path: ".dotted['a.b/c']", want: ["deep"] },
    { path: "..v", want: [1, 2, 3] },
    { path: ".map.*", want: ["y"] },
    { path: ".toString", want: [] },
    { path: ".list.k", want: [] },
  ])("$path", ({ path, want }) => {
    expect(compileJsonPath(path)(object)).toEqual(want);
  });

  it.each([".a[", ".a[x]", "a", ".a['b", ".a[?(b)]"])("%s is refused", (path) => {
    if (path === "a") expect(compileJsonPath(`.${path}`)({ a: 1 })).toEqual([1]);
    else expect(() => compileJsonPath(path)).toThrow(SyntaxError);
  });
});

describe("tables", () => {
  const widgets = recordedKinds().get("widgets/v1") as ResourceDefinition;
  const gadgets = recordedKinds().get("gadgets/v1") as ResourceDefinition;
  const now = new Date("2026-01-01T01:00:00Z");
  const metadata = { name: "a", namespace: "ns", creationTimestamp: "2026-01-01T00:00:00Z" };

  it("fill the columns of the definition", () => {
    const object = {
      metadata,
      spec: { replicas: 1, image: "nginx:1" },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    };
    const table = toTable(widgets, [object], { includeObject: "Metadata", resourceVersion: "7", now });
    expect(table.metadata).toEqual({ resourceVersion: "7" });
    expect(table.columnDefinitions.map(({ name, priority }) => `${name}/${priority}`)).toEqual([
      "Name/0",
      "Phase/0",
      "Ready/0",
      "Replicas/0",
      "Paused/1",
      "Image/1",
      "Age/0",
    ]);
    expect(table.rows).toEqual([
      {
        cells: ["a", null, "True", 1, null, "nginx:1", "60m"],
        object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata },
      },
    ]);
  });

  it("show name and age where there are no columns, and carry what is asked for", () => {
    const object = { metadata };
    expect(toTable(gadgets, [object], { includeObject: "None", now }).rows).toEqual([
      { cells: ["a", "60m"], object: null },
    ]);
    expect(toTable(gadgets, [object], { includeObject: "Object", now }).rows[0]?.object).toBe(object);
  });

  it("count for built-in kinds", () => {
    const { definition: _, ...builtIn } = { ...gadgets, group: "", kind: "ConfigMap" };
    const object = { metadata, data: { x: "1", y: "2" }, binaryData: { z: "" } };
    expect(toTable(builtIn, [object], { includeObject: "None", now }).rows[0]?.cells).toEqual(["a", 3, "60m"]);
  });
});
