import { ApiError, apiError, invalidParameter } from "./api-error.ts";

/** The newest date that the SDK documents. */
export const NEWEST_VERSION = "2026-06-15";
const OLDEST_VERSION = "2021-03-31";

/** @throws {ApiError} 400 when the header is missing, 412 when it names another version */
export function checkIfMatch(headers: Headers, entityTag: string): void {
  const header = headers.get("if-match");
  const target = { type: "header", name: "If-Match" } as const;
  if (header === null) {
    throw new ApiError(400, [{ code: "missing_header", message: "The header If-Match is required.", target }]);
  }
  const wanted = header.replace(/^"(.*)"$/, "$1");
  if (wanted === "*" || wanted === entityTag) return;
  throw apiError(412, "The resource was changed since: If-Match does not name its entity_tag.", target);
}

/** @throws {ApiError} 400 unless `version` is a date between the service's first and its newest */
export function readVersion(url: URL, optional: boolean): string {
  const version = url.searchParams.get("version");
  if (version === null && optional) return NEWEST_VERSION;
  if (version === null) throw invalidParameter("version", "The query parameter version is required.");
  if (!/^\d{4}-\d{2}-\d{2}$/.test(version) || Number.isNaN(Date.parse(version))) {
    throw invalidParameter("version", "version must be a date, YYYY-MM-DD.");
  }
  if (version < OLDEST_VERSION || version > NEWEST_VERSION) {
    throw invalidParameter("version", `version must be a date from ${OLDEST_VERSION} to ${NEWEST_VERSION}.`);
  }
  return version;
}
