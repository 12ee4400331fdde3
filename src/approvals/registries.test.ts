import { describe, expect, it } from "@jest/globals";
import type { ReviewedSource } from "../effective-spec/reviewed-spec.ts";
import { outsideRegistries } from "./registries.ts";

const hex = "a".repeat(64);
const ALLOWED = [
  "docker.io/library",
  "docker.io/mcp/",
  "ghcr.io/acme",
  "127.0.0.1:5000",
  "[::1]:5000",
  "localhost/own",
];

const image = (reference: string, pullPolicy: "IfNotPresent" | "Never" = "IfNotPresent"): ReviewedSource => ({
  image: { reference, pullPolicy },
});
const outside = (reference: string, allowed: readonly string[] = ALLOWED, resolved = "unresolved") =>
  outsideRegistries(allowed, { source: image(reference), image: resolved });

/**
 * The parser is src/api/image-reference.ts, by the grammar of github.com/distribution/reference and with the defaults of the Docker
 * client; lists are matched by whole segments of the name that it gives.
 */
describe("spellings of an image that are from the list", () => {
  it.each([
    { because: "official images are docker.io/library", reference: "nginx" },
    { because: "with a tag", reference: "nginx:1.25" },
    { because: "with a digest", reference: `nginx@sha256:${hex}` },
    { because: "with both", reference: `nginx:1.25@sha256:${hex}` },
    { because: "library can be written", reference: "library/nginx" },
    { because: "a host alone is the name of an official image", reference: "ghcr.io" },
    { because: "docker.io can be written", reference: "docker.io/nginx" },
    { because: "both can be written", reference: "docker.io/library/nginx" },
    { because: "index.docker.io is an old name of Docker Hub", reference: "index.docker.io/nginx" },
    { because: "also with library", reference: "index.docker.io/library/nginx:1" },
    { because: "registry-1.docker.io is what answers for it", reference: "registry-1.docker.io/library/nginx" },
    { because: "an organisation that is listed", reference: "mcp/everything" },
    { because: "the same written out", reference: "docker.io/mcp/everything:latest" },
    { because: "the same under the old name", reference: "index.docker.io/mcp/everything" },
    { because: "a path below what is listed", reference: "ghcr.io/acme/files" },
    { because: "at any depth", reference: "ghcr.io/acme/team/files:v1.2.3-rc.1_x" },
    { because: "by digest", reference: `ghcr.io/acme/files@sha256:${hex}` },
    { because: "the port is part of the host", reference: "127.0.0.1:5000/x:1" },
    { because: "an IPv6 address is a host, too", reference: "[::1]:5000/x" },
    { because: "localhost is a host without a dot", reference: "localhost/own/x" },
    { because: "dashes, dots and underscores are names", reference: "ghcr.io/acme/a__b/c-d.e--f" },
  ])("$reference: $because", ({ reference }) => {
    expect(outside(reference)).toBeUndefined();
  });
});

