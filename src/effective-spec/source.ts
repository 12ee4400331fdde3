import { createHash } from "node:crypto";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { REBUILD_ANNOTATION, type RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { PackageRegistry } from "../backends/backend.ts";
import { TerminalError } from "../machinery/errors.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Where the server comes from. `kind` is the member of `spec.source`, and its name among the sources of a backend. */
export type Source = ImageSource | GitSource | PackageSource | ProcessSource | RemoteSource;

export interface ImageSource {
  readonly kind: "image";
  readonly reference: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  readonly pullSecret: string | undefined;
}

export interface GitSource {
  readonly kind: "git";
  readonly url: string;
  /** Branch, tag or commit; undefined: the repository's default branch. */
  readonly revision: string | undefined;
  /** Without slashes at its ends; empty: the repository's root. */
  readonly contextDir: string;
  readonly dockerfile: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly credentialsSecret: string | undefined;
  /** Undefined: the image stays where it is built. */
  readonly push: { readonly repository: string; readonly secret: string | undefined } | undefined;
  readonly timeoutSeconds: number;
  /** Value of the annotation that asks for another build of the same; empty: nobody asked. */
  readonly rebuild: string;
}

export interface PackageSource {
  readonly kind: "package";
  readonly registry: PackageRegistry;
  /** Of npm with its scope. */
  readonly name: string;
  /** Version, range or tag. */
  readonly version: string;
}

/** As a spec has it: one of the two. */
type NamedPackage = Pick<NonNullable<RuntimeDeploymentSpec["source"]["package"]>, "npm" | "pypi" | "version">;

export interface ProcessSource {
  readonly kind: "process";
  readonly command: string;
  readonly args: readonly string[];
  readonly workingDir: string | undefined;
}

export interface RemoteSource {
  readonly kind: "remote";
  readonly url: string;
  readonly headers: readonly RemoteHeader[];
}

export type RemoteHeader = NonNullable<NonNullable<RuntimeDeploymentSpec["source"]["remote"]>["headers"]>[number];

/** As BuildKit and Docker take the name of an ARG. */
const BUILD_ARG = /^[a-zA-Z_][a-zA-Z0-9_]{0,252}$/;

/** Pure. @throws {TerminalError} `InvalidSpec`, naming the field. */
export function chooseSource(
  source: RuntimeDeploymentSpec["source"],
  annotations: Readonly<Record<string, string>> = {},
): Source {
  const { image, git, package: fromRegistry, process, remote } = source;
  if (fromRegistry) return choosePackage(fromRegistry);
  if (process)
    return { kind: "process", command: process.command, args: process.args ?? [], workingDir: process.workingDir };
  if (remote) return { kind: "remote", url: remote.url, headers: remote.headers ?? [] };
  if (image) {
    const { reference, pullPolicy, pullSecretRef } = image;
    return { kind: "image", reference, pullPolicy, pullSecret: pullSecretRef?.name };
  }
  if (!git)
    throw new TerminalError(
      Reason.InvalidSpec,
      "spec.source: must have one of image, git, package, process and remote",
    );
  const { url, branch, tag, commit, contextDir = "", dockerfile, buildArgs = {}, credentialsRef, push } = git;
  for (const name of Object.keys(buildArgs)) {
    if (BUILD_ARG.test(name)) continue;
    const message = `spec.source.git.buildArgs: ${JSON.stringify(name.slice(0, 64))} is no name of an ARG: letters, digits and underscores, and no digit at its beginning`;
    throw new TerminalError(Reason.InvalidSpec, message);
  }
  return {
    kind: "git",
    url,
    revision: commit ?? tag ?? branch,
    contextDir: plainPath(contextDir),
    dockerfile: plainPath(dockerfile),
    buildArgs,
    credentialsSecret: credentialsRef?.name,
    push: push && { repository: push.repository, secret: push.secretRef?.name },
    timeoutSeconds: git.timeoutSeconds,
    rebuild: annotations[REBUILD_ANNOTATION] ?? "",
  };
}

/** Pure. @throws {TerminalError} `InvalidSpec` */
export function choosePackage({ npm, pypi, version }: NamedPackage): PackageSource {
  if (npm !== undefined && pypi === undefined) return { kind: "package", registry: "npm", name: npm, version };
  if (pypi !== undefined && npm === undefined) return { kind: "package", registry: "pypi", name: pypi, version };
  throw new TerminalError(Reason.InvalidSpec, "spec.source.package: must have one of npm and pypi");
}

/**
 * Pure. 40 hexadecimal digits of a SHA-256 that stand for what an image is made from and where it goes: equal keys mean that
 * an image made before is right. How to get there (Secrets, time limits) is no part of it.
 */
export function buildKey({ url, revision, contextDir, dockerfile, buildArgs, push, rebuild }: GitSource): string {
  const made = { url, revision, contextDir, dockerfile, buildArgs, repository: push?.repository, rebuild };
  return createHash("sha256").update(canonicalJson(made)).digest("hex").slice(0, 40);
}

/** The Secret whose `.dockerconfigjson` the image is pulled with. */
export function pullSecretOf(source: Source): string | undefined {
  switch (source.kind) {
    case "image":
      return source.pullSecret;
    case "git":
      return source.push?.secret;
    case "package":
    case "process":
    case "remote":
      return undefined;
    default:
      return source satisfies never;
  }
}

/** `./server//` and `server` are the same folder, and `.` is none. */
function plainPath(path: string): string {
  return path
    .split("/")
    .filter((segment) => segment !== "" && segment !== ".")
    .join("/");
}
