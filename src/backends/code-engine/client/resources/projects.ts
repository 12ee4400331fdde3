import { object, optional, string, word } from "../shape.ts";

/** Only `active` ones can be used. */
export type ProjectStatus =
  | "active"
  | "inactive"
  | "pending_removal"
  | "hard_deleting"
  | "hard_deletion_failed"
  | "hard_deleted"
  | "deleting"
  | "deletion_failed"
  | "soft_deleted"
  | "preparing"
  | "creating"
  | "creation_failed";

export const project = object({
  id: string,
  name: string,
  status: word<ProjectStatus>(),
  region: optional(string),
  resource_group_id: optional(string),
  account_id: optional(string),
  crn: optional(string),
  href: optional(string),
  created_at: optional(string),
  resource_type: optional(string),
});
export type Project = ReturnType<typeof project>;

type Inbound = "allowed" | "blocked" | "partially_restricted" | "unknown";

export const projectStatusDetails = object({
  project: word<"enabled" | "disabled">(),
  domain: word<"ready" | "unknown">(),
  vpe: optional(word<"ready" | "unknown">()),
  vpe_not_enabled: optional(object({ code: optional(string), reason: optional(string) })),
  /** Context-based restrictions of the account, as far as they hold for this project. */
  cbr: optional(
    object({
      data_plane: optional(
        object({
          enforcement: optional(word<"applied" | "out_of_sync" | "none" | "unknown">()),
          inbound_public: optional(word<Inbound>()),
          inbound_private: optional(word<Inbound>()),
          last_synced_at: optional(string),
        }),
      ),
    }),
  ),
});
export type ProjectStatusDetails = ReturnType<typeof projectStatusDetails>;
