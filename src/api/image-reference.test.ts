import { describe, expect, it } from "@jest/globals";
import { formatReference, imageName, isImageId, parseImageReference } from "./image-reference.ts";

const hex = "a".repeat(64);

describe("parseImageReference", () => {
  it.each([
    { text: "nginx", want: "docker.io/library/nginx:latest" },
    { text: "nginx:1.25", want: "docker.io/library/nginx:1.25" },
    { text: "library/nginx", want: "docker.io/library/nginx:latest" },
    { text: "mcp/everything", want: "docker.io/mcp/everything:latest" },
    { text: "docker.io/nginx", want: "docker.io/library/nginx:latest" },
    { text: "index.docker.io/mcp/x", want: "docker.io/mcp/x:latest" },
    { text: "ghcr.io/x/y:v1", want: "ghcr.io/x/y:v1" },
    { text: "localhost/x", want: "localhost/x:latest" },
    { text: "localhost:5000/x:1", want: "localhost:5000/x:1" },
    { text: "127.0.0.1:5000/a/b/c", want: "127.0.0.1:5000/a/b/c:latest" },
    { text: "[2001:db8::1]:5000/x:1", want: "[2001:db8::1]:5000/x:1" },
    { text: "registry.example.com/x", want: "registry.example.com/x:latest" },
    { text: "MyHost/x", want: "MyHost/x:latest" },
    { text: `nginx@sha256:${hex}`, want: `docker.io/library/nginx@sha256:${hex}` },
    { text: `ghcr.io/x/y:v1@sha256:${hex}`, want: `ghcr.io/x/y@sha256:${hex}` },
    { text: "a__b/c-d.e--f", want: "docker.io/a__b/c-d.e--f:latest" },
  ])("reads $text as $want", ({ text, want }) => {
    const reference = parseImageReference(text);
    expect(formatReference(reference)).toBe(want);
    expect(formatReference(parseImageReference(want))).toBe(want);
  });

  it("keeps a tag beside a digest", () => {
    expect(parseImageReference(`x:1@sha256:${hex}`)).toMatchObject({ tag: "1", digest: `sha256:${hex}` });
    expect(parseImageReference(`x@sha256:${hex}`).tag).toBeUndefined();
  });

  it.each([
    { because: "nothing is there", text: "" },
    { because: "names are lower case", text: "Nginx" },
    { because: "repositories are lower case", text: "ghcr.io/Team/x" },
    { because: "a part is empty", text: "ghcr.io//x" },
    { because: "a part is missing", text: "ghcr.io/" },
    { because: "the tag is empty", text: "nginx:" },
    { because: "a tag cannot begin with a dash", text: "nginx:-1" },
    { because: "a tag has at most 128 characters", text: `nginx:${"a".repeat(129)}` },
    { because: "a digest is longer", text: "nginx@sha256:abc" },
    { because: "no other algorithm is in use", text: `nginx@md5:${hex}` },
    { because: "there can be one digest", text: `nginx@sha256:${hex}@sha256:${hex}` },
    { because: "it is an ID without its prefix", text: hex },
    { because: "three dashes are fine, three underscores are not", text: "a___b" },
    { because: "a registry has no scheme", text: "https://ghcr.io/x" },
    { because: "a name has at most 255 characters", text: `ghcr.io/${"a/".repeat(130)}a` },
    { because: "white space ends nothing", text: "nginx " },
    { because: "a line break would end a header", text: "ghcr.io/x\n/y" },
    { because: "dots do not climb", text: "ghcr.io/../x" },
    { because: "a port is a number", text: "ghcr.io:https/x" },
  ])("refuses $text: $because", ({ text }) => {
    expect(() => parseImageReference(text)).toThrow(SyntaxError);
  });
});

describe("isImageId", () => {
  it("is a whole digest alone", () => {
    expect(isImageId(`sha256:${hex}`)).toBe(true);
    expect(isImageId(`x@sha256:${hex}`)).toBe(false);
    expect(isImageId("sha256:abc")).toBe(false);
  });
});

describe("imageName", () => {
  it("leaves tag and digest away", () => {
    expect(imageName(parseImageReference("nginx:1"))).toBe("docker.io/library/nginx");
  });
});
