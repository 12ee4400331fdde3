import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../api/custom-resource-definition.ts";
import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { forbidden, invalid, notSupported, required } from "../schema/field-errors.ts";
import { nameErrors } from "./name-validation.ts";
import { ruleErrors } from "./rule-validation.ts";
import { schemaErrors } from "./schema-validation.ts";
import { columnErrors, scaleErrors, selectableFieldErrors } from "./subresource-validation.ts";
import { versionErrors, versionListErrors } from "./version-validation.ts";

/**
 * Everything that is wrong with a definition, in the words of apiextensions-apiserver. Expects its names to be completed
 * (singular, listKind). What all versions have in common is reported where Kubernetes keeps it: `spec.validation` and
 * the like, instead of `spec.versions[0].schema`.
 */
export function validateDefinition(crd: CustomResourceDefinition): FieldError[] {
  const { versions = [], preserveUnknownFields } = crd.spec;
  const errors = [...nameErrors(crd), ...versionListErrors(crd)];
  if (preserveUnknownFields === true) {
    const because =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    errors.push(invalid("spec.preserveUnknownFields", true, because));
  }
  for (const [index, version] of versions.entries()) errors.push(...versionErrors(version, `spec.versions[${index}]`));
  return [...errors, ...contentErrors(versions), ...conversionErrors(crd.spec.conversion)];
}

/** Which parts are the same in all versions. */
interface Shared {
  readonly schema: boolean;
  readonly subresources: boolean;
  readonly columns: boolean;
  readonly fields: boolean;
}

/** Rules for the schema and what belongs to it, once for what is the same in all versions. */
function contentErrors(versions: readonly CustomResourceDefinitionVersion[]): FieldError[] {
  const shared: Shared = {
    schema: areEqual(versions, ({ schema }) => schema),
    subresources: areEqual(versions, ({ subresources }) => subresources),
    columns: areEqual(versions, ({ additionalPrinterColumns }) => additionalPrinterColumns),
    fields: areEqual(versions, ({ selectableFields }) => selectableFields),
  };
  return versions.flatMap((version, index) => {
    const own = `spec.versions[${index}]`;
    return index === 0 ? partErrors(version, own, shared) : partErrors(without(version, shared), own, shared);
  });
}

/** A version without what the first one was checked for already. Selectable fields depend on the schema. */
function without(version: CustomResourceDefinitionVersion, shared: Shared): CustomResourceDefinitionVersion {
  const { name, served, storage, schema, subresources, additionalPrinterColumns, selectableFields } = version;
  return {
    name,
    served,
    storage,
    ...(shared.schema || schema === undefined ? {} : { schema }),
    ...(shared.subresources || subresources === undefined ? {} : { subresources }),
    ...(shared.columns || additionalPrinterColumns === undefined ? {} : { additionalPrinterColumns }),
    ...((shared.fields && shared.schema) || selectableFields === undefined ? {} : { selectableFields }),
  };
}

function partErrors(version: CustomResourceDefinitionVersion, own: string, shared: Shared): FieldError[] {
  const schema = version.schema?.openAPIV3Schema;
  const schemaPath = `${shared.schema ? "spec.validation" : `${own}.schema`}.openAPIV3Schema`;
  const place = (isShared: boolean) => (isShared ? "spec" : own);
  return [
    ...(schema === undefined ? [] : schemaAndRuleErrors(schema, schemaPath)),
    ...scaleErrors(version.subresources?.scale, `${place(shared.subresources)}.subresources.scale`),
    ...columnErrors(version.additionalPrinterColumns ?? [], `${place(shared.columns)}.additionalPrinterColumns`),
    ...selectableFieldErrors(version.selectableFields ?? [], schema, `${place(shared.fields)}.selectableFields`),
  ];
}

/** Rules are compiled against types, which only a sound schema has. */
function schemaAndRuleErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors = schemaErrors(schema, path);
  return errors.length > 0 ? errors : ruleErrors(schema, path);
}

function areEqual(
  versions: readonly CustomResourceDefinitionVersion[],
  part: (version: CustomResourceDefinitionVersion) => unknown,
): boolean {
  const [first, ...others] = versions;
  return first === undefined || others.every((version) => deepEqual(part(version), part(first)));
}

function conversionErrors(conversion: CustomResourceDefinition["spec"]["conversion"]): FieldError[] {
  if (conversion === undefined || conversion.strategy === "None") return [];
  const at = "spec.conversion";
  if (conversion.strategy === undefined) return [required(`${at}.strategy`)];
  if (conversion.strategy !== "Webhook") {
    return [notSupported(`${at}.strategy`, conversion.strategy, ["None", "Webhook"])];
  }
  const { clientConfig, conversionReviewVersions } = (conversion.webhook ?? {}) as Record<string, unknown>;
  const errors: FieldError[] = [];
  if (clientConfig === undefined) {
    errors.push(required(`${at}.webhookClientConfig`, "required when strategy is set to Webhook"));
  }
  if (conversionReviewVersions === undefined) errors.push(required(`${at}.conversionReviewVersions`));
  if (errors.length > 0) return errors;
  const because = "conversion webhooks are not called by this server; serve one version, or use None";
  return [forbidden(`${at}.strategy`, because)];
}
