import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { ImageRequest, Owner, ResolvedImage, WorkloadSpec } from "../../backend.ts";
import { readReference } from "../../images/allowed-registries.ts";
import { formatReference, type ImageReference, imageName } from "../../images/image-reference.ts";
import { parseUser, refuseRoot } from "../../images/image-user.ts";
import { credentialsFor, type RegistryCredentials } from "../../images/registry-credentials.ts";
import type { SecretData } from "../client/resources/config.ts";
import type { ImageFacts } from "../workloads/workloads.ts";
import type { RegistryClient } from "./registry-client.ts";

/** Users of so many images are remembered; a digest's never changes. */
const REMEMBERED = 500;

/** What the controller has to know of images. Code Engine pulls them by itself. */
export class Images {
  readonly #registry: RegistryClient;
  readonly #dockerConfig: string | undefined;
  /** By owner: how its image was asked for last. As many as there are owners. */
  readonly #requests = new Map<string, ImageRequest>();
  readonly #users = new Map<string, string>();

  constructor(registry: RegistryClient, dockerConfig: string | undefined) {
    this.#registry = registry;
    this.#dockerConfig = dockerConfig;
  }

  /** With pullPolicy Never no registry is asked: Code Engine itself resolves the tag then, once for each revision. */
  async resolve(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    const image = readReference(request.reference);
    if (request.pullPolicy === "Never") return { pinned: formatReference(image) };
    const digest = await this.#registry.digest(image, this.#credentials(image, request), signal);
    return { pinned: formatReference({ ...image, digest }) };
  }

  remember({ uid }: Owner, request: ImageRequest): void {
    this.#requests.set(uid, request);
  }

  forget({ uid }: Owner): void {
    this.#requests.delete(uid);
  }

  /** @throws {TerminalError} `RunsAsRoot` where the image's user is, or may be, root and must not. */
  async facts({ owner, image: { pinned }, confinement }: WorkloadSpec, signal: AbortSignal): Promise<ImageFacts> {
    const image = readReference(pinned);
    const request = this.#requests.get(owner.uid);
    const credentials = this.#credentials(image, request);
    const user = image.digest === undefined ? undefined : await this.#user(image, credentials, signal);
    const { runAsNonRoot } = confinement;
    return {
      uid: user === undefined ? unknown(pinned, runAsNonRoot) : numbered(pinned, user, runAsNonRoot),
      credentials: forPlatform(image, credentials),
    };
  }

  async #user(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const pinned = formatReference(image);
    const known = this.#users.get(pinned);
    if (known !== undefined) return known;
    const user = await this.#registry.user(image, credentials, signal);
    this.#users.set(pinned, user);
    const [oldest] = this.#users.keys();
    if (this.#users.size > REMEMBERED && oldest !== undefined) this.#users.delete(oldest);
    return user;
  }

  #credentials(image: ImageReference, request: ImageRequest | undefined): RegistryCredentials | undefined {
    return credentialsFor(request?.dockerConfig ?? this.#dockerConfig, imageName(image));
  }
}

/** Code Engine takes a number only. What an unset one means is not documented for certain, so it is set where it is known. */
function numbered(image: string, user: string, runAsNonRoot: boolean): number | undefined {
  const parsed = parseUser(user);
  if (parsed.kind === "id") {
    if (runAsNonRoot) refuseRoot(image, user, parsed.uid);
    return parsed.uid;
  }
  if (!runAsNonRoot) return undefined;
  throw new TerminalError(
    Reason.RunsAsRoot,
    `image ${image} names its user ${JSON.stringify(parsed.name)}, and Code Engine takes numbers only, so that nobody can say that it is not root; build it with a number, for example USER 65532, or use a profile without runAsNonRoot`,
  );
}

function unknown(image: string, runAsNonRoot: boolean): undefined {
  if (!runAsNonRoot) return undefined;
  throw new TerminalError(
    Reason.RunsAsRoot,
    `with pullPolicy Never nobody asks the registry of ${image} whether its user is root, and its guardrails want runAsNonRoot; use another pullPolicy, or a profile without runAsNonRoot`,
  );
}

function forPlatform(
  image: ImageReference,
  credentials: RegistryCredentials | undefined,
): SecretData["registry"] | undefined {
  if (!credentials) return undefined;
  const { username, password, identitytoken } = credentials;
  if (identitytoken !== undefined || username === undefined || password === undefined)
    throw new TerminalError(
      Reason.ImagePullUnauthorized,
      `the pull secret for ${imageName(image)} holds an identity token, which Code Engine does not take; make it with username and password`,
    );
  return { server: image.registry, username, password };
}
