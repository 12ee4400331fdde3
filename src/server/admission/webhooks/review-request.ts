import { ImpersonatorExtra } from "../../../api/impersonator.ts";
import type { UserInfo } from "../../access/access.ts";
import type { ResourceDefinition } from "../../resource.ts";
import type { AdmissionRequest } from "../admission.ts";
import type { Invocation } from "./invocation.ts";

/**
 * The part of an AdmissionReview's request that does not depend on the object: what match conditions know as `request`.
 * A mutating webhook may change the object for those after it, but nothing of this.
 */
export function requestAttributes(request: AdmissionRequest, { resource, kind }: Invocation): Record<string, unknown> {
  const { definition, subresource, operation, dryRun, options } = request;
  const name = request.ofCollection ? "" : request.name;
  const requestKind = subresource === "scale" ? kind : kindOf(definition);
  return {
    kind,
    resource: resourceOf(resource.definition),
    ...(subresource === "" ? {} : { subResource: subresource }),
    requestKind,
    requestResource: resourceOf(definition),
    ...(subresource === "" ? {} : { requestSubResource: subresource }),
    ...(name === "" ? {} : { name }),
    ...(namespaceOf(request) === "" ? {} : { namespace: namespaceOf(request) }),
    operation,
    userInfo: userInfoOf(request.user),
    dryRun,
    options: options ?? null,
  };
}

/** Of a Namespace its own name: the request's path leads into it. */
export function namespaceOf({ definition, namespace, name }: AdmissionRequest): string {
  return definition.group === "" && definition.kind === "Namespace" ? name : namespace;
}

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export function kindOf({ group, version, kind }: ResourceDefinition): Kind {
  return { group, version, kind };
}

function resourceOf({ group, version, plural }: ResourceDefinition): Record<string, string> {
  return { group, version, resource: plural };
}

function userInfoOf({ username, uid, groups, extra, impersonator }: UserInfo): Record<string, unknown> {
  const told = impersonator && {
    [ImpersonatorExtra.Username]: [impersonator.username],
    [ImpersonatorExtra.Groups]: impersonator.groups,
  };
  return {
    ...{ username, groups },
    ...(uid !== undefined && { uid }),
    ...((extra ?? told) && { extra: { ...extra, ...told } }),
  };
}
