import { optional, string } from "../shape.ts";

/** What every resource of a project says of itself. There are no labels, annotations or descriptions. */
export const identityFields = {
  name: string,
  id: optional(string),
  href: optional(string),
  project_id: optional(string),
  region: optional(string),
  resource_type: optional(string),
  /** RFC 3339. */
  created_at: optional(string),
} as const;

/** A request to change: what is missing stays, `null` resets to the default, an array replaces the whole array. */
export type MergePatch<T> = { readonly [K in keyof T]?: T[K] | null };
