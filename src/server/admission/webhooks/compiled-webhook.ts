import type { LabelMatcher } from "../../../api/label-selector.ts";
import { labelSelectorMatcher } from "../../selectors/label-selector.ts";
import type { Webhook, WebhookConfiguration } from "./configuration.ts";
import { MatchConditions } from "./match-conditions.ts";
import { matchesRule, type RuleSubject } from "./rule-match.ts";

/** One webhook, ready to be asked whether it wants a write. Made once for each version of its configuration. */
export interface CompiledWebhook {
  readonly webhook: Webhook;
  /** Name of its configuration. */
  readonly configuration: string;
  /** Its place among all of its kind, which names it in the audit log. */
  readonly index: number;
  readonly matchesRules: (subject: RuleSubject) => boolean;
  readonly matchesNamespace: LabelMatcher;
  readonly matchesObject: LabelMatcher;
  readonly conditions: MatchConditions;
}

/**
 * The webhooks of configurations in the order in which they are called: by the name of the configuration, then as they
 * stand in it. Expects what validation let pass, sorted by name.
 */
export function compileWebhooks(configurations: readonly WebhookConfiguration[]): readonly CompiledWebhook[] {
  return configurations
    .flatMap(({ metadata, webhooks = [] }) => webhooks.map((webhook) => ({ webhook, configuration: metadata.name })))
    .map(({ webhook, configuration }, index) => ({ ...compile(webhook), configuration, index }));
}

function compile(webhook: Webhook): Omit<CompiledWebhook, "configuration" | "index"> {
  const { rules = [], namespaceSelector, objectSelector, matchConditions = [] } = webhook;
  return {
    webhook,
    matchesRules: (subject) => rules.some((rule) => matchesRule(rule, subject)),
    matchesNamespace: labelSelectorMatcher(namespaceSelector),
    matchesObject: labelSelectorMatcher(objectSelector),
    conditions: new MatchConditions(matchConditions),
  };
}
