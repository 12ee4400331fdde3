import { describe, expect, it } from "@jest/globals";
import { knownOf } from "../../test/support/known.ts";
import { Admission } from "../admission/admission.ts";
import type { AdmissionEvent } from "../admission/observer.ts";
import { answerReview } from "./review.ts";

const admission = new Admission(knownOf());

const ACTING = "slipway.dev/impersonator";
const profile = { metadata: { name: "standard" }, spec: { enforcement: "Warn" } };

function review(request: object, type: object = {}): object {
  return {
    ...{ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", ...type },
    request: {
      ...{ uid: "u", operation: "CREATE", name: "standard", object: profile, oldObject: null },
      resource: { group: "slipway.dev", version: "v1alpha1", resource: "guardrailprofiles" },
      kind: { group: "slipway.dev", version: "v1alpha1", kind: "GuardrailProfile" },
      userInfo: { username: "alice", groups: ["system:authenticated"] },
      ...request,
    },
  };
}

describe("a review", () => {
  it("of what goes with a whole collection has the object's name, and the request's none", () => {
    const request = { operation: "DELETE", name: undefined, object: null, oldObject: profile };
    expect(answerReview(review(request), "rules", admission)).toMatchObject({
      response: { allowed: false, status: { code: 403, details: { name: "standard" } } },
    });
  });

  it.each<{ because: string; request: object; want: object }>([
    {
      because: "what the rules refuse is denied as the server itself would",
      request: { operation: "DELETE", object: null, oldObject: profile },
      want: {
        allowed: false,
        status: {
          ...{ code: 403, reason: "Forbidden" },
          message: 'guardrailprofiles.slipway.dev "standard" is forbidden: it ships with Slipway and cannot be deleted',
          details: { name: "standard", group: "slipway.dev", kind: "guardrailprofiles" },
        },
      },
    },
    {
      because: "what they allow is allowed",
      request: { name: "mine", object: null, oldObject: profile, operation: "DELETE" },
      want: { allowed: true },
    },
    {
      because: "what they warn of is said",
      request: {
        name: "a",
        object: { metadata: { name: "a", labels: { "slipway.dev/guardrails-bound": "nowhere" } } },
        resource: { group: "", version: "v1", resource: "namespaces" },
        kind: { group: "", version: "v1", kind: "Namespace" },
      },
      want: { allowed: true, warnings: [expect.stringContaining('"nowhere" does not exist')] },
    },
    {
      because: "what no rule speaks of is allowed",
      request: { resource: { group: "", version: "v1", resource: "pods" } },
      want: { allowed: true },
    },
    {
      because: "nor what changes nothing",
      request: { operation: "CONNECT" },
      want: { allowed: true },
    },
    {
      because: "a name may still be to be made",
      request: { name: undefined, resource: { group: "", version: "v1", resource: "pods" } },
      want: { allowed: true },
    },
  ])("is answered: $because", ({ request, want }) => {
    expect(answerReview(review(request), "rules", admission)).toEqual({
      ...{ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" },
      response: { uid: "u", ...want },
    });
  });

  it("is of whoever acts as somebody, where that is told", () => {
    const told: AdmissionEvent[] = [];
    const observed = new Admission(knownOf(), { observe: (event) => told.push(event) });
    const approval = { metadata: { name: "a" }, spec: {} };
    const userInfo = {
      ...{ username: "sam", groups: ["security"] },
      extra: { [ACTING]: ["root"], "slipway.dev/impersonator-groups": ["system:masters"], other: ["x"] },
    };
    const resource = { group: "slipway.dev", version: "v1alpha1", resource: "approvals" };
    answerReview(review({ userInfo, resource, object: approval }), "rules", observed);
    expect(told).toMatchObject([{ type: "Refused", who: { username: "root", groups: ["system:masters"] } }]);
  });

  it.each<{ because: string; body: unknown }>([
    { because: "it is no object", body: [] },
    { because: "of an older version", body: review({}, { apiVersion: "admission.k8s.io/v1beta1" }) },
    { because: "of another kind", body: review({}, { kind: "Review" }) },
    { because: "without a request", body: { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" } },
    { because: "without a uid", body: review({ uid: "" }) },
    { because: "without its resource", body: review({ resource: null }) },
    { because: "without its object", body: review({ object: null }) },
    { because: "without what was there", body: review({ operation: "UPDATE" }) },
    { because: "of something without metadata", body: review({ object: {} }) },
    { because: "of nobody", body: review({ userInfo: null }) },
    { because: "of somebody without a name", body: review({ userInfo: { groups: [] } }) },
    { because: "of groups that are none", body: review({ userInfo: { username: "a", groups: [1] } }) },
    { because: "of extra that is none", body: review({ userInfo: { username: "a", extra: "b" } }) },
    {
      because: "of nobody who acts as somebody",
      body: review({ userInfo: { username: "a", extra: { [ACTING]: [1] } } }),
    },
    { because: "of a name that is a number", body: review({ name: 1 }) },
  ])("is refused $because", ({ body }) => {
    expect(() => answerReview(body, "rules", admission)).toThrow(expect.objectContaining({ name: "NotAReview" }));
  });
});
