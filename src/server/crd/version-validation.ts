import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../api/custom-resource-definition.ts";
import type { FieldError } from "../resource.ts";
import { invalid, required } from "../schema/field-errors.ts";
import { GoStruct } from "../schema/go-format.ts";
import { labelError } from "./name-validation.ts";

/** Rules for the list of versions as a whole, and for what storage remembers of them. */
export function versionListErrors({ spec, status }: CustomResourceDefinition): FieldError[] {
  const { versions = [] } = spec;
  const errors: FieldError[] = [];
  const names = versions.map(({ name }) => name);
  const stored = versions.filter(({ storage }) => storage).map(({ name }) => name);
  const refuse = (because: string) => errors.push(invalid("spec.versions", versions.map(printed), because));
  if (new Set(names).size !== names.length) refuse("must contain unique version names");
  if (stored.length !== 1) refuse("must have exactly one version marked as storage version");
  const [first] = names;
  const firstError = first === undefined ? undefined : labelError(first);
  if (firstError !== undefined) errors.push(invalid("spec.version", first, firstError));
  const remembered = status?.storedVersions ?? stored;
  if (remembered.length === 0) {
    errors.push(invalid("status.storedVersions", null, "must have at least one stored version"));
  }
  const last = stored.at(-1);
  if (last !== undefined && remembered.length > 0 && !rememberedBy(status, stored).includes(last)) {
    errors.push(
      invalid("status.storedVersions", rememberedBy(status, stored), `must have the storage version ${last}`),
    );
  }
  for (const [index, name] of remembered.entries()) {
    if (names.includes(name)) continue;
    const because = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(invalid(`status.storedVersions[${index}]`, name, because));
  }
  return errors;
}

/** A new definition remembers only the first of several storage versions. */
function rememberedBy(status: CustomResourceDefinition["status"], stored: readonly string[]): readonly string[] {
  const remembered = status?.storedVersions ?? stored;
  return stored.length > 1 ? remembered.slice(0, 1) : remembered;
}

/** The part of a version that Kubernetes prints in errors: what all versions share stands elsewhere. */
function printed({ name, served, storage, deprecated, deprecationWarning }: CustomResourceDefinitionVersion): object {
  return new GoStruct({
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated ?? false,
    DeprecationWarning: deprecationWarning ?? null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  });
}

/** Rules for one version that need no schema. */
export function versionErrors(version: CustomResourceDefinitionVersion, path: string): FieldError[] {
  const { name, deprecated, deprecationWarning } = version;
  const errors: FieldError[] = [];
  const nameError = labelError(name ?? "");
  if (nameError !== undefined) errors.push(invalid(`${path}.name`, name ?? "", nameError));
  if (deprecationWarning !== undefined) errors.push(...warningErrors(deprecationWarning, deprecated === true, path));
  if (version.schema?.openAPIV3Schema === undefined) errors.push(required(`${path}.schema.openAPIV3Schema`));
  return errors;
}

function warningErrors(warning: string, deprecated: boolean, version: string): FieldError[] {
  const path = `${version}.deprecationWarning`;
  if (!deprecated) return [invalid(path, warning, "can only be set for deprecated versions")];
  if (Buffer.byteLength(warning) > 256) return [invalid(path, warning, "must be <= 256 bytes of UTF-8")];
  if (warning === "") return [invalid(path, warning, "must not be an empty string")];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\u0000-\u001f\u007f]/.test(warning)
    ? [invalid(path, warning, "must only contain printable UTF-8 characters; non-printable character found")]
    : [];
}
