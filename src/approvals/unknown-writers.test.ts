import { describe, expect, it } from "@jest/globals";
import { type ReviewedSpec, UNRESOLVED } from "../effective-spec/reviewed-spec.ts";
import { haveUnknownWriters } from "./unknown-writers.ts";

const spec = (more: object = {}) =>
  ({
    source: { image: { reference: "registry.test/x:1", pullPolicy: "Always" } },
    image: "registry.test/x@sha256:1",
    envFrom: [{ configMapRef: { name: "settings" } }],
    configMaps: [{ namespace: "shop", name: "settings", data: { A: "1" } }],
    ...more,
  }) as unknown as ReviewedSpec;
const content = (value: string, name = "settings") => ({ namespace: "shop", name, data: { A: value } });

describe("whether somebody wrote who left no name", () => {
  it.each<{ because: string; approved?: ReviewedSpec; wanted: ReviewedSpec; want: boolean }>([
    { because: "not where nothing differs", wanted: spec(), want: false },
    { because: "not where only what the deployment says does", wanted: spec({ args: ["x"] }), want: false },
    { because: "of a ConfigMap with other contents", wanted: spec({ configMaps: [content("2")] }), want: true },
    {
      because: "also where something of the deployment's differs, too",
      wanted: spec({ args: ["x"], configMaps: [content("2")] }),
      want: true,
    },
    {
      because: "of one that was named, and made since",
      approved: spec({ configMaps: [] }),
      wanted: spec(),
      want: true,
    },
    { because: "of one that is named, and gone", wanted: spec({ configMaps: [] }), want: true },
    {
      because: "not of one that the deployment names now",
      approved: spec({ envFrom: [], configMaps: [] }),
      wanted: spec(),
      want: false,
    },
    { because: "nor of one that it names no more", wanted: spec({ envFrom: [], configMaps: [] }), want: false },
    {
      because: "of one that a profile names",
      approved: spec({ configMaps: [content("1", "seccomp")] }),
      wanted: spec({ configMaps: [content("2", "seccomp")] }),
      want: true,
    },
    { because: "of a tag that was moved", wanted: spec({ image: "registry.test/x@sha256:2" }), want: true },
    {
      because: "not of another reference",
      wanted: spec({ image: "registry.test/y@sha256:2", source: { image: { reference: "registry.test/y:1" } } }),
      want: false,
    },
    { because: "not of an image that nobody resolved", wanted: spec({ image: UNRESOLVED }), want: false },
  ])("$because", ({ approved = spec(), wanted, want }) => {
    expect(haveUnknownWriters(approved, wanted)).toBe(want);
  });

  it.each<{ because: string; approved?: ReviewedSpec; asked: ReviewedSpec; wanted: ReviewedSpec; want: boolean }>([
    { because: "not what was asked before", asked: spec(), wanted: spec({ args: ["x"] }), want: false },
    {
      because: "another content than was asked about",
      asked: spec(),
      wanted: spec({ configMaps: [content("2")] }),
      want: true,
    },
    {
      because: "another image than was asked about",
      asked: spec(),
      wanted: spec({ image: "registry.test/x@sha256:2" }),
      want: true,
    },
    {
      because: "another content than was asked about since something else was approved",
      approved: spec({ envFrom: [], configMaps: [] }),
      asked: spec(),
      wanted: spec({ configMaps: [content("2")] }),
      want: true,
    },
    {
      because: "not what was approved, whatever was asked about since",
      approved: spec(),
      asked: spec({ image: "registry.test/x@sha256:2", configMaps: [content("2")] }),
      wanted: spec({ args: ["x"] }),
      want: false,
    },
  ])("is $because", ({ approved, asked, wanted, want }) => {
    expect(haveUnknownWriters(approved, wanted, [asked])).toBe(want);
  });
});
