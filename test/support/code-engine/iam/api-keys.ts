import { randomBytes } from "node:crypto";
import { secretWatch } from "../../secrets/secret-watch.ts";

/** Platform roles rule projects; service roles rule what is inside. */
export type Role = "Administrator" | "Editor" | "Operator" | "Viewer" | "Manager" | "Writer" | "Reader";

/** What a call needs. */
export type Right = "read" | "write" | "administer";

const GRANTING: Readonly<Record<Right, ReadonlySet<Role>>> = {
  read: new Set(["Manager", "Writer", "Reader", "Administrator", "Editor", "Operator", "Viewer"]),
  write: new Set(["Manager", "Writer"]),
  administer: new Set(["Administrator", "Editor"]),
};

export interface ApiKeyOptions {
  /** All that there are to give, unless told otherwise. */
  readonly roles?: readonly Role[];
  /** IDs of the only projects that the key's owner sees; all of them unless told otherwise. */
  readonly projects?: readonly string[];
}

/** Who holds a key. */
export class Identity {
  readonly id = `IBMid-${randomBytes(5).toString("hex").toUpperCase()}`;
  readonly #roles: readonly Role[];
  readonly #projects: readonly string[] | undefined;

  constructor({ roles = ["Administrator", "Manager"], projects }: ApiKeyOptions) {
    this.#roles = roles;
    this.#projects = projects;
  }

  may(right: Right): boolean {
    return this.#roles.some((role) => GRANTING[right].has(role));
  }

  /** A project that policy hides looks as if it were not there. */
  sees(projectId: string): boolean {
    return this.#projects?.includes(projectId) ?? true;
  }
}

export class ApiKeys {
  readonly #holders = new Map<string, Identity>();

  create(options: ApiKeyOptions): string {
    const key = randomBytes(33).toString("base64url");
    secretWatch.learn("an API key", key);
    this.#holders.set(key, new Identity(options));
    return key;
  }

  /** Tokens that were given for it live on until they expire, as IAM's do. */
  revoke(key: string): void {
    this.#holders.delete(key);
  }

  holder(key: string): Identity | undefined {
    return this.#holders.get(key);
  }
}
