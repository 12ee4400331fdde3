import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../machinery/clock.ts";
import { badRequest, conflict, invalid, notFound } from "../http/status-error.ts";
import type { VirtualRequest, VirtualSubresource } from "../http/virtual-resource.ts";
import type { ObjectReader } from "../object-reader.ts";
import type { FieldError } from "../resource.ts";
import { object, reviewDefinition, text, texts } from "./review-definition.ts";
import { apiAudience, type ServiceAccountTokens } from "./service-account-tokens.ts";

const group = "authentication.k8s.io";
const kind = "TokenRequest";

const defaultSeconds = 3_600;
/** The limits of kube-apiserver. */
const shortestSeconds = 600;
const longestSeconds = 2 ** 32;

interface TokenRequestSpec {
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } | null;
}

export interface TokenRequestOptions {
  readonly tokens: ServiceAccountTokens;
  readonly reader: ObjectReader;
  readonly clock: Pick<Clock, "now">;
}

/** `serviceaccounts/token`, which `kubectl create token` asks for. */
export function tokenRequest({ tokens, reader, clock }: TokenRequestOptions): VirtualSubresource {
  return {
    parent: { group: "", version: "v1", plural: "serviceaccounts" },
    subresource: "token",
    definition: reviewDefinition({
      group,
      kind,
      namespaced: true,
      spec: object({
        audiences: texts,
        expirationSeconds: { type: "integer", format: "int64" },
        boundObjectRef: { ...object({ kind: text, apiVersion: text, name: text, uid: text }), nullable: true },
      }),
    }),
    async create(request) {
      const { name, namespace } = request;
      const { uid } = parentOf(request).metadata;
      refuseOtherName(request, uid);
      const { audiences, expirationSeconds = defaultSeconds, boundObjectRef } = specOf(request);
      refuseDuration(expirationSeconds);
      const secret = boundObjectRef ? boundSecret(reader, namespace, boundObjectRef) : undefined;
      const wanted = audiences?.length ? audiences : [apiAudience];
      const { token, expiresAt } = await tokens.issue({
        namespace,
        name,
        uid,
        audiences: wanted,
        expirationSeconds,
        ...(secret && { secret }),
      });
      return {
        kind,
        apiVersion: `${group}/v1`,
        metadata: { name, namespace, uid, creationTimestamp: toSeconds(clock.now()) },
        spec: { audiences: wanted, expirationSeconds, boundObjectRef: boundObjectRef ?? null },
        status: { token, expirationTimestamp: toSeconds(expiresAt) },
      };
    },
  };
}

function parentOf({ parent }: VirtualRequest): KubeObject {
  if (!parent) throw new Error("serviceaccounts/token: called without the ServiceAccount");
  return parent as unknown as KubeObject;
}

function specOf({ object }: VirtualRequest): TokenRequestSpec {
  return (object.spec ?? {}) as TokenRequestSpec;
}

/** The body may repeat what the path says, not contradict it. */
function refuseOtherName({ object, name, namespace }: VirtualRequest, uid: string): void {
  const metadata = (object.metadata ?? {}) as { name?: string; namespace?: string; uid?: string };
  const expected = { name, namespace };
  for (const field of ["name", "namespace"] as const) {
    const value = metadata[field];
    if (!value || value === expected[field]) continue;
    const message = `Invalid value: ${JSON.stringify(value)}: must match the service account ${field} if specified`;
    throw invalid({ group, kind, name }, [{ type: "FieldValueInvalid", path: `metadata.${field}`, message }]);
  }
  if (metadata.uid && metadata.uid !== uid) {
    const because = `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`;
    throw conflict({ group, kind, name }, because);
  }
}

function refuseDuration(seconds: number): void {
  const problem: FieldError | undefined =
    seconds < shortestSeconds
      ? durationError(seconds, "may not specify a duration less than 10 minutes")
      : seconds > longestSeconds
        ? durationError(seconds, "may not specify a duration larger than 2^32 seconds")
        : undefined;
  if (problem) throw invalid({ group, kind, name: "" }, [problem]);
}

function durationError(seconds: number, must: string): FieldError {
  return { type: "FieldValueInvalid", path: "spec.expirationSeconds", message: `Invalid value: ${seconds}: ${must}` };
}

/** Of the kinds that Kubernetes can bind a token to, this server has Secrets; nothing here runs Pods. */
function boundSecret(
  reader: ObjectReader,
  namespace: string,
  ref: NonNullable<TokenRequestSpec["boundObjectRef"]>,
): { name: string; uid: string } {
  const { kind: refKind = "", apiVersion = "", name = "" } = ref;
  if (refKind !== "Secret" || apiVersion !== "v1") {
    throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${refKind}`);
  }
  const secret = reader.get<KubeObject>({ group: "", plural: "secrets" }, { namespace, name });
  if (!secret) throw notFound({ group: "", kind: "secrets", name });
  const { uid } = secret.metadata;
  if (ref.uid && ref.uid !== uid) {
    const because =
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. ` +
      "The object might have been deleted and then recreated";
    throw conflict({ group: "", kind: "Secret", name }, because);
  }
  return { name, uid };
}

/** RFC 3339 without fractions, as Kubernetes writes times. */
function toSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
