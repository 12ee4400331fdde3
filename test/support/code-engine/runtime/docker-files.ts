import type Docker from "dockerode";
import { type Pack, pack } from "tar-stream";
import { fingerprint } from "../world.ts";
import type { RuntimeMount } from "./runtime.ts";

export interface DockerFilesOptions {
  readonly engine: Docker;
  /** Of the emulator: what volumes' names begin with. */
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Mounted secrets, config maps and stores: a volume each, which all instances share, so that new contents reach those that
 * run. Files get there through a container that is made and never started. A key that goes stays as a file until nothing
 * mounts the volume, which the platform would not let happen.
 */
export class DockerFiles {
  readonly #options: DockerFilesOptions;
  /** Which image serves to write into a volume. */
  readonly #writers = new Map<string, string>();

  constructor(options: DockerFilesOptions) {
    this.#options = options;
  }

  /** Makes what the container is to mount. Files at a path of their own are not among it. */
  async mounts(mounts: readonly RuntimeMount[], imageId: string): Promise<Docker.MountSettings[]> {
    const whole = mounts.filter((mount) => mount.files === "store" || mount.subPath === undefined);
    for (const mount of whole) await this.#ensure(mount, imageId);
    return whole.map(({ key, path, readOnly }) => ({
      Type: "volume",
      Source: this.#volumeName(key),
      Target: path,
      ReadOnly: readOnly,
    }));
  }

  /** Writes what is mounted as one file, which does not follow later changes. */
  async placeSingleFiles(container: Docker.Container, mounts: readonly RuntimeMount[]): Promise<void> {
    for (const { files, subPath, path } of mounts) {
      if (files === "store" || subPath === undefined) continue;
      const content = files[subPath];
      if (content !== undefined) await put(container, { [path.slice(1)]: content }, "/");
    }
  }

  async refresh(key: string, files: Readonly<Record<string, string>>): Promise<void> {
    const imageId = this.#writers.get(key);
    if (imageId !== undefined) await this.#write(key, files, imageId);
  }

  async #ensure({ key, files }: RuntimeMount, imageId: string): Promise<void> {
    const { engine, labels } = this.#options;
    await engine.createVolume({ Name: this.#volumeName(key), Labels: { ...labels } });
    if (files === "store") return;
    this.#writers.set(key, imageId);
    await this.#write(key, files, imageId);
  }

  async #write(key: string, files: Readonly<Record<string, string>>, imageId: string): Promise<void> {
    const { engine, labels } = this.#options;
    const writer = await engine.createContainer({
      Image: imageId,
      Cmd: ["never-started"],
      Labels: { ...labels },
      HostConfig: { Mounts: [{ Type: "volume", Source: this.#volumeName(key), Target: "/files", VolumeOptions }] },
    });
    try {
      await put(writer, files, "/files");
    } finally {
      await writer.remove({ force: true });
    }
  }

  #volumeName(key: string): string {
    return `${this.#options.prefix}-${fingerprint(key).slice(0, 16)}`;
  }
}

/** What the image has at the path does not shine through. */
const VolumeOptions = { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } };

async function put(container: Docker.Container, files: Readonly<Record<string, string>>, path: string): Promise<void> {
  // The library's types want an older kind of stream than what it takes.
  await container.putArchive(archive(files) as unknown as NodeJS.ReadableStream, { path });
}

function archive(files: Readonly<Record<string, string>>): Pack {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o644 }, content);
  tar.finalize();
  return tar;
}
