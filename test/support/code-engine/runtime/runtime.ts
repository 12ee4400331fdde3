import type { RevisionReason } from "../failures.ts";
import type { Handler } from "../http/surface.ts";

export interface RegistryCredentials {
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** What a tag stood for when its revision was made. */
export interface ResolvedImage {
  /** As the resource names it. */
  readonly reference: string;
  /** `sha256:…` */
  readonly digest: string;
}

/** An image cannot be had, or a container cannot start, for one of the platform's reasons. */
export class RuntimeFailure extends Error {
  override readonly name = "RuntimeFailure";
  readonly reason: RevisionReason;

  constructor(reason: RevisionReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Files at one path of a container, or a store that outlives it. */
export interface RuntimeMount {
  /** Names what is mounted; equal keys are the same files everywhere. */
  readonly key: string;
  readonly path: string;
  /** By name; a store has none of its own. */
  readonly files: Readonly<Record<string, string>> | "store";
  /** The only file that is wanted, at `path` itself. */
  readonly subPath: string | undefined;
  readonly readOnly: boolean;
}

/** What a container is made from, with every reference resolved. */
export interface InstanceSpec {
  /** Of the instance, which is unique. */
  readonly name: string;
  readonly app: string;
  readonly image: ResolvedImage;
  readonly credentials: RegistryCredentials | undefined;
  readonly commands: readonly string[];
  readonly arguments: readonly string[];
  readonly user: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly RuntimeMount[];
  /** Where it listens. */
  readonly port: number;
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface Exit {
  readonly code: number;
  /** As Kubernetes words it: Completed, Error, OOMKilled. */
  readonly reason: string;
}

export interface LogLine {
  readonly at: Date;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface LogQuery {
  readonly tailLines?: number;
  readonly since?: Date;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface Usage {
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

/** How requests get to an instance. */
export type Upstream =
  | { readonly kind: "socket"; readonly host: string; readonly port: number }
  | { readonly kind: "handler"; readonly handle: Handler }
  /** Nothing listens. */
  | { readonly kind: "closed" };

/** One run of a container. */
export interface RunningInstance {
  readonly upstream: Upstream;
  /** Resolves when it ends by itself or is stopped. */
  readonly ended: Promise<Exit>;
  /** Oldest first. */
  logs(query: LogQuery): AsyncIterable<LogLine>;
  usage(): Promise<Usage>;
  /** SIGTERM, and SIGKILL after the grace. Its log stays. */
  stop(graceSeconds: number): Promise<void>;
  /** Nothing of it stays. */
  remove(): Promise<void>;
}

/** Where applications run. */
export interface Runtime extends AsyncDisposable {
  /** @throws {RuntimeFailure} */
  resolve(reference: string, credentials: RegistryCredentials | undefined): Promise<ResolvedImage>;
  /** Resolves once it runs, which is before it is ready. @throws {RuntimeFailure} */
  start(spec: InstanceSpec): Promise<RunningInstance>;
  /** New contents of files that are mounted somewhere. */
  refresh(key: string, files: Readonly<Record<string, string>>): Promise<void>;
}
