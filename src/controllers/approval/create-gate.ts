import type { Secret } from "../../api/core.ts";
import { keyOf, type ObjectKey } from "../../api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  approvals as approvalType,
  type RuntimeDeployment,
} from "../../api/v1alpha1/index.ts";
import { isSealed } from "../../approvals/seal.ts";
import { STAMP_KEY_SECRET, type StampKeys, stampKeysIn } from "../../approvals/stamp-keys.ts";
import type { ImageResolver } from "../../backends/image-resolver.ts";
import { isReason, type KubeClient } from "../../machinery/client.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { AdmissionState, ApprovalGate } from "../runtime-deployment/gate/ports.ts";
import type { WantedDigests } from "./wanted-digests.ts";

export interface GateOptions {
  readonly client: KubeClient;
  readonly fieldManager: string;
  readonly policies: Lister<ApprovalPolicy>;
  readonly approvals: Lister<Approval>;
  readonly stampKeys: () => StampKeys | undefined;
  readonly admission: (deployment: ObjectKey) => AdmissionState;
  readonly images: ImageResolver;
  readonly wanted: WantedDigests;
  readonly knowsPolicies: (deployment: RuntimeDeployment) => boolean;
}

/** What stands between deployments and their backends, by the API server. */
export function createGate(options: GateOptions): ApprovalGate {
  const { client, fieldManager, policies, approvals, stampKeys, admission, images, wanted, knowsPolicies } = options;
  return {
    ...{ policies, approvals, knowsPolicies, stampKeys, admission, images },
    wants: ({ metadata }, digest) => wanted.set(metadata.uid, digest),
    async request(approval, signal) {
      try {
        await client.create<Approval>(approvalType, approval, signal);
        return true;
      } catch (error) {
        if (!isReason(error, "AlreadyExists")) throw error;
      }
      const { name, namespace } = approval.metadata;
      const found = await client.get(approvalType, { namespace, name }, signal);
      const keys = stampKeys();
      return keys !== undefined && isSealed(found, keys);
    },
    async keepImage(approval, image, signal) {
      const { resourceVersion } = approval.metadata;
      const body = { metadata: { resourceVersion }, status: { image } };
      await client.patch(
        approvalType,
        keyOf(approval),
        { type: "merge", body },
        { subresource: "status", fieldManager, signal },
      );
    },
  };
}

/** Reads the keys of the stamps from the cache, and again when their Secret has changed. */
export function stampKeyReader(secrets: Pick<Lister<Secret>, "get">): () => StampKeys | undefined {
  let read: { readonly secret: Secret | undefined; readonly keys: StampKeys | undefined } | undefined;
  return () => {
    const secret = secrets.get(STAMP_KEY_SECRET);
    if (!read || read.secret !== secret) read = { secret, keys: stampKeysIn(secret) };
    return read.keys;
  };
}
