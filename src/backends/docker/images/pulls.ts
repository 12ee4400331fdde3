import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { formatReference, type ImageReference, imageName } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Owner, PullProgress } from "../../backend.ts";
import type { RegistryCredentials } from "../../images/registry-credentials.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { jsonLines } from "../engine/json-lines.ts";
import { describeImageFailure, imageFailure } from "./image-failure.ts";
import { PullProgressTracker } from "./pull-progress.ts";

/** A pull that says nothing for so long will not end by itself; extracting a large layer may take minutes. */
export const SILENCE_MS = 5 * 60_000;
const PROGRESS_INTERVAL_MS = 2_000;
/** Failures that owners have not been told yet. */
const MAX_FAILURES = 1_000;

/** One place to pull from. The first that has it wins. */
export interface PullSource {
  readonly reference: ImageReference;
  readonly credentials: RegistryCredentials | undefined;
}

export interface PullRequest {
  readonly image: ImageReference;
  readonly sources: readonly PullSource[];
  /** What to tag the image with, so that it counts as present by that name: as `docker pull` does. */
  readonly tag: ImageReference | undefined;
}

interface Pull {
  /** The image by the name of its origin. */
  readonly image: string;
  tracker: PullProgressTracker;
  readonly owners: Map<string, Owner>;
}

export interface PullsOptions {
  readonly engine: EngineClient;
  readonly clock: Clock;
  /** Called for each owner that waits for a pull when it ended, and from time to time when it moved. */
  readonly onChange: (owner: Owner) => void;
}

/** Pulls in the background: one for each image and credentials, whoever waits for it. */
export class Pulls implements Disposable {
  readonly #options: PullsOptions;
  readonly #pulls = new Map<string, Pull>();
  readonly #failures = new Map<string, unknown>();
  readonly #lifetime = new AbortController();

  constructor(options: PullsOptions) {
    this.#options = options;
  }

  /** How far a pull of an image is that is all but done: what is left is its tag. Undefined when none is under way. */
  finishing(owner: Owner, image: ImageReference): PullProgress | undefined {
    const name = formatReference(image);
    const pull = this.#pulls.values().find((each) => each.image === name);
    pull?.owners.set(owner.uid, owner);
    return pull?.tracker.progress;
  }

  /** How far the pull is; starts it where there is none. @throws what the last one failed with, once to each owner. */
  progress(owner: Owner, request: PullRequest): PullProgress {
    const key = keyOf(request);
    const failureKey = `${key}/${owner.uid}`;
    if (this.#failures.has(failureKey)) {
      const failure = this.#failures.get(failureKey);
      this.#failures.delete(failureKey);
      throw failure;
    }
    const pull = this.#pulls.get(key) ?? this.#start(key, request);
    pull.owners.set(owner.uid, owner);
    return pull.tracker.progress;
  }

  [Symbol.dispose](): void {
    this.#lifetime.abort();
  }

  #start(key: string, request: PullRequest): Pull {
    const pull: Pull = { image: formatReference(request.image), tracker: new PullProgressTracker(), owners: new Map() };
    this.#pulls.set(key, pull);
    this.#run(pull, request)
      .catch((error: unknown) => {
        for (const uid of pull.owners.keys()) this.#remember(`${key}/${uid}`, error);
      })
      .finally(() => {
        this.#pulls.delete(key);
        this.#tell(pull);
      });
    return pull;
  }

  async #run(pull: Pull, { sources, tag }: PullRequest): Promise<void> {
    let failure: unknown;
    for (const source of sources) {
      pull.tracker = new PullProgressTracker();
      try {
        await this.#pull(pull, source);
        if (tag) await this.#tag(source.reference, tag);
        return;
      } catch (error) {
        failure = error;
        if (this.#lifetime.signal.aborted) break;
      }
    }
    throw failure;
  }

  async #pull(pull: Pull, { reference, credentials }: PullSource): Promise<void> {
    const image = formatReference(reference);
    const silence = new Silence(this.#options.clock, this.#lifetime.signal, image);
    try {
      const stream = await this.#open(reference, credentials, silence.signal);
      await this.#follow(pull, stream, { image, silence });
    } catch (error) {
      throw silence.failure ?? imageFailure(this.#options.engine.explain("pull an image", error), image);
    } finally {
      silence.end();
    }
  }

  async #open(
    reference: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<Readable> {
    const fromImage = imageName(reference);
    const tag = reference.digest ?? reference.tag;
    const open = (docker: Docker, abortSignal: AbortSignal): Promise<NodeJS.ReadableStream> =>
      docker.createImage(credentials ?? {}, { fromImage, tag, abortSignal });
    return await this.#options.engine.open("pulls", open, { signal, timeoutMs: SILENCE_MS });
  }

  async #follow(pull: Pull, stream: Readable, { image, silence }: { image: string; silence: Silence }): Promise<void> {
    let toldAtMs = this.#options.clock.monotonicMs();
    for await (const message of jsonLines(stream)) {
      silence.broken();
      const said = pull.tracker.take(message);
      if (said !== undefined) throw describeImageFailure(said, image);
      const now = this.#options.clock.monotonicMs();
      if (now - toldAtMs < PROGRESS_INTERVAL_MS) continue;
      toldAtMs = now;
      this.#tell(pull);
    }
  }

  async #tag(source: ImageReference, wanted: ImageReference): Promise<void> {
    const options = { repo: imageName(wanted), tag: wanted.tag ?? "latest" };
    const name = formatReference(source);
    const signal = this.#lifetime.signal;
    await this.#options.engine.call("tag an image", (docker) => docker.getImage(name).tag(options), { signal });
  }

  #tell({ owners }: Pull): void {
    if (this.#lifetime.signal.aborted) return;
    for (const owner of owners.values()) this.#options.onChange(owner);
  }

  #remember(key: string, error: unknown): void {
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined && this.#failures.size >= MAX_FAILURES) this.#failures.delete(oldest);
    this.#failures.set(key, error);
  }
}

/** Ends a pull that says nothing for too long. */
class Silence {
  readonly signal: AbortSignal;
  failure: TransientError | undefined;
  readonly #clock: Clock;
  readonly #image: string;
  readonly #controller = new AbortController();
  #cancel: () => void;

  constructor(clock: Clock, lifetime: AbortSignal, image: string) {
    this.#clock = clock;
    this.#image = image;
    this.signal = AbortSignal.any([lifetime, this.#controller.signal]);
    this.#cancel = this.#schedule();
  }

  broken(): void {
    this.#cancel();
    this.#cancel = this.#schedule();
  }

  end(): void {
    this.#cancel();
  }

  #schedule(): () => void {
    return this.#clock.schedule(SILENCE_MS, () => {
      const minutes = SILENCE_MS / 60_000;
      this.failure = new TransientError(
        Reason.ImagePullFailed,
        `image ${this.#image}: the pull made no progress for ${minutes} min and was given up; check the registry and the Engine's network`,
      );
      this.#controller.abort(this.failure);
    });
  }
}

/** Pulls that may share one stream: the same image by the same right. */
function keyOf({ sources }: PullRequest): string {
  const what = sources.map(({ reference, credentials }) => [formatReference(reference), credentials ?? null]);
  return createHash("sha256").update(JSON.stringify(what)).digest("hex");
}
