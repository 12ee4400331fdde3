import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { UserInfo } from "../access/access.ts";
import { superuserGroup } from "../access/rbac-authorizer.ts";
import { type OnlineRestore, RestoreUnderWay } from "../restore/online-restore.ts";
import { StoreRefused } from "../storage/store.ts";
import { type Answer, type HttpRequest, json } from "./answer.ts";
import { mediaTypeOf } from "./request-body.ts";
import { badRequest, methodNotSupported, StatusError } from "./status-error.ts";

/** Where `slipway restore` sends a backup to while the server runs: a POST, as `application/octet-stream`. */
export const RESTORE_PATH = "/-/restore";
const MEDIA_TYPE = "application/octet-stream";

/** Restores the body. The caller has checked the right to `post` to the path, which is not enough. @throws {StatusError} */
export async function answerRestore(
  http: HttpRequest,
  user: UserInfo,
  restore: Pick<OnlineRestore, "restore">,
): Promise<Answer> {
  if (http.method !== "POST") throw methodNotSupported();
  // It writes whatever RBAC would refuse, roles among it: so no right that a role gives may lead here.
  if (!user.groups.includes(superuserGroup)) {
    throw new StatusError(403, "Forbidden", `only members of the group ${superuserGroup} can restore a backup`);
  }
  if (mediaTypeOf(http) !== MEDIA_TYPE) {
    throw new StatusError(415, "UnsupportedMediaType", `the body must be a backup, sent as ${MEDIA_TYPE}`);
  }
  try {
    return json(200, await restore.restore(http.body, Number(http.headers["content-length"])));
  } catch (error) {
    await drain(http.body);
    if (error instanceof RestoreUnderWay) throw new StatusError(409, "Conflict", error.message);
    if (error instanceof StoreRefused) throw badRequest(error.message);
    throw error;
  }
}

/** Who is still sending would hear of a broken connection instead of the answer. */
async function drain(body: Readable): Promise<void> {
  body.resume();
  // A client that has left hears nothing anyway.
  await finished(body, { writable: false }).catch(() => undefined);
}
