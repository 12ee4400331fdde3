import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { GuardrailProfile } from "../api/v1alpha1/index.ts";

/** What a manifest says: the object without what a server fills in. */
export interface BuiltInProfile {
  readonly apiVersion: GuardrailProfile["apiVersion"];
  readonly kind: GuardrailProfile["kind"];
  readonly metadata: { readonly name: BuiltInName };
  readonly spec: GuardrailProfile["spec"];
}

/** From the widest to the narrowest network. */
export const BUILT_IN_NAMES = ["unrestricted", "standard", "restricted", "airgapped"] as const;
export type BuiltInName = (typeof BUILT_IN_NAMES)[number];

/** The profile of a deployment that names none. */
export const DEFAULT_PROFILE: BuiltInName = "standard";

/** The folder of the manifests, in a checkout and in the built package alike. */
const folder = new URL("../../manifests/guardrails/", import.meta.url);

/**
 * The profiles that every installation has, from the files that a cluster is given too: read once, when this module is
 * first imported. Every field that has a default stands in them, so that a stored one equals what was shipped.
 */
export const BUILT_IN_PROFILES: readonly BuiltInProfile[] = BUILT_IN_NAMES.map(
  (name) => parse(readFileSync(new URL(`${name}.yaml`, folder), "utf8")) as BuiltInProfile,
);

/** The built-in profile of that name; undefined where it is none. */
export function builtInProfile(name: BuiltInName): BuiltInProfile;
export function builtInProfile(name: string): BuiltInProfile | undefined;
export function builtInProfile(name: string): BuiltInProfile | undefined {
  return BUILT_IN_PROFILES.find(({ metadata }) => metadata.name === name);
}
