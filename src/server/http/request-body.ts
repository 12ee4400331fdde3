import { type HttpRequest, header } from "./answer.ts";
import { requestEntityTooLarge, StatusError } from "./status-error.ts";

/** kube-apiserver's limit for any body (and etcd's for a request, doubled). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Reads the whole body. @throws {StatusError} 413 beyond the limit, 400 when the client breaks off. */
export async function readBody(request: HttpRequest): Promise<string> {
  return (await readBytes(request)).toString("utf8");
}

/** The same as bytes. */
export function readBytes({ body, headers }: HttpRequest): Promise<Buffer> {
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > MAX_BODY_BYTES) return Promise.reject(requestEntityTooLarge(MAX_BODY_BYTES));
  return new Promise((resolve, reject) => {
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
  });
}

/** The media type of the body without parameters; empty when none was sent. */
export function mediaTypeOf(request: HttpRequest): string {
  return (header(request, "content-type").split(";", 1)[0] as string).trim().toLowerCase();
}
