import { hostname } from "node:os";
import type Docker from "dockerode";
import type { Builder } from "../builds/build-job.ts";
import { newId } from "../world.ts";
import { DockerBuilder } from "./docker-builder.ts";
import { DockerFiles } from "./docker-files.ts";
import { DockerImages } from "./docker-images.ts";
import { DockerInstance, ignoringAbsence } from "./docker-instance.ts";
import type { GitSources } from "./git-sources.ts";
import type { ImageAliases } from "./image-aliases.ts";
import {
  type Exit,
  type InstanceSpec,
  type LogLine,
  type RegistryCredentials,
  type ResolvedImage,
  type RunningInstance,
  type Runtime,
  RuntimeFailure,
  type Usage,
} from "./runtime.ts";

/** On everything that an emulator makes: which emulator, and the process that it lives in. */
const LABEL = "slipway.test/code-engine-emulator";
const PROCESS_LABEL = "slipway.test/code-engine-emulator-process";
/** No pod has more; the platform's own bound is not published. */
const PIDS_LIMIT = 1024;

/** Instances that are containers of a Docker Engine. */
export class DockerRuntime implements Runtime {
  readonly #engine: Docker;
  readonly #images: DockerImages;
  readonly #aliases: ImageAliases;
  readonly #files: DockerFiles;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #id = `ce-emulator-${newId().slice(0, 8)}`;
  readonly #cpus: number;
  readonly #starting = new Set<Promise<unknown>>();
  #started = 0;
  #ended = false;

  private constructor(engine: Docker, aliases: ImageAliases, cpus: number) {
    this.#engine = engine;
    this.#cpus = cpus;
    this.#aliases = aliases;
    this.#labels = { [LABEL]: this.#id, [PROCESS_LABEL]: `${hostname()}/${process.pid}` };
    this.#images = new DockerImages(engine, aliases);
    this.#files = new DockerFiles({ engine, prefix: this.#id, labels: this.#labels });
  }

  /** Removes first what emulators left whose process is no more. */
  static async start(engine: Docker, aliases: ImageAliases): Promise<DockerRuntime> {
    const { NCPU } = (await engine.info()) as { NCPU: number };
    await removeAll(engine, LABEL, (labels) => isOrphan(labels[PROCESS_LABEL]));
    return new DockerRuntime(engine, aliases, NCPU);
  }

