import { qualifiedNameErrors, subdomainErrors } from "../../registry/object-name.ts";
import type { FieldError } from "../../resource.ts";
import { deepEqual } from "../../schema/deep-equal.ts";
import { duplicate, invalid, notSupported, required, tooMany } from "../../schema/field-errors.ts";
import { labelSelectorErrors } from "../../selectors/selector-validation.ts";
import { clientConfigErrors } from "./client-config-validation.ts";
import type { MatchCondition, RuleWithOperations, Webhook } from "./configuration.ts";
import { conditionProblem } from "./match-conditions.ts";
import { ruleErrors } from "./rule-validation.ts";

/**
 * What no schema says of webhook configurations, in the order and the words of
 * k8s.io/kubernetes/pkg/apis/admissionregistration/validation. An update may keep match conditions as they are.
 */
export function webhookErrors(
  webhooks: readonly Partial<Webhook>[],
  previous?: readonly Partial<Webhook>[],
): FieldError[] {
  const names = new Set<string>();
  const keepsConditions = previous?.length === webhooks.length && webhooks.every(hasConditionsOf(previous));
  return webhooks.flatMap((webhook, index) => {
    const at = `webhooks[${index}]`;
    const errors = oneWebhookErrors(webhook, at);
    if (!keepsConditions) errors.push(...conditionErrors(webhook.matchConditions ?? [], `${at}.matchConditions`));
    errors.push(...reviewVersionErrors(webhook.admissionReviewVersions ?? [], `${at}.admissionReviewVersions`));
    const { name = "" } = webhook;
    if (name !== "" && names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return errors;
  });
}

function hasConditionsOf(previous: readonly Partial<Webhook>[]) {
  return ({ matchConditions }: Partial<Webhook>, index: number) =>
    deepEqual(matchConditions, previous[index]?.matchConditions);
}

const SIDE_EFFECTS = ["None", "NoneOnDryRun"];

function oneWebhookErrors(webhook: Partial<Webhook>, at: string): FieldError[] {
  const { name = "", rules = [], sideEffects, timeoutSeconds, namespaceSelector, objectSelector } = webhook;
  const errors = [
    ...nameErrors(name, `${at}.name`),
    ...rules.flatMap((rule: Partial<RuleWithOperations>, index) => ruleErrors(rule, `${at}.rules[${index}]`)),
    ...choiceErrors(webhook.failurePolicy, ["Fail", "Ignore"], `${at}.failurePolicy`),
    ...choiceErrors(webhook.matchPolicy, ["Equivalent", "Exact"], `${at}.matchPolicy`),
    ...(sideEffects === undefined
      ? [required(`${at}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(", ")}`)]
      : choiceErrors(sideEffects, SIDE_EFFECTS, `${at}.sideEffects`)),
  ];
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    const because = "the timeout value must be between 1 and 30 seconds";
    errors.push(invalid(`${at}.timeoutSeconds`, timeoutSeconds, because));
  }
  return [
    ...errors,
    ...(namespaceSelector ? labelSelectorErrors(namespaceSelector, `${at}.namespaceSelector`) : []),
    ...(objectSelector ? labelSelectorErrors(objectSelector, `${at}.objectSelector`) : []),
    ...choiceErrors(webhook.reinvocationPolicy, ["IfNeeded", "Never"], `${at}.reinvocationPolicy`),
    ...clientConfigErrors(webhook.clientConfig ?? {}, `${at}.clientConfig`),
  ];
}

function choiceErrors(value: string | undefined, choices: readonly string[], at: string): FieldError[] {
  return value === undefined || choices.includes(value) ? [] : [notSupported(at, value, choices)];
}

/** `IsFullyQualifiedName`. */
function nameErrors(name: string, at: string): FieldError[] {
  if (name === "") return [required(at)];
  const problems = subdomainErrors(name);
  if (problems.length > 0) return [invalid(at, name, problems.join(","))];
  if (name.split(".").length >= 3) return [];
  return [invalid(at, name, "should be a domain with at least three segments separated by dots")];
}

const REVIEW_VERSIONS = ["v1", "v1beta1"];
const NOT_A_LABEL =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

function reviewVersionErrors(versions: readonly string[], at: string): FieldError[] {
  const known = REVIEW_VERSIONS.join(", ");
  if (versions.length === 0) return [required(at, `must specify one of ${known}`)];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, version] of versions.entries()) {
    if (seen.has(version)) errors.push(invalid(`${at}[${index}]`, version, "duplicate version"));
    else if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(version)) {
      errors.push(invalid(`${at}[${index}]`, version, NOT_A_LABEL));
    } else if (version.length > 63) {
      errors.push(invalid(`${at}[${index}]`, version, "must be no more than 63 characters"));
    }
    seen.add(version);
  }
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    errors.push(invalid(at, versions, `must include at least one of ${known}`));
  }
  return errors;
}

const MAX_CONDITIONS = 64;

function conditionErrors(conditions: readonly Partial<MatchCondition>[], at: string): FieldError[] {
  const errors = conditions.length > MAX_CONDITIONS ? [tooMany(at, conditions.length, MAX_CONDITIONS)] : [];
  const names = new Set<string>();
  for (const [index, { name = "", expression = "" }] of conditions.entries()) {
    const place = `${at}[${index}]`;
    const trimmed = expression.trim();
    // A list of thousands costs no more than one of the longest that is allowed.
    const problem = trimmed === "" || index >= MAX_CONDITIONS ? undefined : conditionProblem(trimmed);
    if (trimmed === "") errors.push(required(`${place}.expression`));
    if (problem !== undefined) errors.push(invalid(`${place}.expression`, trimmed, problem));
    if (name === "") errors.push(required(`${place}.name`));
    else errors.push(...qualifiedNameErrors(name).map((because) => invalid(`${place}.name`, name, because)));
    if (name !== "" && names.has(name)) errors.push(duplicate(`${place}.name`, name));
    names.add(name);
  }
  return errors;
}
