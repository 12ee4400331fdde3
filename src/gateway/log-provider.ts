/** Mirrors LogOptions of the backend port, and says of what. */
export interface LogRequestOptions {
  /** Lines from the end; undefined: all that is kept. */
  readonly tail: number | undefined;
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Of the newest build, instead of what was made from it. */
  readonly build: boolean;
}

/** Where the gateway finds what workloads print. The controllers supply it from the backend of each deployment. */
export interface LogProvider {
  /**
   * Lines without their newline, until the end or `signal`. Undefined: there is no such deployment, or nothing of it runs,
   * ran or was built. Called for whoever may read it: access was checked.
   */
  logs(
    namespace: string,
    name: string,
    options: LogRequestOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string> | undefined>;
}
