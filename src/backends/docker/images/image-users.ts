import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import { Label } from "../../../api/labels.ts";
import { findUid, parseUser } from "../../images/image-user.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { claimName } from "../workloads/claim-name.ts";
import { type Maker, makerLabels } from "../workloads/object-labels.ts";
import type { LocalImage } from "./local-images.ts";

const PASSWD = "/etc/passwd";
/** Some images have it as a link. */
const MAX_LINKS = 4;
/** A hundred users have 6 KB. */
const MAX_BYTES = 1024 * 1024;
const MAX_ENTRIES = 1024;

/**
 * User IDs of images. A number is one; a name is looked up in the image's own /etc/passwd, as the Engine does it, once for
 * each image: by way of a container that is never started and has no mounts, which could show another file there.
 */
export class ImageUsers {
  readonly #engine: EngineClient;
  readonly #maker: Maker;
  readonly #known = new Map<string, Promise<number | undefined>>();

  constructor(engine: EngineClient, maker: Maker) {
    this.#engine = engine;
    this.#maker = maker;
  }

  /** Undefined for a name that the image does not know. */
  async uidOf(image: LocalImage, { signal }: CallOptions): Promise<number | undefined> {
    const user = parseUser(image.user);
    if (user.kind === "id") return user.uid;
    // What stands in an image cannot change, so the answer is kept.
    const known = this.#known.get(image.id) ?? this.#look(image, user.name);
    const uid = await known;
    signal.throwIfAborted();
    return uid;
  }

  /** Not with a caller's signal: others wait for the same answer. */
  #look(image: LocalImage, name: string): Promise<number | undefined> {
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    const answer = this.#passwd(image, { signal: new AbortController().signal }).then((text) => findUid(text, name));
    this.#known.set(image.id, answer);
    answer.catch(() => this.#known.delete(image.id));
    return answer;
  }

  /** Empty when the image has none. */
  async #passwd(image: LocalImage, options: CallOptions): Promise<string> {
    const name = `slipway-user-of-${createHash("sha256").update(`${image.id}/${this.#maker.installation}/${this.#maker.backend}`).digest("hex").slice(0, 12)}`;
    const wanted = {
      name,
      Image: image.name,
      // The helper never runs; the Engine wants to know what it would.
      Entrypoint: ["never-run"],
      Labels: { ...makerLabels(this.#maker), [Label.Role]: "helper" },
      HostConfig: { NetworkMode: "none" },
    };
    const create = async (): Promise<void> => {
      const make = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
      await this.#engine.call("create a helper container", make, options);
    };
    const remove = () => this.#remove(name, options);
    await claimName(create, remove, options.signal);
    try {
      return await this.#read(name, options);
    } finally {
      await remove();
    }
  }

  async #read(container: string, options: CallOptions): Promise<string> {
    let path = PASSWD;
    for (let links = 0; links <= MAX_LINKS; links += 1) {
      const { text, link } = await this.#readOnce(container, path, options);
      if (link === undefined) return text;
      path = posix.resolve(posix.dirname(path), link);
    }
    return "";
  }

  async #readOnce(container: string, path: string, options: CallOptions): Promise<Entry> {
    const read = async (docker: Docker, abortSignal: AbortSignal): Promise<Entry> => {
      const asked = { path, abortSignal } as { path: string };
      return await firstEntry((await docker.getContainer(container).getArchive(asked)) as Readable);
    };
    try {
      return await this.#engine.call("read a file", read, options);
    } catch (error) {
      // Also when the helper is gone, of which nothing follows.
      if (hasStatus(error, 404) && /could not find the file/i.test(error.said)) return NOTHING;
      throw error;
    }
  }

  async #remove(name: string, options: CallOptions): Promise<"removed" | "unseen"> {
    const remove = (docker: Docker) => docker.getContainer(name).remove({ force: true, v: true });
    try {
      await this.#engine.call("remove a helper container", remove, options);
      return "removed";
    } catch (error) {
      if (!hasStatus(error, 404, 409)) throw error;
      return "unseen";
    }
  }
}

interface Entry {
  readonly text: string;
  /** Where it leads, if it is a link. */
  readonly link: string | undefined;
}

const NOTHING: Entry = { text: "", link: undefined };

/** The first entry of an archive, as far as it is a file or a link. @throws {RangeError} when it is too long. */
async function firstEntry(archive: Readable): Promise<Entry> {
  const entries = extract();
  archive.on("error", (error) => entries.destroy(error)).pipe(entries);
  try {
    for await (const entry of entries) {
      const { type, linkname, size = 0 } = entry.header;
      if (type === "symlink" && linkname) return { text: "", link: linkname };
      if (type !== "file") return NOTHING;
      if (size > MAX_BYTES) throw new RangeError(`${PASSWD} of the image has ${size} bytes`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      return { text: Buffer.concat(chunks).toString("utf8"), link: undefined };
    }
    return NOTHING;
  } finally {
    archive.destroy();
  }
}