  /** Builds images with this Engine. */
  builder(sources: GitSources): Builder {
    const builder = new DockerBuilder({ engine: this.#engine, aliases: this.#aliases, sources, labels: this.#labels });
    return (job) => builder.build(job);
  }

  resolve(reference: string, credentials: RegistryCredentials | undefined): Promise<ResolvedImage> {
    return this.#images.resolve(reference, credentials);
  }

  async start(spec: InstanceSpec): Promise<RunningInstance> {
    const starting = this.#start(spec);
    const settled = starting.catch(() => undefined).finally(() => this.#starting.delete(settled));
    this.#starting.add(settled);
    return await starting;
  }

  async refresh(key: string, files: Readonly<Record<string, string>>): Promise<void> {
    if (!this.#ended) await this.#files.refresh(key, files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#starting);
    await removeAll(this.#engine, `${LABEL}=${this.#id}`, () => true);
  }

  async #start(spec: InstanceSpec): Promise<RunningInstance> {
    const imageId = await this.#images.imageId(spec.image, spec.credentials);
    const mounts = await this.#files.mounts(spec.mounts, imageId);
    this.#checkRunning();
    this.#started += 1;
    const container = await this.#create(spec, imageId, mounts);
    await this.#files.placeSingleFiles(container, spec.mounts);
    try {
      await container.start();
    } catch (error) {
      if (!isStartError(error)) throw error;
      await container.remove({ force: true, v: true });
      return new NeverStarted(error.message);
    }
    const { NetworkSettings } = await container.inspect();
    const host = NetworkSettings.Networks.bridge?.IPAddress ?? "";
    // One that has ended already has no address; an empty one would be this machine's.
    return new DockerInstance(container, host === "" ? { kind: "closed" } : { kind: "socket", host, port: spec.port });
  }

  async #create(spec: InstanceSpec, imageId: string, mounts: Docker.MountSettings[]): Promise<Docker.Container> {
    try {
      return await this.#engine.createContainer(this.#options(spec, imageId, mounts));
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error;
      throw new RuntimeFailure("fetch_image_failed_unknown_manifest", "the image went away", { cause: error });
    }
  }

  #checkRunning(): void {
    if (this.#ended) throw new RuntimeFailure("deploying", "the emulator has ended");
  }

  #options(spec: InstanceSpec, imageId: string, mounts: Docker.MountSettings[]): Docker.ContainerCreateOptions {
    const { commands, arguments: args, user, env, cpu, memoryBytes } = spec;
    return {
      name: `${this.#id}-${spec.name}-${this.#started}`,
      Image: imageId,
      Hostname: spec.name.slice(0, 63),
      Labels: { ...this.#labels, "slipway.test/code-engine-app": spec.app },
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(commands.length > 0 && { Entrypoint: [...commands] }),
      ...(args.length > 0 && { Cmd: [...args] }),
      ...(user !== undefined && { User: String(user) }),
      HostConfig: {
        NetworkMode: "bridge",
        // The Engine refuses more than the machine has.
        NanoCpus: Math.round(Math.min(cpu, this.#cpus) * 1e9),
        Memory: memoryBytes,
        MemorySwap: memoryBytes,
        PidsLimit: PIDS_LIMIT,
        Mounts: mounts,
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      },
    };
  }
}

/** The Engine could not execute the container's program, or not in its directory, or not as its user. */
function isStartError(error: unknown): error is Error {
  const { statusCode } = error as { statusCode?: number };
  return error instanceof Error && (statusCode === 400 || statusCode === 404 || statusCode === 500);
}

/** A container whose program could not be executed; a kubelet reports it so. */
class NeverStarted implements RunningInstance {
  readonly upstream = { kind: "closed" } as const;
  readonly ended = Promise.resolve<Exit>({ code: 128, reason: "StartError" });
  readonly #message: string;

  constructor(message: string) {
    this.#message = message;
  }

  async *logs(): AsyncGenerator<LogLine> {
    yield { at: new Date(), stream: "stderr", text: this.#message };
  }

  async usage(): Promise<Usage> {
    return { cpuNanoCores: 0, memoryBytes: 0 };
  }

  async stop(): Promise<void> {
    await this.ended;
  }

  async remove(): Promise<void> {
    await this.ended;
  }
}

async function removeAll(
  engine: Docker,
  label: string,
  chosen: (labels: Readonly<Record<string, string>>) => boolean,
): Promise<void> {
  const filters = { label: [label] };
  const containers = await engine.listContainers({ all: true, filters });
  const removals = containers
    .filter(({ Labels }) => chosen(Labels))
    .map(({ Id }) => ignoringAbsence(() => engine.getContainer(Id).remove({ force: true, v: true })));
  await Promise.all(removals);
  // What builds made, wherever it was pulled since: labels are a part of images.
  for (const { Id, Labels } of await engine.listImages({ filters })) {
    if (chosen(Labels ?? {})) await ignoringAbsence(() => engine.getImage(Id).remove({ force: true }));
  }
  const { Volumes } = await engine.listVolumes({ filters });
  const volumes = (Volumes ?? []).filter(({ Labels }) => chosen(Labels ?? {}));
  await Promise.all(volumes.map(({ Name }) => ignoringAbsence(() => engine.getVolume(Name).remove())));
}

/** `HOST/PID` of a process of this machine that is no more. */
function isOrphan(owner = ""): boolean {
  const [host, pid] = owner.split("/");
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
