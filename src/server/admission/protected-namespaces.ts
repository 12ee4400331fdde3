import { PROTECTED_NAMESPACES } from "../builtin/namespace.ts";
import { forbiddenBecause } from "../http/status-error.ts";
import type { AdmissionPlugin } from "./admission.ts";

/** The other half of NamespaceLifecycle: namespaces that everything relies on cannot be deleted. */
export const protectedNamespaces: AdmissionPlugin = {
  name: "NamespaceLifecycle",
  handles: ({ operation, definition, name }) =>
    operation === "DELETE" &&
    definition.kind === "Namespace" &&
    definition.group === "" &&
    PROTECTED_NAMESPACES.has(name),
  validate({ name }) {
    throw forbiddenBecause({ group: "", kind: "namespaces", name }, "this namespace may not be deleted");
  },
};
