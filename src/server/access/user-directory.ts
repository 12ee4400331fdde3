import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../machinery/clock.ts";
import { createPrivateFile, syncDirectory } from "./private-file.ts";
import { parseUserRecord, type UserRecord } from "./user-record.ts";
import { hashToken, newUserToken, tokenMatches } from "./user-token.ts";

/** Most users that a data directory may hold. */
export const userLimit = 10_000;

/**
 * The static users of a data directory: one file each, `users/NAME.json`, with the hash of the token and never the
 * token. A file appears whole and goes whole, so several processes may work on it at once, and the server sees a
 * change with the next request.
 */
export class UserDirectory {
  readonly #path: string;
  readonly #clock: Pick<Clock, "now">;

  constructor(dataDir: string, clock: Pick<Clock, "now">) {
    this.#path = usersPath(dataDir);
    this.#clock = clock;
  }

  /**
   * Resolves to the new user's token, which nothing can show again.
   * @throws {UserExists} and {UserLimitReached}. The caller has checked the names.
   */
  async add(name: string, groups: readonly string[]): Promise<string> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    // A directory that somebody made before, or a lax umask, must not let others add users.
    await chmod(this.#path, 0o700);
    if ((await this.#fileNames()).length >= userLimit) throw new UserLimitReached();
    const token = newUserToken(name);
    const record: UserRecord = {
      name,
      uid: randomUUID(),
      groups: [...new Set(groups)],
      tokenHash: hashToken(token),
      createdAt: this.#clock.now().toISOString(),
    };
    const created = await createPrivateFile(userFile(this.#path, name), `${JSON.stringify(record, null, 2)}\n`);
    if (!created) throw new UserExists(name);
    return token;
  }

  /**
   * Makes sure that the user exists with these groups, and resolves to its token: the one given, when it is still
   * that user's, else a new one that replaces the user. For users that the server makes itself.
   */
  async ensure(name: string, groups: readonly string[], token: string | undefined): Promise<string> {
    const known = await this.#read(`${name}.json`);
    const unchanged = known?.groups.join("\0") === [...new Set(groups)].join("\0");
    if (known && unchanged && token !== undefined && tokenMatches(token, known.tokenHash)) return token;
    await this.revoke(name);
    return this.add(name, groups);
  }

  /** In the order of their names. `broken` are files that are not whole records: their users cannot log in. */
  async list(): Promise<{ users: UserRecord[]; broken: string[] }> {
    const users: UserRecord[] = [];
    const broken: string[] = [];
    for (const file of (await this.#fileNames()).sort()) {
      const record = await this.#read(file);
      if (record) users.push(record);
      else if (record === undefined) broken.push(join(this.#path, file));
    }
    return { users, broken };
  }

  /** The token is refused from the next request on. Resolves to false when there is no such user. */
  async revoke(name: string): Promise<boolean> {
    try {
      await unlink(userFile(this.#path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
    await syncDirectory(this.#path);
    return true;
  }

  async #fileNames(): Promise<string[]> {
    try {
      return (await readdir(this.#path)).filter((file) => file.endsWith(".json"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  /** Undefined for what is not a whole record, null for no file at all. */
  async #read(file: string): Promise<UserRecord | undefined | null> {
    try {
      return parseUserRecord(await readFile(join(this.#path, file), "utf8"), file);
    } catch (error) {
      // Never there, or revoked since the directory was read.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }
}

export function usersPath(dataDir: string): string {
  return join(dataDir, "users");
}

export function userFile(usersDirectory: string, name: string): string {
  return join(usersDirectory, `${name}.json`);
}

export class UserExists extends Error {
  override readonly name = "UserExists";
  constructor(user: string) {
    super(`user ${JSON.stringify(user)} exists`);
  }
}

export class UserLimitReached extends Error {
  override readonly name = "UserLimitReached";
  constructor() {
    super(`there are ${userLimit} users, which is as many as a data directory holds`);
  }
}
