import { describe, expect, it } from "@jest/globals";
import { coversImage, imagePrefixProblem } from "./image-prefix.ts";

describe("coversImage", () => {
  it.each([
    { prefix: "ghcr.io", name: "ghcr.io/a", want: true },
    { prefix: "ghcr.io/a", name: "ghcr.io/a", want: true },
    { prefix: "ghcr.io/a/", name: "ghcr.io/a/b", want: true },
    { prefix: "ghcr.io/a", name: "ghcr.io/ab", want: false },
    { prefix: "ghcr.io/a/b", name: "ghcr.io/a", want: false },
    { prefix: "index.docker.io", name: "docker.io/library/x", want: true },
    { prefix: "index.docker.iox", name: "docker.io/library/x", want: false },
    { prefix: "http://ghcr.io", name: "ghcr.io/a", want: true },
    { prefix: "", name: "ghcr.io/a", want: false },
    { prefix: "/", name: "/a", want: false },
  ])("$prefix and $name: $want", ({ prefix, name, want }) => {
    expect(coversImage(prefix, name)).toBe(want);
  });
});

describe("imagePrefixProblem", () => {
  it.each(["docker.io", "docker.io/library", "ghcr.io/a/b/", "localhost", "localhost:5000", "[::1]:5000", "a.b:1/c"])(
    "has nothing against %s",
    (prefix) => {
      expect(imagePrefixProblem(prefix)).toBeUndefined();
    },
  );

  it.each([
    { prefix: "mcp", because: "names no registry" },
    { prefix: "library/nginx", because: "names no registry" },
    { prefix: "ghcr.io/a:1", because: "covers nothing" },
    { prefix: `ghcr.io/a@sha256:${"a".repeat(64)}`, because: "covers nothing" },
    { prefix: "ghcr.io/A", because: "covers nothing" },
    { prefix: "*.io", because: "covers nothing" },
    { prefix: "ghcr.io.", because: "covers nothing" },
    { prefix: "", because: "covers nothing" },
  ])("says that $prefix $because", ({ prefix, because }) => {
    expect(imagePrefixProblem(prefix)).toContain(because);
  });
});
