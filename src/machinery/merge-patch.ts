import { isJsonObject, jsonEqual, member } from "./json-equal.ts";

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`: only what differs, null for what goes. Undefined when
 * nothing differs. Lists are replaced whole. A null in `after` means absent, which is all that the format can say.
 */
export function mergePatch(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, unknown> | undefined {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changes = [...keys].flatMap((key): [string, unknown][] => {
    const [was, becomes] = [member(before, key) ?? undefined, member(after, key) ?? undefined];
    if (jsonEqual(was, becomes)) return [];
    return [[key, isJsonObject(was) && isJsonObject(becomes) ? mergePatch(was, becomes) : (becomes ?? null)]];
  });
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}
