/** Where the images of a place come from, beside what their references say. */
export interface ImagePlaces {
  /** Asked first for images of docker.io; undefined: there is none. */
  readonly mirror?: string | undefined;
  /** Asked in place of every image's own registry; undefined: each its own. */
  readonly override?: string | undefined;
}

export interface ResolveRequest {
  /** As the user wrote it: untrusted. */
  readonly reference: string;
  /** Contents of `.dockerconfigjson`; undefined asks without credentials. */
  readonly dockerConfig: string | undefined;
  readonly places: ImagePlaces;
}

/** Tells what the tag of an image stands for, without the place that is to run it. */
export interface ImageResolver {
  /**
   * `registry/repository@sha256:…`. Asks nobody where the reference has a digest.
   * @throws {TransientError | TerminalError} with a reason of images.
   */
  resolve(request: ResolveRequest, signal: AbortSignal): Promise<string>;
}