describe("spellings of an image that are from elsewhere", () => {
  it.each([
    { because: "library-evil is another segment", reference: "library-evil/x" },
    { because: "also written out", reference: "docker.io/library-evil/x" },
    { because: "libraryx is another segment", reference: "docker.io/libraryx/nginx" },
    { because: "library of somebody else", reference: "evil/library/nginx" },
    { because: "an organisation that begins alike", reference: "mcp-evil/everything" },
    { because: "an organisation that ends alike", reference: "evil-mcp/everything" },
    { because: "below an organisation that is not listed", reference: "evil/mcp/everything" },
    { because: "another registry with the same path", reference: "quay.io/library/nginx" },
    { because: "a host that ends alike", reference: "evil-ghcr.io/acme/files" },
    { because: "a host that goes on", reference: "ghcr.io.evil.test/acme/files" },
    { because: "a host in front", reference: "evil.test/ghcr.io/acme/files" },
    { because: "a subdomain", reference: "x.ghcr.io/acme/files" },
    { because: "an organisation that goes on", reference: "ghcr.io/acme-evil/files" },
    { because: "an organisation that goes on after a dot", reference: "ghcr.io/acme.evil/files" },
    { because: "an organisation that goes on after underscores", reference: "ghcr.io/acme__evil/files" },
    { because: "a tag that looks like the rest", reference: "ghcr.io/evil:acme" },
    { because: "the organisation is in the second segment", reference: "ghcr.io/evil/acme/files" },
    { because: "a port makes another registry", reference: "ghcr.io:5000/acme/files" },
    { because: "so does the port that is the default", reference: "ghcr.io:443/acme/files" },
    { because: "and the one of http", reference: "docker.io:80/library/nginx" },
    { because: "no port is not port 5000", reference: "127.0.0.1/x" },
    { because: "another port is another registry", reference: "127.0.0.1:5001/x" },
    { because: "a port that begins alike", reference: "127.0.0.1:50000/x" },
    { because: "an address that means the same is written otherwise", reference: "127.1:5000/x" },
    { because: "another loopback address", reference: "127.0.0.2:5000/x" },
    { because: "localhost is not 127.0.0.1", reference: "localhost:5000/x" },
    { because: "localhost with a port is not localhost", reference: "localhost:80/own/x" },
    { because: "another path of localhost", reference: "localhost/other/x" },
    { because: "an IPv6 address written in full", reference: "[0:0:0:0:0:0:0:1]:5000/x" },
    { because: "an IPv6 address without its port", reference: "[::1]/x" },
    { because: "an IPv6 address without brackets is no host", reference: "::1/x" },
    { because: "IPv4 in the guise of IPv6", reference: "[::ffff:127.0.0.1]:5000/x" },
    { because: "upper case is another host, as far as is known", reference: "GHCR.IO/acme/files" },
    { because: "one capital suffices", reference: "Ghcr.io/acme/files" },
    { because: "also of Docker Hub", reference: "Docker.io/library/nginx" },
    { because: "also of what would be an organisation", reference: "Library/nginx" },
    { because: "upper case is no path", reference: "ghcr.io/Acme/files" },
    { because: "upper case is no official image", reference: "Nginx" },
    { because: "a dot at the end of the host", reference: "ghcr.io./acme/files" },
    { because: "also of Docker Hub", reference: "docker.io./library/nginx" },
    { because: "a dot at the end of a segment", reference: "ghcr.io/acme./files" },
    { because: "a host of nothing", reference: "/acme/files" },
    { because: "two slashes", reference: "ghcr.io//acme/files" },
    { because: "a slash at the end", reference: "ghcr.io/acme/" },
    { because: "dots that climb", reference: "ghcr.io/acme/../evil/files" },
    { because: "dots that stay", reference: "ghcr.io/./acme/files" },
    { because: "a climb that is encoded", reference: "ghcr.io/acme/%2e%2e/evil" },
    { because: "a scheme", reference: "https://ghcr.io/acme/files" },
    { because: "a user in front of the host", reference: "ghcr.io@evil.test/acme/files" },
    { because: "a user with a digest's sign", reference: `ghcr.io/acme/files@evil.test/x@sha256:${hex}` },
    { because: "a digest of another algorithm", reference: `ghcr.io/acme/files@md5:${hex.slice(32)}` },
    { because: "a digest that is too short", reference: "ghcr.io/acme/files@sha256:abc" },
    { because: "a query", reference: "ghcr.io/acme/files?x=1" },
    { because: "a fragment", reference: "ghcr.io/acme/files#ghcr.io/acme" },
    { because: "a back slash", reference: "ghcr.io\\acme\\files" },
    { because: "a space in front", reference: " ghcr.io/acme/files" },
    { because: "a space behind", reference: "ghcr.io/acme/files " },
    { because: "a line break", reference: "ghcr.io/acme/files\n" },
    { because: "a NUL", reference: "ghcr.io/acme/files\0.evil.test" },
    { because: "a Cyrillic letter", reference: "ghcr.io/аcme/files" },
    { because: "a Cyrillic letter in the host", reference: "ghсr.io/acme/files" },
    { because: "a fullwidth dot", reference: "ghcr．io/acme/files" },
    { because: "a fullwidth slash", reference: "ghcr.io／acme/files" },
    { because: "a zero width space", reference: "ghcr.io/ac\u200bme/files" },
    { because: "text that is turned around", reference: "ghcr.io/acme/\u202eselif" },
    { because: "punycode of a lookalike", reference: "xn--ghr-5cd.io/acme/files" },
    { because: "hub.docker.com is a web site", reference: "hub.docker.com/library/nginx" },
    { because: "registry.hub.docker.com is no name that is known", reference: "registry.hub.docker.com/library/nginx" },
    { because: "an alias that goes on", reference: "index.docker.io.evil.test/library/nginx" },
    { because: "an alias with a port", reference: "index.docker.io:443/library/nginx" },
    { because: "an alias in capitals", reference: "INDEX.docker.io/library/nginx" },
    { because: "a registry without a dot is an organisation", reference: "ghcr/acme/files" },
    { because: "an image ID has no registry", reference: `sha256:${hex}` },
    { because: "an image ID without its prefix", reference: hex },
    { because: "an empty tag", reference: "nginx:" },
    { because: "a tag that is too long", reference: `nginx:${"a".repeat(129)}` },
    { because: "a name that is too long", reference: `ghcr.io/acme/${"a/".repeat(130)}a` },
    { because: "three underscores", reference: "ghcr.io/acme/a___b" },
    { because: "nothing", reference: "" },
  ])("$reference: $because", ({ reference }) => {
    expect(outside(reference)).toEqual(expect.any(String));
  });
});

