import { typeOwner } from "../builtin/schemas/type-owner.ts";
import type { ResourceDefinition } from "../resource.ts";

/** Where types of `k8s.io/apimachinery` live. */
export const META_PACKAGE = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Packages of built-in groups whose names do not follow from the group. */
const PACKAGES: Readonly<Record<string, string>> = {
  "": "io.k8s.api.core",
  "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
};

/** The name of a kind's schema: `com.example.v1.Widget`, `io.k8s.api.core.v1.ConfigMap`. */
export function modelName({ group, version, kind, definition }: ResourceDefinition): string {
  if (definition === undefined) return `${builtInPackage(group)}.${version}.${kind}`;
  return `${group.split(".").reverse().join(".")}.${version}.${kind}`;
}

/** The name of a type that built-in kinds embed: `io.k8s.api.core.v1.PodSpec`. */
export function typeModelName(type: string): string {
  const owner = typeOwner(type);
  if (owner === undefined) return `${META_PACKAGE}.${type}`;
  return `${builtInPackage(owner.group)}.${owner.version}.${type}`;
}

function builtInPackage(group: string): string {
  return PACKAGES[group] ?? `io.k8s.api.${group.split(".", 1)[0]}`;
}
