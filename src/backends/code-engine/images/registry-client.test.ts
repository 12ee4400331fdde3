import { describe, expect, it } from "@jest/globals";
import { parseImageReference } from "../../../api/image-reference.ts";
import { RegistryClient } from "./registry-client.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const image = parseImageReference("ghcr.io/example/files:1");
const LAYER = { digest: "sha256:layer", mediaType: "application/vnd.oci.image.layer.v1.tar", size: 5 };
const never = new AbortController().signal;
const credentials = { username: "reader", password: "open-sesame", serveraddress: "ghcr.io" };

/** A registry of answers by path, which keeps what it was asked. */
function registry(answers: Readonly<Record<string, (request: Request) => Response>>) {
  const asked: string[] = [];
  const client = new RegistryClient({
    override: undefined,
    fetch: async (url, init) => {
      const request = new Request(String(url), { ...init, signal: null });
      const { host, pathname } = new URL(request.url);
      asked.push(`${request.method} ${host}${pathname} ${request.headers.get("authorization") ?? ""}`.trim());
      return (answers[pathname] ?? (() => new Response("{}", { status: 404 })))(request);
    },
  });
  return { client, asked };
}

const found = () => new Response(null, { headers: { "Docker-Content-Digest": DIGEST } });

describe("RegistryClient", () => {
  it("asks the registry of the image for the digest of a tag", async () => {
    const { client, asked } = registry({ "/v2/example/files/manifests/1": found });
    expect(await client.digest(image, undefined, never)).toBe(DIGEST);
    expect(asked).toEqual(["HEAD ghcr.io/v2/example/files/manifests/1"]);
  });

  it("asks nobody where the digest is named", async () => {
    const { client, asked } = registry({});
    expect(await client.digest({ ...image, digest: DIGEST }, undefined, never)).toBe(DIGEST);
    expect(asked).toEqual([]);
  });

  it("gets a token where the registry says so, with the credentials", async () => {
    const challenge = 'Bearer realm="https://auth.example/token",service="ghcr.io"';
    const { client, asked } = registry({
      "/v2/example/files/manifests/1": (request) =>
        request.headers.has("authorization")
          ? found()
          : new Response(null, { status: 401, headers: { "WWW-Authenticate": challenge } }),
      "/token": () => Response.json({ token: "abc" }),
    });
    expect(await client.digest(image, credentials, never)).toBe(DIGEST);
    const basic = Buffer.from("reader:open-sesame").toString("base64");
    expect(asked.slice(1)).toEqual([
      `GET auth.example/token Basic ${basic}`,
      "HEAD ghcr.io/v2/example/files/manifests/1 Bearer abc",
    ]);
  });

  it.each([
    { because: "there is none", answer: () => new Response(null, { status: 404 }), reason: "ImageNotFound" },
    { because: "it is not for us", answer: () => new Response(null, { status: 403 }), reason: "ImagePullUnauthorized" },
    { because: "the registry is broken", answer: () => new Response(null, { status: 500 }), reason: "ImagePullFailed" },
    { because: "it does not say", answer: () => new Response(null), reason: "ImagePullFailed" },
    {
      because: "credentials would travel in the clear",
      answer: () =>
        new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Bearer realm="http://auth.example/"' } }),
      reason: "ImagePullFailed",
    },
  ])("has no digest since $because", async ({ answer, reason }) => {
    const { client } = registry({ "/v2/example/files/manifests/1": answer });
    const asked = client.digest(image, credentials, never);
    await expect(asked).rejects.toMatchObject({ reason, message: expect.stringContaining("ghcr.io/example/files:1") });
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining("open-sesame") });
  });

  it("reads user and layers of the image for linux/amd64 out of an index", async () => {
    const platform = (architecture: string) => ({
      digest: `sha256:${architecture}`,
      platform: { os: "linux", architecture },
    });
    const { client } = registry({
      "/v2/example/files/manifests/1": () => Response.json({ manifests: [platform("arm64"), platform("amd64")] }),
      "/v2/example/files/manifests/sha256:amd64": () =>
        Response.json({ config: { digest: "sha256:config" }, layers: [LAYER] }),
      "/v2/example/files/blobs/sha256:config": () =>
        Response.json({ os: "linux", architecture: "amd64", config: { User: "65532" } }),
    });
    expect(await client.config(image, undefined, never)).toEqual({ user: "65532", layers: [LAYER] });
  });

  it("refuses an image that is for other machines only", async () => {
    const { client } = registry({ "/v2/example/files/manifests/1": () => Response.json({ manifests: [] }) });
    await expect(client.config(image, undefined, never)).rejects.toMatchObject({
      name: "TerminalError",
      message: expect.stringContaining("linux/amd64"),
    });
  });

  const AWAY = { digest: "../../../other/private/blobs/sha256:config" };
  it.each([
    {
      because: "image of a platform",
      top: { manifests: [{ ...AWAY, platform: { os: "linux", architecture: "amd64" } }] },
    },
    { because: "configuration", top: { config: AWAY, layers: [] } },
    { because: "layer", top: { config: { digest: "sha256:config" }, layers: [{ ...LAYER, ...AWAY }] } },
  ])("asks for nothing of other repositories where a manifest has its $because there", async ({ top }) => {
    const config = () => Response.json({ config: { User: "1" } });
    const { client, asked } = registry({
      "/v2/example/files/manifests/1": () => Response.json(top),
      "/v2/example/files/blobs/sha256:config": config,
      "/v2/other/private/blobs/sha256:config": config,
    });
    await expect(client.config(image, undefined, never)).rejects.toMatchObject({ reason: "ImagePullFailed" });
    expect(asked.join()).not.toContain("private");
  });

  it.each([
    { because: "as long as the manifest says", body: "12345", expected: "12345" },
    { because: "longer", body: "123456", expected: undefined },
  ])("reads a layer that is $because", async ({ body, expected }) => {
    const { client } = registry({ "/v2/example/files/blobs/sha256:layer": () => new Response(body) });
    const read = Array.fromAsync(client.layer(image, LAYER, undefined, never));
    if (expected === undefined) await expect(read).rejects.toMatchObject({ reason: "ImagePullFailed" });
    else expect(Buffer.concat(await read).toString()).toBe(expected);
  });
});
