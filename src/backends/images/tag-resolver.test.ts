import { describe, expect, it } from "@jest/globals";
import { isPlain, TagResolver } from "./tag-resolver.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;
const never = new AbortController().signal;

type Answer = (request: Request) => Response;
const found = (digest = DIGEST) => new Response(null, { headers: { "Docker-Content-Digest": digest } });

/** Registries by the host of what they are asked for, and what they were asked. */
function registries(hosts: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const resolver = new TagResolver(() => async (url, init) => {
    const request = new Request(url, { ...init, signal: null });
    const { protocol, host, pathname } = new URL(url);
    asked.push(
      `${request.method} ${protocol}//${host}${pathname} ${request.headers.get("authorization") ?? ""}`.trim(),
    );
    const answer = hosts[host];
    if (!answer) throw new TypeError("nobody is there");
    return answer(request);
  });
  const resolve = (reference: string, places = {}, dockerConfig?: string) =>
    resolver.resolve({ reference, dockerConfig, places }, never);
  return { asked, resolve };
}

const config = (auths: Record<string, { username: string; password: string }>) => JSON.stringify({ auths });

describe("a tag", () => {
  it.each([
    {
      reference: "nginx",
      asks: "HEAD https://registry-1.docker.io/v2/library/nginx/manifests/latest",
      pinned: `docker.io/library/nginx@${DIGEST}`,
    },
    { reference: "ghcr.io/a/b:1", asks: "HEAD https://ghcr.io/v2/a/b/manifests/1", pinned: `ghcr.io/a/b@${DIGEST}` },
    {
      reference: "localhost:5000/a:1",
      asks: "HEAD http://localhost:5000/v2/a/manifests/1",
      pinned: `localhost:5000/a@${DIGEST}`,
    },
    {
      reference: "127.0.0.1:5000/a",
      asks: "HEAD http://127.0.0.1:5000/v2/a/manifests/latest",
      pinned: `127.0.0.1:5000/a@${DIGEST}`,
    },
  ])("of $reference is asked of its registry", async ({ reference, asks, pinned }) => {
    const host = new URL(asks.split(" ")[1] ?? "").host;
    const { asked, resolve } = registries({ [host]: () => found() });
    expect(await resolve(reference)).toBe(pinned);
    expect(asked).toEqual([asks]);
  });

  it.each([`nginx@${DIGEST}`, DIGEST, `nginx:1@${DIGEST}`])(
    "is asked of nobody where there is a digest: %s",
    async (reference) => {
      const { asked, resolve } = registries({});
      expect(await resolve(reference)).toContain(DIGEST);
      expect(asked).toEqual([]);
    },
  );

  it("of Docker Hub is asked of the mirror first, below its path, and of Docker Hub where that does not know", async () => {
    const known = registries({ "mirror.test": () => found(OTHER), "registry-1.docker.io": () => found() });
    expect(await known.resolve("nginx:1", { mirror: "https://mirror.test/hub/" })).toBe(
      `docker.io/library/nginx@${OTHER}`,
    );
    expect(known.asked).toEqual(["HEAD https://mirror.test/v2/hub/library/nginx/manifests/1"]);
    const unknown = registries({
      "mirror.test": () => new Response(null, { status: 404 }),
      "registry-1.docker.io": () => found(),
    });
    expect(await unknown.resolve("nginx:1", { mirror: "https://mirror.test" })).toBe(
      `docker.io/library/nginx@${DIGEST}`,
    );
    const others = registries({ "ghcr.io": () => found() });
    await others.resolve("ghcr.io/a/b", { mirror: "https://mirror.test" });
    expect(others.asked).toEqual(["HEAD https://ghcr.io/v2/a/b/manifests/latest"]);
  });

  it("is asked with the credentials of its own registry alone", async () => {
    const auths = { "ghcr.io": { username: "reader", password: "open-sesame" } };
    const challenge = () => new Response(null, { status: 401, headers: { "WWW-Authenticate": "Basic" } });
    const answer: Answer = (request) => (request.headers.has("authorization") ? found() : challenge());
    const { asked, resolve } = registries({ "ghcr.io": answer, "evil.test": answer });
    await resolve("ghcr.io/a/b:1", {}, config(auths));
    expect(asked[1]).toContain("Basic ");
    await expect(resolve("evil.test/a/b:1", {}, config(auths))).rejects.toMatchObject({
      reason: "ImagePullUnauthorized",
    });
    expect(asked.filter((each) => each.includes("evil.test") && each.includes("Basic"))).toEqual([]);
  });

  it.each([
    { because: "it is not there", answer: () => new Response(null, { status: 404 }), reason: "ImageNotFound" },
    { because: "its registry is broken", answer: () => new Response(null, { status: 500 }), reason: "ImagePullFailed" },
    { because: "its registry says no digest", answer: () => new Response(null), reason: "ImagePullFailed" },
    { because: "its registry says what is none", answer: () => found("sha256:short"), reason: "ImagePullFailed" },
  ])("stands for nothing since $because", async ({ answer, reason }) => {
    const { resolve } = registries({ "ghcr.io": answer });
    await expect(resolve("ghcr.io/a/b:1")).rejects.toMatchObject({ reason });
  });

  it("says what to do where nobody answers", async () => {
    const { resolve } = registries({});
    await expect(resolve("ghcr.io/a/b:1")).rejects.toMatchObject({
      reason: "ImagePullFailed",
      message: expect.stringContaining("pullPolicy Never"),
    });
  });
});

describe("plain http", () => {
  it.each([
    ["localhost", true],
    ["localhost:5000", true],
    ["127.0.0.1:5000", true],
    ["127.1.2.3", true],
    ["[::1]:5000", true],
    ["localhost.evil.test", false],
    ["127.evil.test", false],
    ["10.0.0.1:5000", false],
    ["ghcr.io", false],
  ])("of %s: %s", (registry, plain) => {
    expect(isPlain(registry)).toBe(plain);
  });
});
