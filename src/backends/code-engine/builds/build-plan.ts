import type { Owner } from "../../backend.ts";
import type { BuildRequest } from "../../build.ts";
import type { BuildPrototype, BuildSize } from "../client/resources/builds.ts";
import type { SecretPrototype } from "../client/resources/config.ts";
import { type Maker, type Marks, marked } from "../workloads/marks.ts";
import { buildsName, pushSecretName, runName, sourceSecretName } from "./names.ts";
import { outputOf } from "./output.ts";

export interface PlanInput {
  readonly maker: Maker;
  readonly owner: Owner;
  readonly request: BuildRequest;
  readonly attempt: number;
  readonly size: BuildSize;
}

/** A build as it is made on Code Engine, and the secrets that it needs. */
export interface BuildPlan {
  /** What the names of all builds of this owner begin with. */
  readonly builds: string;
  readonly marks: Marks;
  readonly prototype: BuildPrototype;
  /** Where the image goes, without its tag. */
  readonly repository: string;
  readonly secrets: readonly SecretPrototype[];
}

/** Pure. What no secret value is in but the secrets themselves. @throws {TerminalError} as `outputOf` */
export function buildPlan({ maker, owner, request, attempt, size }: PlanInput): BuildPlan {
  const builds = buildsName(maker, owner);
  const { key, source, buildArgs, timeoutSeconds } = request;
  const { repository, reference, credentials } = outputOf(request);
  const marks: Marks = { owner, hash: key, attempt };
  const push: SecretPrototype = { format: "registry", name: pushSecretName(builds), data: credentials };
  const clone = sourceSecret(builds, source.credentials);
  return {
    builds,
    marks,
    prototype: {
      name: runName(builds, { key, attempt }),
      output_image: reference,
      output_secret: push.name,
      strategy_type: "dockerfile",
      strategy_size: size,
      strategy_spec_file: source.dockerfile,
      source_type: "git",
      source_url: source.url,
      ...(source.revision !== undefined && { source_revision: source.revision }),
      ...(source.contextDir !== "" && { source_context_dir: source.contextDir }),
      ...(clone && { source_secret: clone.name }),
      timeout: timeoutSeconds,
      // The marks are arguments, too, which a Dockerfile that does not ask for them never sees.
      run_build_params: [
        ...marked(maker, marks),
        ...Object.entries(buildArgs).map(([name, value]) => ({ type: "literal", name, value }) as const),
      ],
    },
    repository,
    secrets: [push, ...(clone ? [clone] : [])],
  };
}

function sourceSecret(builds: string, credentials: BuildRequest["source"]["credentials"]): SecretPrototype | undefined {
  if (credentials?.kind !== "ssh") return undefined;
  const { privateKey, knownHosts } = credentials;
  const data = { ssh_key: privateKey, ...(knownHosts !== undefined && { known_hosts: knownHosts }) };
  return { format: "ssh_auth", name: sourceSecretName(builds), data };
}
