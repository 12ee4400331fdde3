import type { KubeObject } from "../../../api/meta.ts";

export const services = { group: "", plural: "services" } as const;

/** Of a Service what says where it can be reached from outside a cluster. */
export interface Service extends KubeObject {
  spec?: { type?: string; externalName?: string; externalIPs?: readonly string[] };
  status?: { loadBalancer?: { ingress?: readonly { ip?: string; hostname?: string }[] } };
}
