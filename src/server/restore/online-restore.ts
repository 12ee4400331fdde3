import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { RestoreSummary } from "../storage/restore.ts";
import type { SqliteStore } from "../storage/sqlite-store.ts";
import { type Replacement, StoreUnavailable } from "../storage/store.ts";
import { synced } from "../storage/synced.ts";
import { prepare } from "./prepare.ts";
import { receive } from "./receive.ts";

/** A folder of the data directory for what a restore needs until it is through. What a crash left there is worth nothing. */
const WORK_FOLDER = "restore-under-way";

export interface OnlineRestoreOptions {
  readonly dataDir: string;
  readonly store: SqliteStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Brings what the server itself keeps in the store to what this release needs, as at a start. */
  readonly install: () => Promise<void>;
  /** Called once writes are taken again. */
  readonly restored: () => void;
}

/** Two at once would each take the other's state for the one to go back to. */
export class RestoreUnderWay extends Error {
  override readonly name = "RestoreUnderWay";
  constructor() {
    super("another restore is under way; wait until that is through, and look whether this one is still wanted");
  }
}

/**
 * Gives a running server the objects of a backup. All of the backup is checked and built into a store beside the server's
 * before anything is touched, then takes its place in one transaction. The server's keys, certificates and users stay.
 */
export class OnlineRestore implements AsyncDisposable {
  readonly #options: OnlineRestoreOptions;
  readonly #stopping = new AbortController();
  #running: Promise<RestoreSummary> | undefined;
  #refusesWrites = false;

  constructor(options: OnlineRestoreOptions) {
    this.#options = options;
    this.#cleanUp();
  }

  /** While one state takes the place of another, until the server's own objects are in order again. */
  get refusesWrites(): boolean {
    return this.#refusesWrites;
  }

  /**
   * Resolves when the backup's state is durable and served.
   * @throws {RestoreUnderWay}, {StoreRefused} for a backup that cannot be used, {StoreUnavailable} with what failed here;
   * then all is as it was, unless that says otherwise.
   */
  async restore(backup: Readable, declaredBytes: number): Promise<RestoreSummary> {
    if (this.#running !== undefined) throw new RestoreUnderWay();
    this.#running = this.#restore(backup, declaredBytes);
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Breaks off a restore that is being prepared, and waits for one that is past that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
  }

  async #restore(body: Readable, declaredBytes: number): Promise<RestoreSummary> {
    const { dataDir, store, clock, logger } = this.#options;
    const { signal } = this.#stopping;
    const folder = join(dataDir, WORK_FOLDER);
    const [backup, built] = [join(folder, "backup"), join(folder, "store.db")];
    const now = clock.now().toISOString();
    try {
      mkdirSync(folder, { mode: 0o700 });
      await receive(body, backup, declaredBytes);
      // More are given out meanwhile, yet far fewer than the new ones lie above.
      const known = store.revision;
      const prepared = await prepare({ task: "build", backup, store: built, dataDir, known, now }, signal);
      rmSync(backup);
      const { revision, at } = prepared.built ?? { revision: 0, at: now };
      const setAside = join(dataDir, `before-restore-${now.replaceAll(":", "-")}.backup`);
      const { objects } = prepared;
      await this.#replace({ file: built, objects, revision }, setAside);
      this.#options.restored();
      logger.info("backup restored", { objects: objects.length, madeAt: at, revision, setAside });
      return { objects: objects.length, at: new Date(at), revision, setAside };
    } finally {
      this.#cleanUp();
    }
  }

  async #replace(replacement: Replacement, setAside: string): Promise<void> {
    const { store, install } = this.#options;
    this.#refusesWrites = true;
    try {
      await store.replace(async () => {
        await this.#setAside(setAside);
        return replacement;
      });
      await install().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        throw new StoreUnavailable(
          `the backup is restored, but what this release needs beside it is not written (${reason}); start the server anew`,
        );
      });
    } catch (error) {
      if (store.revision < replacement.revision) rmSync(setAside, { force: true });
      throw error;
    } finally {
      this.#refusesWrites = false;
    }
  }

  /** A backup of what is replaced, to the last write: to go back, restore that. */
  async #setAside(target: string): Promise<void> {
    const { dataDir, clock } = this.#options;
    const file = join(dataDir, WORK_FOLDER, "before");
    await prepare({ task: "save", dataDir, file, now: clock.now().toISOString() }, this.#stopping.signal);
    renameSync(file, target);
    synced(dataDir);
  }

  #cleanUp(): void {
    rmSync(join(this.#options.dataDir, WORK_FOLDER), { recursive: true, force: true });
  }
}