describe("outsideRegistries", () => {
  it("has nothing inside an empty list", () => {
    expect(outside("nginx", [])).toBe("image docker.io/library/nginx is not from none");
  });

  it.each([
    { allowed: "https://ghcr.io/acme/", reference: "ghcr.io/acme/x" },
    { allowed: "docker.io", reference: "nginx" },
    { allowed: "index.docker.io", reference: "mcp/x" },
    { allowed: "registry-1.docker.io/library", reference: "nginx" },
    { allowed: "docker.io/library/nginx", reference: "nginx:1" },
  ])("takes $allowed as people write it", ({ allowed, reference }) => {
    expect(outside(reference, [allowed])).toBeUndefined();
  });

  it.each(["library", "mcp", "nginx", "ghcr.io/acme:1", "*", "", "/", "https://"])(
    "lets a list entry that is no prefix, %p, cover nothing",
    (allowed) => {
      expect(outside("nginx", [allowed])).toBeDefined();
    },
  );

  it("looks at what a reference was found to be, too", () => {
    const [own, other] = [`ghcr.io/acme/files@sha256:${hex}`, `ghcr.io/evil/files@sha256:${hex}`];
    expect(outside("ghcr.io/acme/files", ALLOWED, own)).toBeUndefined();
    expect(outside("ghcr.io/acme/files", ALLOWED, other)).toContain("ghcr.io/evil/files");
    expect(outside("ghcr.io/acme/files", ALLOWED, `sha256:${hex}`)).toContain("image ID");
    expect(outside("ghcr.io/evil/files", ALLOWED, own)).toContain("ghcr.io/evil/files");
  });

  it("trusts no name that an image has on a machine", () => {
    const asked = { source: image("nginx", "Never"), image: "unresolved" };
    expect(outsideRegistries(ALLOWED, asked)).toContain("pullPolicy Never");
  });

  it("tells where others run a server without what may be a key", () => {
    const source = { remote: { url: "https://mcp.example.com/tools?key=hush#hush" } };
    const told = outsideRegistries(ALLOWED, { source, image: "none" });
    expect(told).toContain("run by others at https://mcp.example.com/tools and");
  });

  it("takes what is built from git for no registry's, wherever it is pushed", () => {
    const git = {
      ...{ url: "https://git.test/evil", dockerfile: "Dockerfile", timeoutSeconds: 600 },
      push: { repository: "ghcr.io/acme/files" },
    };
    const asked = { source: { git }, image: `ghcr.io/acme/files@sha256:${hex}` };
    expect(outsideRegistries(ALLOWED, asked)).toContain("built from https://git.test/evil");
  });
});
