import type { BackendHealth, FullBackend } from "../backends/backend.ts";
import type { ImagePlaces } from "../backends/image-resolver.ts";
import type { BackendDefaults } from "../effective-spec/effective-spec.ts";

/** The live backend of one RuntimeBackend. Another instance is made when its spec or a Secret of it changes. */
export interface LiveBackend {
  readonly name: string;
  /** Differs from that of every other instance. */
  readonly instance: number;
  readonly backend: FullBackend;
  /** Another has taken its place under the name of its RuntimeBackend: it is there to be left. */
  readonly former: boolean;
  readonly defaults: BackendDefaults;
  /** Where its images come from, and the credentials that it has for them by itself. */
  readonly images?: (ImagePlaces & { readonly dockerConfig?: string | undefined }) | undefined;
  /** The last answer; undefined before the first. */
  readonly health: BackendHealth | undefined;
}

/** Where the deployments find the backends that the RuntimeBackend controller keeps. */
export interface BackendRegistry {
  /** Also finds the backend of a RuntimeBackend that was deleted, for as long as something is torn down on it. */
  get(name: string): LiveBackend | undefined;
  /** Why there is no live backend of this name though its RuntimeBackend exists. */
  problem(name: string): string | undefined;
  /** A call did not get through: the health is looked at soon. */
  suspect(name: string): void;
  /** Names of the backends that have told of something of this deployment, wherever it belongs. */
  strays(uid: string): readonly string[];
  /** Nothing of it is left there. */
  vacated(uid: string, name: string): void;
}
