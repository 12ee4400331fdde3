export type LabelOperator = "in" | "notin" | "exists" | "absent" | "gt" | "lt";

/** One condition of a selector. All of a selector's requirements must hold. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** One integer for `gt` and `lt`, none for `exists` and `absent`. */
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** Decides whether an object with these labels is selected. `undefined` stands for no labels. */
export type LabelMatcher = (labels: Labels | undefined) => boolean;

/** `metav1.LabelSelector`: an empty one selects everything. */
export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly {
    key: string;
    operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    values?: readonly string[];
  }[];
}

const OPERATORS = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "absent" } as const;

/** Expects a selector that validation let pass. */
export function labelSelectorMatcher({ matchLabels = {}, matchExpressions = [] }: LabelSelector): LabelMatcher {
  return matcherOf([
    ...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: "in", values: [value] }) as const),
    ...matchExpressions.map(({ key, operator, values = [] }) => ({ key, operator: OPERATORS[operator], values })),
  ]);
}

const NO_LABELS: Labels = {};

export function matcherOf(requirements: readonly LabelRequirement[]): LabelMatcher {
  if (requirements.length === 0) return () => true;
  return (labels = NO_LABELS) => requirements.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "gt":
      return isInteger(value) && BigInt(value) > BigInt(values[0] as string);
    case "lt":
      return isInteger(value) && BigInt(value) < BigInt(values[0] as string);
    default:
      operator satisfies never;
      return false;
  }
}

/** A 64-bit integer as Go's ParseInt accepts it. */
export function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^[+-]?[0-9]{1,19}$/.test(text);
}
