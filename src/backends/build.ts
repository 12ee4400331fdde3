import type { LogOptions, Owner, ResolvedImage } from "./backend.ts";

/** What an image is made from, and where it goes. Secret values are in it. */
export interface BuildRequest {
  /** Equal keys mean that an image made before is right. No secret value and no time limit went into it. */
  readonly key: string;
  readonly source: {
    /** `https://host/path`, `ssh://git@host/path` or `git@host:path`; no credentials in it. */
    readonly url: string;
    /** Branch, tag or commit; undefined: the repository's default branch. */
    readonly revision: string | undefined;
    /** Folder of the build's context below the repository; empty: its root. */
    readonly contextDir: string;
    /** Relative to the context. */
    readonly dockerfile: string;
    readonly credentials: GitCredentials | undefined;
  };
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Undefined: the image stays at its place, where that is possible. */
  readonly push:
    | {
        /** Registry and repository, without tag. */
        readonly repository: string;
        /** Contents of `.dockerconfigjson`; undefined where no Secret is named. */
        readonly dockerConfig: string | undefined;
      }
    | undefined;
  readonly timeoutSeconds: number;
}

/** Of Secrets of type kubernetes.io/ssh-auth and kubernetes.io/basic-auth. */
export type GitCredentials =
  | { readonly kind: "ssh"; readonly privateKey: string; readonly knownHosts: string | undefined }
  | { readonly kind: "basic"; readonly username: string; readonly password: string };

export type BuildState = {
  /** Names this run at its place. */
  readonly id: string;
  /** RFC 3339; undefined while it waits. */
  readonly startedAt: string | undefined;
} & (
  | { readonly kind: "waiting" | "running"; readonly message: string }
  | {
      readonly kind: "built";
      /** `repository@sha256:…` */
      readonly image: ResolvedImage;
      /** The commit that it was made from, where the place tells. */
      readonly commit: string | undefined;
      readonly completedAt: string | undefined;
    }
  | {
      readonly kind: "failed";
      /** Of api/v1alpha1/conditions.ts. */
      readonly reason: string;
      /** What went wrong, and the remedy. */
      readonly message: string;
      /** Whether the same request may succeed later, with nothing changed in it. */
      readonly retryable: boolean;
      readonly completedAt: string | undefined;
    }
);

/** What only some places can do: make an image from sources, and push it. */
export interface ImageBuilder {
  /**
   * Refuses what this place cannot build, before anything is created. No I/O. @throws {TerminalError}
   */
  admitBuild(request: BuildRequest): void;
  /**
   * Says how the build of this owner and `request.key` at `attempt` (1, 2, …) stands. Begins it where there is none, one at a
   * time for each owner: one of an earlier request is ended. Tells `watch` when it moves. Idempotent, also after a lost answer
   * and a restart of the controller. @throws {TransientError | TerminalError} with the reason `Building` where it waits for others
   * to end.
   */
  ensureBuild(owner: Owner, request: BuildRequest, attempt: number, signal: AbortSignal): Promise<BuildState>;
  /**
   * Ends and removes all builds of an owner; what was pushed stays. Succeeds when there are none. @throws {TransientError}
   */
  endBuilds(owner: Owner, signal: AbortSignal): Promise<void>;
  /** What the newest build of an owner printed, as `LogSource.logs` answers it. */
  buildLogs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
}
