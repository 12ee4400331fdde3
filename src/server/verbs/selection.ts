import { badRequest } from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { checkSelectableFields, type FieldSelector, parseFieldSelector } from "../selectors/field-selector.ts";
import { parseLabelSelector } from "../selectors/label-selector.ts";
import type { StoredObject } from "../storage/store.ts";

/** Which objects a list, watch or deletecollection is about. */
export interface Selection {
  /** Undefined at cluster level. */
  readonly namespace: string | undefined;
  /** True where a selector narrows: the size of the whole says nothing then. */
  readonly isNarrowed: boolean;
  matches(stored: StoredObject): boolean;
}

/** @throws {StatusError} 400 when a selector does not parse or names a field that cannot be selected by. */
export function selectionOf(
  resource: ServedResource,
  namespace: string,
  query: URLSearchParams,
  onlyName = "",
): Selection {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
  checkFields(resource, fields);
  const byLabels = query.get("labelSelector") ? labels : undefined;
  const byFields = fields.requirements.length > 0 ? fields : undefined;
  const narrows = byLabels !== undefined || byFields !== undefined || onlyName !== "";
  const isNameOnly = byFields?.requirements.length === 1 && byFields.name !== undefined;
  return {
    namespace: namespace === "" ? undefined : namespace,
    isNarrowed: narrows,
    matches(stored) {
      if (!narrows) return true;
      if (onlyName !== "" && nameOf(stored) !== onlyName) return false;
      if (byFields?.name !== undefined && nameOf(stored) !== byFields.name) return false;
      if (!byLabels && (!byFields || isNameOnly)) return true;
      const object = resource.parse(stored);
      return (byLabels?.(object.metadata.labels) ?? true) && (byFields?.matches(object) ?? true);
    },
  };
}

/** Kinds that add no fields of their own say so in other words. */
function checkFields({ isCustom, definition }: ServedResource, fields: FieldSelector): void {
  if (isCustom || definition.selectableFields.length > 0) {
    checkSelectableFields(fields, definition.selectableFields);
    return;
  }
  const unknown = fields.requirements.find(({ path }) => path !== "metadata.name" && path !== "metadata.namespace");
  if (!unknown) return;
  throw badRequest(
    `${JSON.stringify(unknown.path)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

function nameOf({ key }: StoredObject): string {
  return key.slice(key.indexOf("/") + 1);
}
