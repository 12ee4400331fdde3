import { type HttpRequest, header, type Patience } from "./answer.ts";
import { requestEntityTooLarge, StatusError, tooManyRequests } from "./status-error.ts";

/** kube-apiserver's limit for any body (and etcd's for a request, doubled). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** A body that takes longer than this is given up where others wait; else it has the listener's time. */
const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;

/** Reads the whole body. @throws {StatusError} 413 beyond the limit, 400 when the client breaks off, 429 when others wait for too long. */
export async function readBody(request: HttpRequest): Promise<string> {
  return (await readBytes(request)).toString("utf8");
}

/** The same as bytes. */
export function readBytes({ body, headers, patience }: HttpRequest): Promise<Buffer> {
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > MAX_BODY_BYTES) return Promise.reject(requestEntityTooLarge(MAX_BODY_BYTES));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const stopWatching =
    patience &&
    whenCrowded(patience, () =>
      reject(tooManyRequests("the body did not come in time, and others wait; please try again later", 1)),
    );
  const chunks: Buffer[] = [];
  let size = 0;
  body.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      body.pause();
      reject(requestEntityTooLarge(MAX_BODY_BYTES));
    } else chunks.push(chunk);
  });
  body.on("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
  body.on("error", () => reject(new StatusError(400, "BadRequest", "unexpected EOF")));
  body.on("aborted", () => reject(new StatusError(400, "BadRequest", "unexpected EOF")));
  return stopWatching ? promise.finally(stopWatching) : promise;
}

/** Calls `giveUp` once somebody waits, not before a body has had its time. The returned function stops that. */
function whenCrowded({ clock, isCrowded }: Patience, giveUp: () => void): () => void {
  const look = () => {
    if (isCrowded()) giveUp();
    else cancel = clock.schedule(LOOK_AGAIN_MS, look);
  };
  let cancel = clock.schedule(PATIENCE_MS, look);
  return () => cancel();
}

/** The media type of the body without parameters; empty when none was sent. */
export function mediaTypeOf(request: HttpRequest): string {
  return (header(request, "content-type").split(";", 1)[0] as string).trim().toLowerCase();
}
