import { describe, expect, it } from "@jest/globals";
import { chooseSource } from "./source.ts";
import { assertSourceSupported } from "./source-support.ts";

const git = chooseSource({ git: { url: "https://git.test/files", dockerfile: "Dockerfile", timeoutSeconds: 600 } });
const image = chooseSource({ image: { reference: "files:1", pullPolicy: "Always" } });

const backend = (name: string, sources?: string[]) => ({
  metadata: { name },
  ...(sources && { status: { capabilities: { sources } } }),
});
const ALL = [backend("new"), backend("docker", ["image"]), backend("ce", ["image", "git"]), backend("b", ["git"])];

describe("a backend", () => {
  it.each([
    { because: "it says so", source: git, sources: ["image", "git"] },
    { because: "every one runs images", source: image, sources: ["image"] },
    { because: "nobody has asked it yet", source: git, sources: undefined },
  ])("takes a source: $because", ({ source, sources }) => {
    expect(() => assertSourceSupported(source, { name: "x", sources }, ALL)).not.toThrow();
  });

  it.each([
    {
      because: "those that can are named",
      source: git,
      sources: ["image"],
      all: ALL,
      message: /set spec\.backend to b or ce$/,
    },
    { because: "nobody can", source: git, sources: ["image"], all: [], message: /no RuntimeBackend here can; build/ },
  ])("refuses one: $because", ({ source, sources, all, message }) => {
    expect(() => assertSourceSupported(source, { name: "docker", sources }, all)).toThrow(
      expect.objectContaining({ reason: "SourceNotSupported", message: expect.stringMatching(message) }),
    );
  });
});
