import type { KubeObject } from "../api/meta.ts";
import type { GuardrailProfile, GuardrailProfileSpec, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { effectiveGuardrails, type GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { TerminalError } from "../machinery/errors.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import { ofGuardrailProfile, ofRuntimeDeployment } from "./kinds.ts";
import type { FieldProblem, Rule } from "./write.ts";

/**
 * Hosts, paths and quantities that the schema lets through and nobody can read are refused where they are written, not at
 * the next start of a deployment. What is stored already may stay: finalizers must go from such an object, too.
 */
export const guardrailValuesAreReadable: Rule = {
  concerns: (write) =>
    write.operation !== "DELETE" &&
    write.subresource === "" &&
    (ofGuardrailProfile(write) || ofRuntimeDeployment(write)),
  refusal(write) {
    const given = ofGuardrailProfile(write) ? ofProfile : ofDeployment;
    const { spec, overrides } = given(write.object as KubeObject);
    if (write.oldObject && jsonEqual({ spec, overrides }, given(write.oldObject))) return undefined;
    try {
      effectiveGuardrails({ metadata: { name: write.name }, spec }, overrides);
      return undefined;
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      return { reason: "Invalid", problems: [problem(error.message, write.name)] };
    }
  },
};

interface Given {
  readonly spec: GuardrailProfileSpec;
  readonly overrides: GuardrailOverrides | undefined;
}

function ofProfile(object: KubeObject): Given {
  return { spec: (object as GuardrailProfile).spec, overrides: undefined };
}

/** Overrides are read without their profile, which may change, or come only later. */
function ofDeployment(object: KubeObject): Given {
  return { spec: ANY_PROFILE, overrides: (object as RuntimeDeployment).spec.guardrails?.overrides };
}

const ANY_PROFILE: GuardrailProfileSpec = {
  enforcement: "Warn",
  network: { egressAllowed: false },
  filesystem: { readOnlyRoot: true },
  capabilities: { dropAll: true },
  resources: {},
  seccomp: { type: "RuntimeDefault" },
  appArmor: { type: "RuntimeDefault" },
  runAsNonRoot: false,
};

/** The message names the field first, and whose it is before that where it is a profile's. */
function problem(message: string, name: string): FieldProblem {
  const [, path = "spec", what = message] = /^([\w.[\]]+): (.*)$/s.exec(withoutOwner(message, name)) ?? [];
  return { path, message: `Invalid value: ${what}` };
}

function withoutOwner(message: string, name: string): string {
  const owner = `GuardrailProfile ${JSON.stringify(name)}: `;
  return message.startsWith(owner) ? message.slice(owner.length) : message;
}
