import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import { type Pack, pack } from "tar-stream";

/** What the image was made from; equal values mean that it need not be made again. */
export const CONTENT_LABEL = "slipway.dev/content";
/** Equal content gives an equal layer, and so an equal image ID on every machine. */
const EPOCH = new Date(0);
/** Go's names, which images use, where they differ from Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** One entry of the image's file system. It belongs to root. */
export type ImageEntry =
  | { readonly path: string; readonly file: string; readonly mode?: number }
  | { readonly path: string; readonly content: string | Buffer; readonly mode?: number }
  | { readonly path: string; readonly directory: true; readonly mode?: number };

/** The `config` member of an image, as a Dockerfile's instructions would write it. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

export interface ImageRecipe {
  /** `repository:tag`. */
  readonly tag: string;
  readonly entries: readonly ImageEntry[];
  readonly config: ImageConfig;
}

/**
 * Makes an image of files of this machine, without a registry, a base image or a builder: one call of the Engine that
 * takes what `docker save` would write. (An import would be simpler, but knows no STOPSIGNAL.) Does nothing when the
 * Engine has it already. Answers whether it was made.
 */
export async function loadImage(engine: Docker, recipe: ImageRecipe): Promise<boolean> {
  const content = await contentHash(recipe);
  if ((await labelOf(engine, recipe.tag, CONTENT_LABEL)) === content) return false;
  const folder = await mkdtemp(join(tmpdir(), "slipway-image-"));
  try {
    const layer = await writeLayer(join(folder, "layer.tar"), recipe.entries);
    const archive = pack();
    const written = writeArchive(archive, layer, imageFiles(recipe, { content, diffId: layer.diffId }));
    const [reply] = await Promise.all([load(engine, archive), written]);
    const failure = reply.split("\n").find((line) => line.includes('"error"'));
    if (failure !== undefined) throw new Error(`the Engine could not load ${recipe.tag}: ${failure}`);
    return true;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function load(engine: Docker, archive: Pack): Promise<string> {
  // dockerode's types know a path only; the library takes streams, too.
  return await text(await engine.loadImage(archive as unknown as string, { quiet: true }));
}

/** A label of an image; undefined where it has none, or there is no such image. */
export async function labelOf(engine: Docker, tag: string, label: string): Promise<string | undefined> {
  try {
    const { Config } = await engine.getImage(tag).inspect();
    return Config.Labels?.[label];
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

async function contentHash({ entries, config }: ImageRecipe): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const entry of entries) {
    hash.update(JSON.stringify([entry.path, entry.mode ?? null]));
    if ("file" in entry) hash.update(await readFile(entry.file));
    else if ("content" in entry) hash.update(entry.content);
  }
  return hash.digest("hex");
}

interface Layer {
  readonly file: string;
  readonly size: number;
  /** Digest of the archive itself, by which the image's configuration names it. */
  readonly diffId: string;
}

async function writeLayer(file: string, entries: readonly ImageEntry[]): Promise<Layer> {
  const archive = pack();
  const hash = createHash("sha256");
  const hashed = new PassThrough();
  hashed.on("data", (chunk: Buffer) => hash.update(chunk));
  const done = pipeline(archive, hashed, createWriteStream(file));
  for (const entry of entries) await writeEntry(archive, entry);
  archive.finalize();
  await done;
  return { file, size: (await stat(file)).size, diffId: `sha256:${hash.digest("hex")}` };
}

async function writeEntry(archive: Pack, entry: ImageEntry): Promise<void> {
  const name = entry.path.replace(/^\//, "");
  if ("directory" in entry) {
    archive.entry({ name: `${name}/`, type: "directory", mode: entry.mode ?? 0o755, mtime: EPOCH });
  } else if ("content" in entry) {
    archive.entry({ name, mode: entry.mode ?? 0o644, mtime: EPOCH }, entry.content);
  } else {
    await writeFileEntry(archive, { name, file: entry.file, mode: entry.mode ?? 0o644 });
  }
}

async function writeFileEntry(
  archive: Pack,
  { name, file, mode }: { name: string; file: string; mode: number },
): Promise<void> {
  const { size } = await stat(file);
  await pipeline(createReadStream(file), archive.entry({ name, mode, mtime: EPOCH, size }));
}

/** @see https://github.com/moby/docker-image-spec/blob/main/spec.md */
function imageFiles(
  { tag, config }: ImageRecipe,
  { content, diffId }: { content: string; diffId: string },
): { config: string; manifest: string } {
  const image = {
    architecture: ARCHITECTURES[arch()] ?? arch(),
    os: "linux",
    created: EPOCH.toISOString(),
    config: { ...config, Labels: { [CONTENT_LABEL]: content } },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created: EPOCH.toISOString(), created_by: "slipway" }],
  };
  const manifest = [{ Config: "config.json", RepoTags: [tag], Layers: ["layer.tar"] }];
  return { config: JSON.stringify(image), manifest: JSON.stringify(manifest) };
}

async function writeArchive(archive: Pack, layer: Layer, files: { config: string; manifest: string }): Promise<void> {
  archive.entry({ name: "manifest.json" }, files.manifest);
  archive.entry({ name: "config.json" }, files.config);
  await writeFileEntry(archive, { name: "layer.tar", file: layer.file, mode: 0o644 });
  archive.finalize();
}
