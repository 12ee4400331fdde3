import { DOCKER_HUB, imageName } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { BuildRequest } from "../../build.ts";
import { readReference } from "../../images/allowed-registries.ts";
import { credentialsFor } from "../../images/registry-credentials.ts";
import type { SecretData } from "../client/resources/config.ts";
import { tagOf } from "./names.ts";

/** Field of a deployment that says where images go. */
export const REPOSITORY_FIELD = "spec.source.git.push.repository";

/** What builders look credentials for Docker Hub up by, in Code Engine's words. */
const HUB_SERVER = "https://index.docker.io/v1/";

/** Where an image goes, and who may put it there. */
export interface Output {
  /** Registry and repository, nothing left to defaults. */
  readonly repository: string;
  /** `repository:tag` */
  readonly reference: string;
  readonly credentials: SecretData["registry"];
}

/**
 * Pure. Code Engine has no place for images of its own.
 * @throws {TerminalError} where there is no repository, or nothing to push with
 */
export function outputOf({ push, key }: Pick<BuildRequest, "push" | "key">): Output {
  if (push === undefined || push.repository === "")
    throw new TerminalError(
      Reason.InvalidSpec,
      "spec.source.git.push: must be set for Code Engine, which keeps no images itself: name a repository, and a Secret of type kubernetes.io/dockerconfigjson that may push there",
    );
  const named = readReference(push.repository, REPOSITORY_FIELD);
  const repository = imageName(named);
  const found = credentialsFor(push.dockerConfig, repository);
  if (!found)
    throw new TerminalError(
      Reason.InvalidSpec,
      `spec.source.git.push: must be set for Code Engine with a Secret that may push: ${push.dockerConfig === undefined ? "none is named in secretRef" : `the Secret of secretRef has no entry for ${repository}`}`,
    );
  const { username, password, identitytoken } = found;
  if (identitytoken !== undefined || username === undefined || password === undefined)
    throw new TerminalError(
      Reason.InvalidSpec,
      `spec.source.git.push.secretRef: the Secret holds an identity token for ${repository}, which Code Engine does not take; make it with username and password`,
    );
  return {
    repository,
    reference: `${repository}:${tagOf(key)}`,
    credentials: { server: named.registry === DOCKER_HUB ? HUB_SERVER : named.registry, username, password },
  };
}
