import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import type { Backend, ImageRequest, PullProgress, ResolvedImage } from "../../src/backends/backend.ts";
import { newOwner } from "../contract/backend.ts";
import { dockerUnderTest, within } from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { makeUniqueImage } from "../support/images.ts";
import { Registry } from "../support/registry.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();
const made = new Set<string>();
const registries: Registry[] = [];
let open: Registry;
let guarded: Registry;

beforeAll(async () => {
  open = await Registry.start();
  guarded = await Registry.start({ credentials: true });
  registries.push(open, guarded);
});

afterAll(async () => {
  for (const image of made) await removeImage(image);
  for (const registry of registries) await registry[Symbol.asyncDispose]();
});

/** An image that only the registry has. Answers its reference there. */
async function published(registry: Registry, name: string = randomUUID(), payloadBytes = 0): Promise<string> {
  const local = `slipway.test/${randomUUID()}:1`;
  await makeUniqueImage(local, payloadBytes);
  const reference = await registry.push(local, name.includes(":") ? name : `${name}:1`);
  await removeImage(local);
  made.add(reference);
  return reference;
}

async function removeImage(name: string): Promise<void> {
  try {
    await engine.getImage(name).remove({ force: true });
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}

function request(reference: string, given: Partial<ImageRequest> = {}): ImageRequest {
  return { reference, pullPolicy: "IfNotPresent", dockerConfig: undefined, ...given };
}

const owner = newOwner("images");

async function pull(backend: Backend, image: ResolvedImage, asked: ImageRequest, by = owner): Promise<PullProgress[]> {
  const seen: PullProgress[] = [];
  await eventually(
    `${image.pinned} is present`,
    async () => {
      const state = await backend.ensureImage(by, image, asked, within());
      if (state.kind === "pulling") seen.push(state.progress);
      return state.kind === "present";
    },
    { everyMs: 20 },
  );
  made.add(image.pinned);
  return seen;
}

/** What pulling ends with when it does not succeed. */
async function failureOf(backend: Backend, image: ResolvedImage, asked: ImageRequest, by = owner): Promise<unknown> {
  return await eventually(
    "the pull fails",
    async () => {
      try {
        await backend.ensureImage(by, image, asked, within());
        return undefined;
      } catch (error) {
        return error;
      }
    },
    { everyMs: 20 },
  );
}

describe("an image at a registry", () => {
  it("is pinned to its digest, pulled with progress, and known by its tag afterwards", async () => {
    await using backend = dockerUnderTest();
    const asked = request(await published(open, undefined, 3_000_000));
    const image = await backend.resolveImage(asked, within());
    expect(image.pinned).toMatch(new RegExp(`^${asked.reference.slice(0, -2)}@sha256:[0-9a-f]{64}$`));
    let told = 0;
    const watching = new AbortController();
    backend.watch(({ uid }) => {
      if (uid === owner.uid) told += 1;
    }, watching.signal);
    const seen = await pull(backend, image, asked);
    watching.abort();
    expect(seen.length).toBeGreaterThan(0);
    expect(told).toBeGreaterThan(0);
    const inspected = await engine.getImage(image.pinned).inspect();
    expect(inspected.RepoTags).toContain(asked.reference);
  });

  it("is not asked for again while it is here, not even with its registry gone", async () => {
    await using backend = dockerUnderTest();
    const registry = await Registry.start();
    const asked = request(await published(registry));
    const image = await backend.resolveImage(asked, within());
    await pull(backend, image, asked);
    await registry[Symbol.asyncDispose]();
    expect(await backend.resolveImage(asked, within())).toEqual(image);
    expect(await backend.resolveImage({ ...asked, pullPolicy: "Never" }, within())).toEqual(image);
    expect(await backend.ensureImage(owner, image, asked, within())).toEqual({ kind: "present" });
    await expect(backend.resolveImage({ ...asked, pullPolicy: "Always" }, within())).rejects.toMatchObject({
      reason: "ImagePullFailed",
      message: expect.stringContaining("does not answer"),
    });
  });

  it("is followed where its tag goes only by Always", async () => {
    await using backend = dockerUnderTest();
    const name = randomUUID();
    const asked = request(await published(open, name));
    const first = await backend.resolveImage(asked, within());
    await pull(backend, first, asked);
    await published(open, name);
    // The push of the newer one took the tag from the Engine's older one.
    await engine.getImage(first.pinned).tag({ repo: `${open.address}/${name}`, tag: "1" });
    expect(await backend.resolveImage(asked, within())).toEqual(first);
    const moved = await backend.resolveImage({ ...asked, pullPolicy: "Always" }, within());
    expect(moved.pinned).not.toBe(first.pinned);
    await pull(backend, moved, asked);
    expect(await backend.resolveImage(asked, within())).toEqual(moved);
  });

  it("is taken by the digest that somebody wrote, without a question", async () => {
    await using backend = dockerUnderTest();
    const reference = `127.0.0.1:1/x@sha256:${"a".repeat(64)}`;
    expect(await backend.resolveImage(request(reference), within())).toEqual({ pinned: reference });
    expect(await failureOf(backend, { pinned: reference }, request(reference))).toMatchObject({
      reason: "ImagePullFailed",
    });
  });

  it.each([
    { because: "no such tag", change: (reference: string) => reference.replace(/:1$/, ":2") },
    { because: "no such repository", change: (reference: string) => reference.replace(/[^/]+$/, "other:1") },
  ])("does not exist: $because", async ({ change }) => {
    await using backend = dockerUnderTest();
    const reference = change(await published(open));
    await expect(backend.resolveImage(request(reference), within())).rejects.toMatchObject({
      name: "TransientError",
      reason: "ImageNotFound",
    });
  });
});

describe("credentials", () => {
  it.each([
    { because: "there are none", config: () => undefined },
    { because: "the password is wrong", config: () => guarded.dockerConfig({ username: "reader", password: "wrong" }) },
    { because: "they are for another registry", config: () => open.dockerConfig() },
  ])("are refused: $because", async ({ config }) => {
    await using backend = dockerUnderTest();
    const reference = await published(guarded);
    const asked = request(reference, { dockerConfig: config() });
    const resolving = backend.resolveImage(asked, within());
    await expect(resolving).rejects.toMatchObject({
      name: "TransientError",
      reason: "ImagePullUnauthorized",
      message: expect.stringContaining("pullSecretRef"),
    });
    await expect(resolving).rejects.toMatchObject({ message: expect.not.stringContaining("wrong") });
    const image = await backend.resolveImage({ ...asked, dockerConfig: guarded.dockerConfig() }, within());
    expect(await failureOf(backend, image, asked)).toMatchObject({ reason: "ImagePullUnauthorized" });
  });

  it("open a registry", async () => {
    await using backend = dockerUnderTest();
    const asked = request(await published(guarded), { dockerConfig: guarded.dockerConfig() });
    await pull(backend, await backend.resolveImage(asked, within()), asked);
  });

  it("of one owner do not wait for the pull of another without", async () => {
    await using backend = dockerUnderTest();
    const asked = request(await published(guarded), { dockerConfig: guarded.dockerConfig() });
    const image = await backend.resolveImage(asked, within());
    const stranger = newOwner("stranger");
    const refused = failureOf(backend, image, { ...asked, dockerConfig: undefined }, stranger);
    await pull(backend, image, asked);
    await refused.catch(() => undefined);
  });
});

describe("an image that only the Engine has", () => {
  it("is pinned by its ID, and never asked for elsewhere", async () => {
    await using backend = dockerUnderTest();
    const reference = `slipway.test/${randomUUID()}:1`;
    made.add(reference);
    await makeUniqueImage(reference);
    const { Id } = await engine.getImage(reference).inspect();
    for (const pullPolicy of ["IfNotPresent", "Never"] as const) {
      const asked = request(reference, { pullPolicy });
      const image = await backend.resolveImage(asked, within());
      expect(image).toEqual({ pinned: Id });
      expect(await backend.ensureImage(owner, image, asked, within())).toEqual({ kind: "present" });
      expect(await backend.resolveImage(request(Id), within())).toEqual({ pinned: Id });
    }
    await removeImage(reference);
    await eventually("its absence shows", async () => {
      const ensured = backend.ensureImage(owner, { pinned: Id }, request(reference), within());
      return await ensured.then(
        () => false,
        (error: { reason?: string }) => error.reason === "ImageNotFound",
      );
    });
  });

  it("is missed with Never though a registry has it", async () => {
    await using backend = dockerUnderTest();
    const asked = request(await published(open), { pullPolicy: "Never" });
    await expect(backend.resolveImage(asked, within())).rejects.toMatchObject({
      reason: "ImageNotFound",
      message: expect.stringContaining("pullPolicy is Never"),
    });
  });
});

describe("a registry mirror", () => {
  it("is asked first for images of Docker Hub, which keep their name", async () => {
    const name = randomUUID();
    await published(open, `library/${name}:1`);
    await using backend = dockerUnderTest({ registryMirror: `http://${open.address}` });
    const asked = request(`${name}:1`);
    const image = await backend.resolveImage(asked, within());
    expect(image.pinned).toMatch(new RegExp(`^docker\\.io/library/${name}@sha256:`));
    await pull(backend, image, asked);
    made.add(`${name}:1`).add(image.pinned.replace("docker.io", open.address));
    expect(await backend.resolveImage({ ...asked, pullPolicy: "Never" }, within())).toEqual(image);
  });

  it("is passed over when it fails", async () => {
    await using backend = dockerUnderTest({ registryMirror: "http://127.0.0.1:1" });
    const refused = backend.resolveImage(request(`slipway/${randomUUID()}`), within());
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining("image docker.io/slipway/") });
  });

  it("is not asked for images of other registries", async () => {
    await using backend = dockerUnderTest({ registryMirror: "http://127.0.0.1:1" });
    const asked = request(await published(open));
    expect((await backend.resolveImage(asked, within())).pinned).toContain(open.address);
  });
});

