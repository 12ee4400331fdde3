import type { KubeObject } from "../api/meta.ts";
import { REQUESTERS_ANNOTATION } from "../api/v1alpha1/index.ts";
import { isStampedFor, stampRequester } from "../approvals/requesters.ts";
import { isJsonObject, member } from "../machinery/json-equal.ts";
import { ofGuardrailProfile, ofRuntimeBackend, ofRuntimeDeployment } from "./kinds.ts";
import { forbidden, type Known, type Rule, type Write } from "./write.ts";

/**
 * Keeps the list of those who wrote what an approval can be about, whatever the client sent for it. Without a key nothing is
 * stamped, and what needs approval is held for that; what needs none goes on.
 */
export const requestersAreStamped: Rule = {
  isAudited: true,
  concerns: (write) =>
    write.operation !== "DELETE" &&
    write.subresource === "" &&
    (ofRuntimeDeployment(write) || ofGuardrailProfile(write) || ofRuntimeBackend(write)),
  amend(write, known) {
    const { object, oldObject } = written(write);
    const keys = known.stampKeys();
    const stamp = keys
      ? stampRequester(object, oldObject, { user: write.user, now: known.now(), keys })
      : listOf(oldObject);
    return stamp === listOf(object) ? undefined : { object: withList(write.object as KubeObject, stamp) };
  },
  refusal(write, known) {
    if (isStamped(write, known)) return undefined;
    return forbidden(
      `its annotation ${REQUESTERS_ANNOTATION} is not what admission wrote: another mutating webhook changed it, or the object behind it; let that webhook leave out slipway.dev`,
    );
  },
};

function isStamped(write: Write, known: Known): boolean {
  const { object, oldObject } = written(write);
  const keys = known.stampKeys();
  if (!keys) return listOf(object) === listOf(oldObject);
  return isStampedFor(object, oldObject, { user: write.user, now: known.now(), keys });
}

/** In the namespace of the request, which the object itself need not name. */
function written({ object, oldObject, namespace }: Write): { object: KubeObject; oldObject: KubeObject | undefined } {
  const { metadata, ...rest } = object as KubeObject;
  return { object: { ...rest, metadata: namespace === "" ? metadata : { ...metadata, namespace } }, oldObject };
}

/** Whether the write changes who has asked. */
export function isRequest({ object, oldObject }: Write): boolean {
  return listOf(object) !== listOf(oldObject);
}

function listOf(object: KubeObject | undefined): string | undefined {
  const value = object && member(annotationsOf(object), REQUESTERS_ANNOTATION);
  return typeof value === "string" ? value : undefined;
}

function withList(object: KubeObject, list: string | undefined): KubeObject {
  const { [REQUESTERS_ANNOTATION]: _, ...others } = annotationsOf(object) as Record<string, string>;
  const { annotations: __, ...metadata } = object.metadata;
  const annotations = list === undefined ? others : { ...others, [REQUESTERS_ANNOTATION]: list };
  const isEmpty = Object.keys(annotations).length === 0;
  return { ...object, metadata: isEmpty ? metadata : { ...metadata, annotations } };
}

function annotationsOf({ metadata: { annotations } }: KubeObject): Readonly<Record<string, unknown>> {
  return isJsonObject(annotations) ? annotations : {};
}
