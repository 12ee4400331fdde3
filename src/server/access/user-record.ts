/** One static user, as its file holds it. */
export interface UserRecord {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  /** SHA-256 of the token, in hexadecimal. */
  readonly tokenHash: string;
  readonly createdAt: string;
}

/** Undefined for anything but a whole record that stands in the file of its own name. */
export function parseUserRecord(text: string, fileName: string): UserRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isUserRecord(value) && `${value.name}.json` === fileName ? value : undefined;
}

function isUserRecord(value: unknown): value is UserRecord {
  if (typeof value !== "object" || value === null) return false;
  const { name, uid, groups, tokenHash, createdAt } = value as Partial<Record<keyof UserRecord, unknown>>;
  return (
    [name, uid, createdAt].every((text) => typeof text === "string" && text !== "") &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === "string") &&
    typeof tokenHash === "string" &&
    /^[0-9a-f]{64}$/.test(tokenHash)
  );
}
