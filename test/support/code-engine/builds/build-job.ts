import type { BuildRunReason } from "../failures.ts";
import type { RegistryCredentials } from "../runtime/runtime.ts";
import type { BuildSpec } from "./build-fields.ts";

/** What a build run is to do, with every reference resolved. */
export interface BuildJob {
  readonly spec: BuildSpec;
  /** Values of ARGs. */
  readonly params: Readonly<Record<string, string>>;
  /** Undefined where the secret is no registry secret. */
  readonly push: RegistryCredentials | undefined;
  readonly sshKey: string | undefined;
  /** What the steps print. */
  readonly say: { readonly source: (line: string) => void; readonly build: (line: string) => void };
  /** Its time is over, or nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** What a build makes. */
export interface BuildOutput {
  readonly digest: string;
  /** What was built, where that is known. */
  readonly source?: { readonly commit: string; readonly author: string };
  readonly log?: readonly string[];
}

/** Makes what build runs ask for. @throws {BuildFailure} */
export type Builder = (job: BuildJob) => Promise<BuildOutput>;

/** A build run fails for one of the platform's reasons. */
export class BuildFailure extends Error {
  override readonly name = "BuildFailure";
  readonly reason: BuildRunReason;

  constructor(reason: BuildRunReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
