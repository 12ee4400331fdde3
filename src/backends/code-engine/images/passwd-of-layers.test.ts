import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import { pack } from "tar-stream";
import { passwdOfLayer } from "./passwd-of-layers.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const PASSWD = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";

async function tar(files: Readonly<Record<string, string | { readonly link: string }>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") archive.entry({ name }, content);
    else archive.entry({ name, type: "symlink", linkname: content.link });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

async function read(files: Parameters<typeof tar>[0]) {
  return await passwdOfLayer({ mediaType: TAR, bytes: inPieces(await tar(files)) });
}

describe("passwdOfLayer", () => {
  it.each([
    { because: "gzip", mediaType: `${TAR}+gzip`, packed: gzipSync },
    {
      because: "Docker's name of gzip",
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      packed: gzipSync,
    },
    { because: "zstd", mediaType: `${TAR}+zstd`, packed: zstdCompressSync },
    { because: "not packed", mediaType: TAR, packed: (bytes: Buffer) => bytes },
  ])("finds the file in a layer that is $because", async ({ mediaType, packed }) => {
    const bytes = packed(await tar({ "usr/bin/node": "x".repeat(5_000), "./etc/passwd": PASSWD, "etc/group": "" }));
    expect(await passwdOfLayer({ mediaType, bytes: inPieces(bytes) })).toEqual({ kind: "file", text: PASSWD });
  });

  it.each([
    { because: "has nothing to do with it", files: { "app/etc/passwd": PASSWD }, expected: undefined },
    { because: "removes it", files: { "etc/.wh.passwd": "" }, expected: { kind: "removed" } },
    { because: "removes all of /etc", files: { "etc/.wh..wh..opq": "" }, expected: { kind: "removed" } },
    {
      because: "puts another in its place",
      files: { "etc/.wh..wh..opq": "", "etc/passwd": PASSWD },
      expected: { kind: "file", text: PASSWD },
    },
    { because: "makes it a link", files: { "etc/passwd": { link: "../run/passwd" } }, expected: { kind: "link" } },
  ])("tells of a layer that $because", async ({ files, expected }) => {
    expect(await read(files)).toEqual(expected);
  });

  it("does not read what is too large for a list of users", async () => {
    await expect(read({ "etc/passwd": "x".repeat(1024 * 1024 + 1) })).rejects.toThrow(RangeError);
  });

  it.each([
    { because: "one file", bytes: async () => await tar({ "usr/lib/large": "x".repeat(200_000) }) },
    { because: "what follows its end", bytes: async () => Buffer.concat([await tar({}), Buffer.alloc(512 * 400)]) },
    { because: "what no file is in", bytes: async () => Buffer.alloc(512 * 400) },
  ])("is not unpacked for ever, be it $because", async ({ bytes }) => {
    const layer = { mediaType: `${TAR}+gzip`, bytes: inPieces(gzipSync(await bytes())) };
    await expect(passwdOfLayer(layer, 100_000)).rejects.toThrow(new RangeError("it unpacks to more than 100000 bytes"));
  });

  it.each([
    { because: "is broken", mediaType: `${TAR}+gzip` },
    { because: "is of a kind that nobody knows", mediaType: "application/octet-stream" },
  ])("fails for a layer that $because", async ({ mediaType }) => {
    await expect(passwdOfLayer({ mediaType, bytes: inPieces(Buffer.from("no archive")) })).rejects.toThrow();
  });
});
