import { readFileSync, type Stats, statSync } from "node:fs";
import { basename } from "node:path";
import type { Logger } from "../../machinery/logger.ts";
import type { UserInfo } from "./access.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { userFile, usersPath } from "./user-directory.ts";
import { problemOfName } from "./user-name.ts";
import { parseUserRecord, type UserRecord } from "./user-record.ts";
import { claimedUser, tokenMatches } from "./user-token.ts";

/** Users whose files are kept in memory. */
const rememberedUsers = 1_000;
/** Largest user file that is read, in bytes: some thousand groups. */
const fileLimit = 64 * 1024;

export interface RecognizedUser {
  readonly user: UserInfo;
  readonly record: UserRecord;
}

/**
 * Recognizes the tokens of static users. Looks at the user's file with each request, or with those of one turn of the event
 * loop at once, and reads it again when it changed, so a user that was added or revoked a moment ago is so here too.
 */
export class UserTokens {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #remembered = new BoundedCache<string, Remembered>(rememberedUsers);

  constructor(dataDir: string, logger: Logger) {
    this.#path = usersPath(dataDir);
    this.#logger = logger;
  }

  /** Without `system:authenticated`. Undefined for every other token. */
  authenticate(token: string): UserInfo | undefined {
    return this.recognize(token)?.user;
  }

  /** The same, to be asked of again by `isCurrent`. */
  recognize(token: string): RecognizedUser | undefined {
    const name = claimedUser(token);
    if (name === undefined || !isFileName(name)) return undefined;
    const record = this.#record(name);
    if (!record || !tokenMatches(token, record.tokenHash)) return undefined;
    return { user: { username: record.name, uid: record.uid, groups: record.groups }, record };
  }

  /** Whether the token that was recognized would be so now, which costs only the look at the file. */
  isCurrent({ record }: RecognizedUser): boolean {
    return this.#record(record.name) === record;
  }

  #record(name: string): UserRecord | undefined {
    const known = this.#remembered.get(name);
    if (known?.isFresh) return known.record;
    const file = known?.file ?? userFile(this.#path, name);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats) {
      this.#remembered.delete(name);
      return undefined;
    }
    const remembered =
      known && isSame(known.stats, stats) ? known : { file, stats, record: this.#read(file, stats), isFresh: true };
    if (remembered !== known) this.#remembered.set(name, remembered);
    remembered.isFresh = true;
    setImmediate(() => {
      remembered.isFresh = false;
    });
    return remembered.record;
  }

  #read(file: string, stats: Stats): UserRecord | undefined {
    const problem = problemOfFile(stats);
    const record = problem === undefined ? readRecord(file) : undefined;
    if (!record) this.#logger.warn("user file ignored", { file, problem: problem ?? "not a whole user record" });
    return record;
  }
}

interface Remembered {
  readonly file: string;
  /** Those of the file when it was read. */
  readonly stats: Stats;
  readonly record: UserRecord | undefined;
  /** Until the turn of the event loop in which the file was looked at is over: what arrived together is judged together. */
  isFresh: boolean;
}

function isSame(a: Stats, b: Stats): boolean {
  return (
    a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.mode === b.mode
  );
}

/** The server's own users may begin with `system:`; nothing may lead out of the directory. */
function isFileName(name: string): boolean {
  return problemOfName(name.replace(/^system:/, "")) === undefined;
}

function readRecord(file: string): UserRecord | undefined {
  try {
    return parseUserRecord(readFileSync(file, "utf8"), basename(file));
  } catch (error) {
    // Revoked since the look at it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function problemOfFile({ size, mode }: Stats): string | undefined {
  if (size > fileLimit) return `has ${size} bytes, more than ${fileLimit}`;
  if ((mode & 0o022) !== 0) return "can be written by others than its owner; remove it and add the user again";
  return undefined;
}
