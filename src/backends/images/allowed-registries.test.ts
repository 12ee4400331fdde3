import { describe, expect, it } from "@jest/globals";
import { admitImage } from "./allowed-registries.ts";

const id = `sha256:${"a".repeat(64)}`;

describe("admitImage", () => {
  it.each([
    { because: "nothing is limited", image: "anything/goes", allowed: [] },
    { because: "an ID is as good as a name then", image: id, allowed: [] },
    { because: "the prefix covers official images", image: "nginx", allowed: ["docker.io/library"] },
    { because: "a registry covers all that it has", image: "ghcr.io/a/b:1", allowed: ["quay.io", "ghcr.io"] },
    {
      because: "a whole name is a prefix, too",
      image: "ghcr.io/a/b@sha256:".concat("a".repeat(64)),
      allowed: ["ghcr.io/a/b"],
    },
    { because: "a slash at the end means the same", image: "ghcr.io/a/b", allowed: ["ghcr.io/a/"] },
    { because: "Docker Hub has several names", image: "mcp/x", allowed: ["index.docker.io/mcp"] },
    { because: "a port belongs to the registry", image: "127.0.0.1:5000/x", allowed: ["127.0.0.1:5000"] },
  ])("admits $image: $because", ({ image, allowed }) => {
    expect(() => admitImage(image, allowed)).not.toThrow();
  });

  it.each([
    { because: "library-evil is another segment", image: "library-evil/x", allowed: ["docker.io/library"] },
    { because: "a longer host is another host", image: "ghcr.io.evil.com/x", allowed: ["ghcr.io"] },
    { because: "another port is another registry", image: "127.0.0.1:5001/x", allowed: ["127.0.0.1:5000"] },
    { because: "a short name is Docker Hub's", image: "x", allowed: ["ghcr.io"] },
    { because: "nobody knows where an ID is from", image: id, allowed: ["docker.io"] },
    { because: "upper case is another registry, unknown", image: "GHCR.io/a/b", allowed: ["ghcr.io"] },
  ])("refuses $image: $because", ({ image, allowed }) => {
    expect(() => admitImage(image, allowed)).toThrow(
      expect.objectContaining({ name: "TerminalError", reason: "RegistryNotAllowed" }),
    );
  });

  it("refuses what is no reference", () => {
    expect(() => admitImage("Not A Reference", [])).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });
});
