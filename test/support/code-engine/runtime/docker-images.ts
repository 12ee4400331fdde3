import type Docker from "dockerode";
import type { RevisionReason } from "../failures.ts";
import type { ImageAliases } from "./image-aliases.ts";
import { type RegistryCredentials, type ResolvedImage, RuntimeFailure } from "./runtime.ts";

/** The images of an Engine, as the platform sees them: by digest, pulled with the credentials of a registry secret. */
export class DockerImages {
  readonly #engine: Docker;
  readonly #aliases: ImageAliases;

  constructor(engine: Docker, aliases: ImageAliases) {
    this.#engine = engine;
    this.#aliases = aliases;
  }

  /** @throws {RuntimeFailure} */
  async resolve(reference: string, credentials: RegistryCredentials | undefined): Promise<ResolvedImage> {
    const name = this.#aliases.resolve(reference);
    // A tag may have moved where there is a registry of our own to ask.
    if (hasPort(name) || !(await this.#find(name))) await this.#pull(reference, name, credentials);
    const found = await this.#find(name);
    if (found === undefined) throw new RuntimeFailure("fetch_image_failed_unknown_manifest", `${name} is not there`);
    return { reference, digest: digestOf(found, name) };
  }

  /** The Engine's ID of it, pulling it again where it was removed. @throws {RuntimeFailure} */
  async imageId({ reference, digest }: ResolvedImage, credentials: RegistryCredentials | undefined): Promise<string> {
    const repository = withoutVersion(this.#aliases.resolve(reference));
    const found = (await this.#find(`${repository}@${digest}`)) ?? (await this.#find(digest));
    if (found) return found.Id;
    const name = `${repository}@${digest}`;
    await this.#pull(reference, name, credentials);
    const pulled = await this.#find(name);
    if (pulled) return pulled.Id;
    throw new RuntimeFailure("fetch_image_failed_unknown_manifest", `${name} is not there`);
  }

  async #find(name: string): Promise<Docker.ImageInspectInfo | undefined> {
    try {
      return await this.#engine.getImage(name).inspect();
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  }

  async #pull(reference: string, name: string, credentials: RegistryCredentials | undefined): Promise<void> {
    const fitting = credentials && registryOf(reference) === credentials.server.replace(/^https?:\/\/|\/.*$/g, "");
    const authconfig = fitting
      ? { username: credentials.username, password: credentials.password, serveraddress: registryOf(name) }
      : undefined;
    try {
      const stream = await this.#engine.pull(name, authconfig ? { authconfig } : {});
      await finished(this.#engine, stream);
    } catch (error) {
      const message = (error as Error).message;
      throw new RuntimeFailure(pullFailure(message, authconfig !== undefined), message, { cause: error });
    }
  }
}

function finished(engine: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  engine.modem.followProgress(stream, (error: Error | null, lines: { error?: string }[] = []) => {
    const failed = lines.find((line) => line.error !== undefined);
    if (error) reject(error);
    else if (failed) reject(new Error(failed.error));
    else resolve();
  });
  return promise;
}

/** The Engine's words, most specific first. */
const PULL_FAILURES: readonly (readonly [words: RegExp, reason: RevisionReason])[] = [
  [/invalid tar header/i, "invalid_tar_header_image_pull_err"],
  [/no such host|connection refused|i\/o timeout|server misbehaving/i, "fetch_image_failed_registry_not_found"],
  [/manifest unknown|manifest for .* not found/i, "fetch_image_failed_unknown_manifest"],
  [/name unknown|repository does not exist|repository .* not found/i, "fetch_image_failed_unknown_repository"],
];

function pullFailure(message: string, withCredentials: boolean): RevisionReason {
  if (/unauthorized|no basic auth|authentication required|denied: requested access/i.test(message)) {
    return withCredentials
      ? "fetch_image_failed_wrong_pull_credentials"
      : "fetch_image_failed_missing_pull_credentials";
  }
  return PULL_FAILURES.find(([words]) => words.test(message))?.[1] ?? "image_pull_back_off";
}

function digestOf({ Id, RepoDigests = [] }: Docker.ImageInspectInfo, name: string): string {
  const prefix = `${withoutVersion(name)}@`;
  return RepoDigests?.find((digest) => digest.startsWith(prefix))?.slice(prefix.length) ?? Id;
}

function withoutVersion(name: string): string {
  return name.replace(/@.*$/, "").replace(/:[^/]*$/, "");
}

function registryOf(name: string): string {
  const [first = "", ...rest] = name.split("/");
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : "docker.io";
}

function hasPort(name: string): boolean {
  return registryOf(name).includes(":");
}
