import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import type { FieldError } from "../resource.ts";
import { invalid, notSupported, required } from "../schema/field-errors.ts";

const LABEL = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_RULE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const APPROVAL = "api-approved.kubernetes.io";

/** Rules for the group, the names and the scope of a definition. */
export function nameErrors({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const { group = "", names, scope } = spec;
  const errors: FieldError[] = [];
  if (metadata.name !== `${names?.plural}.${group}`) {
    errors.push(invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  errors.push(...groupErrors(group), ...approvalErrors(group, metadata.annotations));
  if (scope !== "Cluster" && scope !== "Namespaced") {
    errors.push(
      scope === undefined || scope === ""
        ? required("spec.scope")
        : notSupported("spec.scope", scope, ["Cluster", "Namespaced"]),
    );
  }
  return [...errors, ...ownNameErrors(names ?? {})];
}

function groupErrors(group: string): FieldError[] {
  if (group === "") return [required("spec.group")];
  if (!SUBDOMAIN.test(group) || group.length > 253) return [invalid("spec.group", group, SUBDOMAIN_RULE)];
  return group.includes(".") ? [] : [invalid("spec.group", group, "should be a domain with at least one dot")];
}

/** The community's own groups need the community's consent, as an annotation states it. */
function approvalErrors(group: string, annotations: Readonly<Record<string, string>> | undefined): FieldError[] {
  const isProtected = /(?:^|\.)(?:k8s\.io|kubernetes\.io)$/.test(group);
  if (!isProtected) return [];
  const path = `metadata.annotations[${APPROVAL}]`;
  const because = `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`;
  const value = annotations?.[APPROVAL];
  if (value === undefined || value === "") return [required(path, because)];
  if (value.startsWith("unapproved") || URL.canParse(value)) return [];
  return [invalid(path, value, because)];
}

function ownNameErrors(names: Partial<CustomResourceDefinition["spec"]["names"]>): FieldError[] {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names;
  const errors: FieldError[] = [];
  const check = (path: string, value: string, ruleOf = labelError) => {
    const rule = ruleOf(value);
    if (rule !== undefined) errors.push(invalid(path, value, rule));
  };
  if (plural === "") errors.push(required("spec.names.plural"));
  else check("spec.names.plural", plural);
  if (singular !== "") check("spec.names.singular", singular);
  if (kind === "") errors.push(required("spec.names.kind"));
  else check("spec.names.kind", kind, kindError);
  if (listKind !== "") check("spec.names.listKind", listKind, kindError);
  for (const [index, name] of shortNames.entries()) check(`spec.names.shortNames[${index}]`, name);
  if (kind !== "" && kind === listKind) {
    errors.push(invalid("spec.names.listKind", listKind, "kind and listKind may not be the same"));
  }
  for (const [index, name] of categories.entries()) check(`spec.names.categories[${index}]`, name);
  return errors;
}

function kindError(kind: string): string | undefined {
  const error = labelError(kind.toLowerCase());
  return error === undefined ? undefined : `may have mixed case, but should otherwise match: ${error}`;
}

/** Undefined when the text is a DNS-1035 label. */
export function labelError(text: string): string | undefined {
  if (text.length > 63) return "must be no more than 63 bytes";
  return LABEL.test(text) ? undefined : LABEL_RULE;
}