describe("a registry that misbehaves", () => {
  const manifest = JSON.stringify({ schemaVersion: 2 });
  const digest = `sha256:${"b".repeat(64)}`;
  const json = "application/vnd.docker.distribution.manifest.v2+json";

  /** Answers /v2/ well and everything else as it is told. */
  async function misbehaving(answer: RequestListener): Promise<{ address: string } & AsyncDisposable> {
    const server = createServer((incoming, response) => {
      if (incoming.url === "/v2/") response.end("{}");
      else answer(incoming, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    return {
      address: `127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it.each<{ because: string; answer: RequestListener; want: RegExp }>([
    {
      because: "it asks for credentials again and again",
      answer: (_incoming, response) => {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      },
      want: /^ImagePullUnauthorized$/,
    },
    {
      because: "it sends to a token server that is not there",
      answer: (_incoming, response) => {
        response.writeHead(401, { "WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/token",service="x"' }).end();
      },
      want: /^ImagePull(Failed|Unauthorized)$/,
    },
    {
      because: "it forbids",
      answer: (_incoming, response) => void response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}'),
      want: /^ImagePullUnauthorized$/,
    },
    {
      because: "it is broken",
      answer: (_incoming, response) => void response.writeHead(500).end(),
      want: /^ImagePullFailed$/,
    },
    {
      because: "it limits",
      answer: (_incoming, response) => void response.writeHead(429).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}'),
      want: /^ImagePullFailed$/,
    },
    { because: "it hangs up", answer: (incoming) => void incoming.socket.destroy(), want: /^ImagePullFailed$/ },
    {
      because: "it serves web pages",
      answer: (_incoming, response) => void response.end("<html>"),
      want: /^ImagePullFailed$/,
    },
    {
      because: "its content is not what its digest says",
      answer: (_incoming, response) => {
        response.writeHead(200, { "Content-Type": json, "Docker-Content-Digest": digest }).end(manifest);
      },
      want: /^ImagePullFailed$/,
    },
  ])("is told as what it is: $because", async ({ answer, want }) => {
    await using registry = await misbehaving(answer);
    await using backend = dockerUnderTest();
    const dockerConfig = JSON.stringify({ auths: { [registry.address]: { username: "u", password: "hunter2" } } });
    const asked = request(`${registry.address}/x:1`, { dockerConfig });
    const failure = expect.objectContaining({
      name: "TransientError",
      reason: expect.stringMatching(want),
      message: expect.not.stringContaining("hunter2"),
    });
    await expect(backend.resolveImage(asked, within())).rejects.toEqual(failure);
    const image = { pinned: `${registry.address}/x@${digest}` };
    expect(await failureOf(backend, image, asked)).toEqual(failure);
  });

  it("is not waited for beyond the signal when it never answers", async () => {
    await using registry = await misbehaving(() => undefined);
    await using backend = dockerUnderTest();
    const resolving = backend.resolveImage(request(`${registry.address}/x:1`), within(500));
    await expect(resolving).rejects.toHaveProperty("name", "TimeoutError");
  });

  it("fails a pull once for each who waits, and is asked anew after that", async () => {
    let asked = 0;
    await using registry = await misbehaving((_incoming, response) => {
      asked += 1;
      response.writeHead(404).end();
    });
    await using backend = dockerUnderTest();
    const image = { pinned: `${registry.address}/x@${digest}` };
    const owners = [newOwner("one"), newOwner("two")];
    const ensure = (each = owner) => backend.ensureImage(each, image, request(`${registry.address}/x:1`), within());
    for (const each of owners) expect((await ensure(each)).kind).toBe("pulling");
    await eventually("the pull failed", () => asked > 0);
    for (const each of owners) {
      expect(await failureOf(backend, image, request(`${registry.address}/x:1`), each)).toMatchObject({
        reason: "ImageNotFound",
      });
    }
    const before = asked;
    expect((await ensure()).kind).toBe("pulling");
    await eventually("the registry is asked again", () => asked > before);
  });
});
