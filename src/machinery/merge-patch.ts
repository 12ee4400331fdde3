import { isJsonObject, jsonEqual } from "./json-equal.ts";

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`: only what differs, null for what goes. Undefined when
 * nothing differs. Lists are replaced whole. A null in `after` means absent, which is all that the format can say.
 */
export function mergePatch(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, becomes] = [before[key], after[key]];
    if (jsonEqual(was ?? undefined, becomes ?? undefined)) continue;
    patch[key] = isJsonObject(was) && isJsonObject(becomes) ? mergePatch(was, becomes) : (becomes ?? null);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
