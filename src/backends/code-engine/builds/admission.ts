import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { BuildRequest } from "../../build.ts";
import { admitImage } from "../../images/allowed-registries.ts";
import { gitUrlTrouble, isSshUrl } from "../client/rules/git-url.ts";
import { imageReferenceTrouble } from "../client/rules/image-reference.ts";
import { keyTrouble } from "../client/rules/names.ts";
import { isMark } from "../workloads/marks.ts";
import { outputOf, REPOSITORY_FIELD } from "./output.ts";

/** Of a build on Code Engine, in seconds. */
export const LONGEST_BUILD_SECONDS = 3600;
const LONGEST_TEXT = 253;
/** A build has a hundred parameters, of which the marks take some. */
const MOST_ARGUMENTS = 90;
const MAX_VALUE_BYTES = 1024 * 1024;

/** Pure. @throws {TerminalError} for what Code Engine cannot build, naming field, value and remedy. */
export function admitBuild(request: BuildRequest, allowedRegistries: readonly string[]): void {
  admitOutput(request, allowedRegistries);
  admitSource(request.source);
  admitArguments(request.buildArgs);
  const { timeoutSeconds } = request;
  if (timeoutSeconds > LONGEST_BUILD_SECONDS)
    throw invalid(
      `spec.source.git.timeoutSeconds: ${timeoutSeconds}: Code Engine ends builds after ${LONGEST_BUILD_SECONDS} seconds at the latest; ask for that or less, or build elsewhere and use spec.source.image`,
    );
}

function admitOutput(request: BuildRequest, allowedRegistries: readonly string[]): void {
  const { push } = request;
  // As it is written, since a tag may not be put behind what is none.
  const trouble = push && push.repository !== "" ? imageReferenceTrouble(push.repository) : undefined;
  if (push && trouble !== undefined)
    throw invalid(`${REPOSITORY_FIELD}: ${JSON.stringify(push.repository)} ${trouble}`);
  const { repository, reference } = outputOf(request);
  admitImage(repository, allowedRegistries, REPOSITORY_FIELD);
  const tooMuch = imageReferenceTrouble(reference);
  if (tooMuch !== undefined) throw invalid(`${REPOSITORY_FIELD}: ${JSON.stringify(reference)} ${tooMuch}`);
}

function admitSource({ url, revision, contextDir, dockerfile, credentials }: BuildRequest["source"]): void {
  const trouble = gitUrlTrouble(url);
  if (trouble !== undefined) throw invalid(`spec.source.git.url: ${trouble}`);
  if (credentials?.kind === "basic")
    throw invalid(
      "spec.source.git.credentialsRef: Code Engine clones with SSH keys only, so user and password, or a token, are not possible there; make a deploy key, put it into a Secret of type kubernetes.io/ssh-auth, and write the url as git@HOST:PATH",
    );
  if (credentials && !isSshUrl(url))
    throw invalid(
      "spec.source.git.credentialsRef: an SSH key does not open an address of https; write the url as git@HOST:PATH, or leave the credentials out where the repository is public",
    );
  if (!credentials && isSshUrl(url))
    throw invalid(
      "spec.source.git.credentialsRef: must be set for an address of ssh: name a Secret of type kubernetes.io/ssh-auth, or write the url as https://HOST/PATH where the repository is public",
    );
  const texts = { revision: revision ?? "", contextDir, dockerfile };
  for (const [field, text] of Object.entries(texts)) {
    if (text.length > LONGEST_TEXT)
      throw invalid(`spec.source.git.${field}: has ${text.length} characters and may have ${LONGEST_TEXT}`);
  }
}

function admitArguments(buildArgs: BuildRequest["buildArgs"]): void {
  const entries = Object.entries(buildArgs);
  if (entries.length > MOST_ARGUMENTS)
    throw invalid(`spec.source.git.buildArgs: are ${entries.length} and may be ${MOST_ARGUMENTS} on Code Engine`);
  for (const [name, value] of entries) {
    const reserved = isMark(name) ? "is reserved: builds are known by it; rename it" : undefined;
    const tooLong = Buffer.byteLength(value) > MAX_VALUE_BYTES ? "has a value above 1 MiB" : undefined;
    const trouble = keyTrouble(name) ?? reserved ?? tooLong;
    if (trouble !== undefined) throw invalid(`spec.source.git.buildArgs: ${name} ${trouble}`);
  }
}

function invalid(message: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, message);
}
