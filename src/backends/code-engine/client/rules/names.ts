/**
 * IBM's rules for names. Each function answers what is wrong, in words that follow the name of the field, or nothing.
 */

/** Of an application. */
export function appNameTrouble(name: string): string | undefined {
  return labelTrouble(name, { first: /^[a-z]/, begin: "must begin with a lower-case letter" });
}

/** Of builds, build runs and jobs; IBM publishes no rule for allowed outbound destinations, and this one fits. */
export function resourceNameTrouble(name: string): string | undefined {
  return labelTrouble(name, ANY_LABEL);
}

/** Of secrets and config maps: names of resources, joined by dots. */
export function configNameTrouble(name: string): string | undefined {
  if (name.length > 253) return `has ${name.length} characters and may have 253`;
  const troubles = name.split(".").map((label) => charactersTrouble(label, ANY_LABEL));
  const trouble = troubles.find((each) => each !== undefined);
  return trouble && name.includes(".") ? `${trouble}, and so must each part between dots` : trouble;
}

/** Of variables, and of keys in secrets and config maps. */
export function keyTrouble(key: string): string | undefined {
  if (key === "") return "must not be empty";
  if (key.length > 253) return `has ${key.length} characters and may have 253`;
  return /^[-._a-zA-Z0-9]+$/.test(key) ? undefined : "may hold letters, digits, hyphens, underscores and dots only";
}

interface Begin {
  readonly first: RegExp;
  readonly begin: string;
}

const ANY_LABEL: Begin = { first: /^[a-z0-9]/, begin: "must begin with a lower-case letter or a digit" };

function labelTrouble(name: string, begin: Begin): string | undefined {
  if (name.length > 63) return `has ${name.length} characters and may have 63`;
  return charactersTrouble(name, begin);
}

function charactersTrouble(name: string, { first, begin }: Begin): string | undefined {
  if (name === "") return "must not be empty";
  if (!/^[-a-z0-9]+$/.test(name)) return "may hold lower-case letters, digits and hyphens only";
  if (!first.test(name)) return begin;
  return name.endsWith("-") ? "must end with a lower-case letter or a digit" : undefined;
}
