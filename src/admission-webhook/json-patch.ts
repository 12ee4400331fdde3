import { isJsonObject, jsonEqual, member } from "../machinery/json-equal.ts";

/** Of RFC 6902 what it takes to make one object of another. */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** Pure. What makes `after` of `before`, member by member; a list is replaced as a whole. */
export function patchBetween(before: unknown, after: unknown, path = ""): PatchOperation[] {
  if (jsonEqual(before, after)) return [];
  if (!isJsonObject(before) || !isJsonObject(after)) return [{ op: "replace", path, value: after }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): PatchOperation[] => {
    const at = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const [old, given] = [member(before, name), member(after, name)];
    if (old === undefined && given === undefined) return [];
    if (given === undefined) return [{ op: "remove", path: at }];
    if (old === undefined) return [{ op: "add", path: at, value: given }];
    return patchBetween(old, given, at);
  });
}
