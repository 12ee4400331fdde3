import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../machinery/errors.ts";

/** Who a container's process is, by the image's USER. */
export type ImageUser =
  | { readonly kind: "id"; readonly uid: number }
  /** One whose number stands in the image's /etc/passwd. */
  | { readonly kind: "name"; readonly name: string };

/** The largest user ID that the Engine takes. */
const MAX_UID = 2 ** 31 - 1;

/** Pure. Reads USER: a name or a number, and after a colon a group. What is not said is root. */
export function parseUser(user: string): ImageUser {
  const [name = ""] = user.trim().split(":");
  if (name === "") return { kind: "id", uid: 0 };
  // The Engine takes whatever is a number for a user ID, also where a user is called so.
  return /^[+-]?\d+$/.test(name) ? { kind: "id", uid: Number(name) } : { kind: "name", name };
}

/** Pure. The user ID of a name, as the Engine finds it: by the first line that has the name. */
export function findUid(passwd: string, name: string): number | undefined {
  for (const line of passwd.split("\n")) {
    const [login, , uid = ""] = line.trim().split(":");
    if (login === name) return /^\d+$/.test(uid) && Number(uid) <= MAX_UID ? Number(uid) : undefined;
  }
  return undefined;
}

/**
 * Refuses an image that would run as root. It heals by another image or spec only.
 * @param uid undefined: the user is a name that the image's /etc/passwd does not have.
 * @throws {TerminalError} `RunsAsRoot`
 */
export function refuseRoot(image: string, user: string, uid: number | undefined): void {
  if (uid !== undefined && uid > 0) return;
  const name = user === "" ? "root, since it names no user" : JSON.stringify(user);
  const found = uid === undefined ? ", whom its /etc/passwd does not have" : "";
  const remedy = "build it with a user other than 0, for example USER 65532, or use a profile without runAsNonRoot";
  throw new TerminalError(
    Reason.RunsAsRoot,
    `image ${image} runs as ${name}${found}, and its guardrails want runAsNonRoot; ${remedy}`,
  );
}
