import { expect, it } from "@jest/globals";
import { KEYS, policyCopy, policyOf, serverOf } from "../../test/support/approvals.ts";
import { knownOf } from "../../test/support/known.ts";
import { Admission, type NamedWrite } from "./admission.ts";
import type { AdmissionEvent } from "./observer.ts";

/** What is told of a deployment that somebody makes. */
function toldOf(policies: readonly ReturnType<typeof policyOf>[], dryRun = false): readonly AdmissionEvent["type"][] {
  const told: AdmissionEvent["type"][] = [];
  const known = knownOf({ policies, keys: KEYS });
  const admission = new Admission(known, { observe: ({ type }) => told.push(type) });
  const made: NamedWrite = {
    ...{ operation: "CREATE", group: "slipway.dev", resource: "runtimedeployments", kind: "RuntimeDeployment" },
    ...{ subresource: "", namespace: "default", name: "files", user: { username: "dana", groups: [] }, dryRun },
    ...{ object: serverOf(), oldObject: undefined },
  };
  const object = admission.amend(made)?.object ?? made.object;
  admission.judge({ ...made, object });
  return told;
}

const policy = policyOf(policyCopy("production"));

it.each([
  { because: "somebody asks for what may need approval", told: toldOf([policy]), want: ["Requested"] },
  { because: "nothing needs approval here", told: toldOf([]), want: [] },
  { because: "a dry run asks for nothing", told: toldOf([policy], true), want: [] },
])("a write is told to the audit log as a request or not: $because", ({ told, want }) => {
  expect(told).toEqual(want);
});
