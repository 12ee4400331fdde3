import { describe, expect, it } from "@jest/globals";
import { pack } from "tar-stream";
import { parseImageReference } from "../../../api/image-reference.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { ImageUsers } from "./image-users.ts";
import { RegistryClient } from "./registry-client.ts";

const image = parseImageReference(`ghcr.io/example/files@sha256:${"a".repeat(64)}`);
const never = new AbortController().signal;
const mediaType = "application/vnd.oci.image.layer.v1.tar";

/** A registry of one image with these layers, the lowest first, which counts what is read of it. */
async function registryOf(user: string, layers: readonly (Readonly<Record<string, string>> | Response)[]) {
  const asked: string[] = [];
  const blobs = await Promise.all(layers.map(async (files) => (files instanceof Response ? files : await tar(files))));
  const described = blobs.map((blob, index) => ({
    digest: `sha256:layer${index}`,
    mediaType,
    size: blob instanceof Response ? Number(blob.headers.get("content-length")) : blob.length,
  }));
  const answers = (path: string): Response => {
    if (path.includes("/manifests/")) return Response.json({ config: { digest: "sha256:config" }, layers: described });
    if (path.endsWith("sha256:config")) return Response.json({ config: { User: user } });
    const blob = blobs[Number(/layer(\d+)$/.exec(path)?.[1])];
    return blob instanceof Response ? blob : new Response(new Uint8Array(blob ?? Buffer.alloc(0)));
  };
  const client = new RegistryClient({
    override: undefined,
    fetch: async (url) => {
      const { pathname } = new URL(String(url));
      asked.push(pathname.slice(pathname.lastIndexOf("/") + 1));
      return answers(pathname);
    },
  });
  return { users: new ImageUsers(client), asked };
}

async function tar(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return Buffer.concat((await Array.fromAsync(archive)) as Buffer[]);
}

const passwd = (name: string, uid: number) => `root:x:0:0::/root:\n${name}:x:${uid}:${uid}::/home:\n`;

describe("ImageUsers", () => {
  it.each([
    { because: "is a number", user: "65532:65532", layers: [], uid: 65532 },
    { because: "is not said", user: "", layers: [], uid: 0 },
    {
      because: "was made in a layer below that of the program",
      user: "node",
      layers: [{ "etc/passwd": passwd("daemon", 1) }, { "etc/passwd": passwd("node", 1000) }, { "app/server.js": "" }],
      uid: 1000,
    },
    { because: "is root by another name", user: "toor", layers: [{ "etc/passwd": passwd("toor", 0) }], uid: 0 },
    { because: "is not known", user: "app", layers: [{ "etc/passwd": passwd("node", 1000) }], uid: undefined },
    {
      because: "was known only before the file was removed",
      user: "node",
      layers: [{ "etc/passwd": passwd("node", 1000) }, { "etc/.wh.passwd": "" }],
      uid: undefined,
    },
    { because: "is in an image without the file", user: "app", layers: [{ "bin/server": "" }], uid: undefined },
  ])("finds the number of a user who $because", async ({ user, layers, uid }) => {
    const { users } = await registryOf(user, layers);
    expect(await users.userOf(image, undefined, never)).toEqual({ user, uid });
  });

  it("reads no layer below the one that tells, and none of it twice", async () => {
    const { users, asked } = await registryOf("node", [{ "lib/large": "" }, { "etc/passwd": passwd("node", 1000) }]);
    await users.userOf(image, undefined, never);
    await users.userOf(image, undefined, never);
    expect(asked.filter((each) => each.includes("layer"))).toEqual(["sha256:layer1"]);
    expect(asked).toHaveLength(3);
  });

  it.each([
    { because: "are too large", layer: () => new Response("", { headers: { "content-length": "2e9" } }) },
    { because: "are broken", layer: () => new Response("x".repeat(600), { headers: { "content-length": "600" } }) },
  ])("says what to do where the layers $because", async ({ layer }) => {
    const { users } = await registryOf("node", [layer()]);
    const asked = users.userOf(image, undefined, never);
    await expect(asked).rejects.toThrow(TransientError);
    await expect(asked).rejects.toThrow("build it with a number");
  });
});
