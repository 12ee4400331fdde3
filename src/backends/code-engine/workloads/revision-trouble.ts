import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Trouble } from "../../backend.ts";
import type { Revision, RevisionReason } from "../client/resources/apps.ts";

const LOGS = "see: slipway logs";

const TROUBLES: Readonly<Partial<Record<RevisionReason, Trouble>>> = {
  initial_scale_never_achieved: {
    reason: Reason.StartFailed,
    message: `no instance became ready in time: the server does not listen on its port, or does not start; check spec.transport.port, and ${LOGS}`,
  },
  fetch_image_failed_unknown_manifest: {
    reason: Reason.ImageNotFound,
    message: "the registry has the repository and not this tag or digest; correct spec.source.image.reference",
  },
  fetch_image_failed_unknown_repository: {
    reason: Reason.ImageNotFound,
    message:
      "the registry does not have this repository, or hides it; correct spec.source.image.reference, or name a pullSecretRef",
  },
  fetch_image_failed_registry_not_found: {
    reason: Reason.ImageNotFound,
    message: "there is no registry of that name; correct spec.source.image.reference",
  },
  fetch_image_failed_missing_pull_secret: {
    reason: Reason.ImagePullUnauthorized,
    message: "the registry secret is gone from the project; it is made again with the next attempt",
  },
  fetch_image_failed_wrong_pull_credentials: {
    reason: Reason.ImagePullUnauthorized,
    message:
      "the registry refuses the credentials; correct the Secret of spec.source.image.pullSecretRef, or the RuntimeBackend's registrySecretRef",
  },
  fetch_image_failed_missing_pull_credentials: {
    reason: Reason.ImagePullUnauthorized,
    message:
      "the registry wants credentials; name a Secret in spec.source.image.pullSecretRef, or in the RuntimeBackend's registrySecretRef",
  },
  image_pull_back_off: {
    reason: Reason.ImagePullFailed,
    message:
      "Code Engine cannot pull the image and waits before it tries again; check that its registry can be reached from there",
  },
  invalid_tar_header_image_pull_err: {
    reason: Reason.ImagePullFailed,
    message: "a layer of the image is broken; build and push it again, for linux/amd64",
  },
};

/** What Code Engine says of a revision that does not come up, for people. */
export function revisionTrouble(revision: Pick<Revision, "name" | "status_details">): Trouble {
  const reason = revision.status_details?.reason;
  const known = TROUBLES[reason as RevisionReason];
  if (known) return { ...known, message: `revision ${revision.name}: ${known.message}` };
  const exit = /^container_failed_exit_code_(\d+)$/.exec(reason ?? "")?.[1];
  if (exit !== undefined) {
    const how = exit === "139" ? "139: it accessed memory that it must not" : exit;
    return {
      reason: Reason.CrashLoopBackOff,
      message: `revision ${revision.name}: the process ended with exit code ${how}; ${LOGS}`,
    };
  }
  return {
    reason: Reason.StartFailed,
    message: `revision ${revision.name} did not come up: ${reason?.replaceAll("_", " ") ?? "Code Engine gives no reason"}; ${LOGS}`,
  };
}
