import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { BuildFailure, type BuildJob, type BuildOutput } from "../builds/build-job.ts";
import type { GitSources } from "./git-sources.ts";
import type { ImageAliases } from "./image-aliases.ts";

export interface DockerBuilderParts {
  readonly engine: Docker;
  readonly aliases: ImageAliases;
  readonly sources: GitSources;
  /** On each image, by which they are found when the emulator ends. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The platform's builder does not mind arguments that a Dockerfile has no use for. */
const UNUSED = /^\[Warning\] One or more build-args .* were not consumed/;

/** What the Engine says of its work, one object a line. */
interface Progress {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
  readonly aux?: { readonly ID?: string; readonly Digest?: string };
}

/** Builds that a Docker Engine does: clone, build, push to a registry. Of the image nothing stays at the Engine. */
export class DockerBuilder {
  readonly #parts: DockerBuilderParts;

  constructor(parts: DockerBuilderParts) {
    this.#parts = parts;
  }

  /** @throws {BuildFailure} */
  async build(job: BuildJob): Promise<BuildOutput> {
    const { folder, commit, author } = await this.#parts.sources.checkOut(job);
    const tag = this.#parts.aliases.resolve(job.spec.output_image);
    try {
      await this.#make(job, folder, tag);
      const digest = await this.#push(job, tag);
      return { digest, source: { commit, author } };
    } finally {
      await rm(folder, { recursive: true, force: true });
      await removeImage(this.#parts.engine, tag);
    }
  }

  async #make({ spec, params, say, signal }: BuildJob, folder: string, tag: string): Promise<void> {
    const context = join(folder, spec.source_context_dir ?? ".");
    if (!existsSync(join(context, spec.strategy_spec_file)))
      throw new BuildFailure("failed", `${spec.strategy_spec_file} is not there`);
    const { engine, labels } = this.#parts;
    const how = { t: tag, dockerfile: spec.strategy_spec_file, buildargs: { ...params }, labels: { ...labels } };
    const stream = await engine.buildImage({ context, src: ["."] }, { ...how, forcerm: true, abortSignal: signal });
    const trouble = await this.#follow(stream, ({ stream: text }) => {
      const lines = (text ?? "").split("\n").filter((line) => line.trim() !== "" && !UNUSED.test(line));
      for (const line of lines) say.build(line);
    });
    if (trouble === undefined) return;
    say.build(trouble);
    throw new BuildFailure("failed", trouble);
  }

  async #push({ push, say, signal }: BuildJob, tag: string): Promise<string> {
    const { engine } = this.#parts;
    const serveraddress = tag.slice(0, tag.indexOf("/"));
    const authconfig = { username: push?.username ?? "", password: push?.password ?? "", serveraddress };
    let digest: string | undefined;
    const stream = await engine.getImage(tag).push({ authconfig, abortSignal: signal });
    const trouble = await this.#follow(stream, ({ aux }) => {
      digest = aux?.Digest ?? digest;
    });
    if (trouble === undefined && digest !== undefined) return digest;
    const message = trouble ?? "the registry tells no digest";
    say.build(message);
    const refused = /unauthorized|denied|authentication required|no basic auth/i.test(message);
    throw new BuildFailure(refused ? "missing_registry_access" : "failed", message);
  }

  /** Answers what went wrong, in the Engine's words. */
  async #follow(stream: NodeJS.ReadableStream, each: (progress: Progress) => void): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    let trouble: string | undefined;
    this.#parts.engine.modem.followProgress(
      stream,
      (error: Error | null) => resolve(trouble ?? error?.message),
      (progress: Progress) => {
        trouble = progress.error ?? trouble;
        each(progress);
      },
    );
    return await promise;
  }
}

async function removeImage(engine: Docker, name: string): Promise<void> {
  try {
    await engine.getImage(name).remove({ force: true });
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}
