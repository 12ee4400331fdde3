import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract } from "tar-stream";

/** A hundred users have 6 KB. */
const MAX_PASSWD_BYTES = 1024 * 1024;
/** A layer that grows beyond this, once unpacked, is not read to its end. */
const MAX_UNPACKED_BYTES = 8 * 1024 ** 3;

/** One layer of an image: the bytes as the registry has them, and how they are packed. */
export interface Layer {
  readonly mediaType: string;
  /** Read once. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** What one layer says of /etc/passwd. `link`: it is one, and what it leads to is not followed. */
export type PasswdEntry = { readonly kind: "file"; readonly text: string } | { readonly kind: "removed" | "link" };

/**
 * What a layer makes of /etc/passwd; undefined where it leaves the file as the layers below have it.
 * @throws {RangeError} when something in it is too large. @throws {Error} when it cannot be unpacked.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md for the names of what a layer removes
 */
export async function passwdOfLayer(
  { mediaType, bytes }: Layer,
  mostUnpacked = MAX_UNPACKED_BYTES,
): Promise<PasswdEntry | undefined> {
  const packed = Readable.from(bytes);
  const unpacker = unpackerOf(mediaType);
  const unpacked = unpacker ? packed.on("error", (error) => unpacker.destroy(error)).pipe(unpacker) : packed;
  const entries = extract();
  const bounded = Readable.from(atMost(mostUnpacked, unpacked));
  bounded.on("error", (error) => entries.destroy(error)).pipe(entries);
  let removed: PasswdEntry | undefined;
  try {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      const path = name.replace(/^(\.?\/)+/, "");
      if (REMOVALS.has(path)) removed = { kind: "removed" };
      if (path !== "etc/passwd") {
        entry.resume();
        continue;
      }
      if (type !== "file") return { kind: "link" };
      if (size > MAX_PASSWD_BYTES) throw new RangeError(`its /etc/passwd has ${size} bytes`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      return { kind: "file", text: Buffer.concat(chunks).toString("utf8") };
    }
    return removed;
  } finally {
    bounded.destroy();
    packed.destroy();
    unpacker?.destroy();
  }
}

/** Counted as they come, since a layer may be little more than headers, or nothing, that grow. */
async function* atMost(most: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    if (length > most) throw new RangeError(`it unpacks to more than ${most} bytes`);
    yield chunk;
  }
}

/** Marks of a layer that hide /etc/passwd of those below; the layer's own file counts all the same. */
const REMOVALS: ReadonlySet<string> = new Set(["etc/.wh.passwd", "etc/.wh..wh..opq", ".wh.etc", ".wh..wh..opq"]);

function unpackerOf(mediaType: string) {
  if (/[.+]gzip$/.test(mediaType)) return createGunzip();
  if (/[.+]zstd$/.test(mediaType)) return createZstdDecompress();
  if (/[.+]tar$/.test(mediaType)) return undefined;
  throw new Error(`nobody knows how a layer of type ${JSON.stringify(mediaType)} is packed`);
}
