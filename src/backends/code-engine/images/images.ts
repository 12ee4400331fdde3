import { formatReference, type ImageReference, imageName } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { ImageRequest, Owner, ResolvedImage, WorkloadSpec } from "../../backend.ts";
import { readReference } from "../../images/allowed-registries.ts";
import { refuseRoot } from "../../images/image-user.ts";
import { credentialsFor, type RegistryCredentials } from "../../images/registry-credentials.ts";
import type { SecretData } from "../client/resources/config.ts";
import type { ImageFacts } from "../workloads/workloads.ts";
import { ImageUsers } from "./image-users.ts";
import type { RegistryClient } from "./registry-client.ts";

/** What the controller has to know of images. Code Engine pulls them by itself. */
export class Images {
  readonly #registry: RegistryClient;
  readonly #users: ImageUsers;
  readonly #dockerConfig: string | undefined;
  /** By owner: how its image was asked for last. As many as there are owners. */
  readonly #requests = new Map<string, ImageRequest>();

  constructor(registry: RegistryClient, dockerConfig: string | undefined) {
    this.#registry = registry;
    this.#users = new ImageUsers(registry);
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
    return {
      uid: await this.#uid(image, credentials, { mayBeRoot: !confinement.runAsNonRoot, signal }),
      credentials: forPlatform(image, credentials),
    };
  }

  /** Code Engine takes a number only. What an unset one means is not documented for certain, so it is set where it is known. */
  async #uid(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    { mayBeRoot, signal }: { readonly mayBeRoot: boolean; readonly signal: AbortSignal },
  ): Promise<number | undefined> {
    const pinned = formatReference(image);
    if (image.digest === undefined) {
      if (mayBeRoot) return undefined;
      throw new TerminalError(
        Reason.RunsAsRoot,
        `with pullPolicy Never nobody asks the registry of ${pinned} whether its user is root, and its guardrails want runAsNonRoot; use another pullPolicy, or a profile without runAsNonRoot`,
      );
    }
    const { user, uid } = await this.#users.userOf(image, credentials, signal);
    if (!mayBeRoot) refuseRoot(pinned, user, uid);
    return uid;
  }

  #credentials(image: ImageReference, request: ImageRequest | undefined): RegistryCredentials | undefined {
    return credentialsFor(request?.dockerConfig ?? this.#dockerConfig, imageName(image));
  }
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
