/** Name rules of k8s.io/apimachinery/pkg/util/validation, in its words. */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${QUALIFIED_NAME})?`;

const subdomainPattern = new RegExp(`^${SUBDOMAIN}$`);
const labelPattern = new RegExp(`^${LABEL}$`);
const qualifiedNamePattern = new RegExp(`^${QUALIFIED_NAME}$`);
const labelValuePattern = new RegExp(`^${LABEL_VALUE}$`);

function mustMatch(says: string, pattern: string, ...examples: string[]): string {
  const quoted = examples.map((example) => `'${example}'`).join(",  or ");
  return `${says} (e.g. ${quoted}, regex used for validation is '${pattern}')`;
}

const NOT_SUBDOMAIN = mustMatch(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  "example.com",
);
const NOT_LABEL = mustMatch(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  "my-name",
  "123-abc",
);
const NOT_QUALIFIED = mustMatch(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED_NAME,
  "MyName",
  "my.name",
  "123-abc",
);
const NOT_LABEL_VALUE = mustMatch(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  "MyValue",
  "my_value",
  "12345",
);

/** A name that is a prefix may end in what must not end a whole name. */
function completed(name: string, isPrefix: boolean): string {
  return isPrefix && name.endsWith("-") ? `${name.slice(0, -1)}a` : name;
}

export function subdomainErrors(name: string, isPrefix = false): string[] {
  const errors: string[] = [];
  if (name.length > 253) errors.push("must be no more than 253 characters");
  if (!subdomainPattern.test(completed(name, isPrefix))) errors.push(NOT_SUBDOMAIN);
  return errors;
}

export function labelErrors(name: string, isPrefix = false): string[] {
  const errors: string[] = [];
  if (name.length > 63) errors.push("must be no more than 63 characters");
  const whole = completed(name, isPrefix);
  if (!labelPattern.test(whole)) errors.push(subdomainPattern.test(whole) ? "must not contain dots" : NOT_LABEL);
  return errors;
}

/** RBAC objects: anything that can be one segment of a path. */
export function pathSegmentErrors(name: string): string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"]
    .filter((character) => name.includes(character))
    .map((character) => `may not contain '${character}'`);
}

/** A label or annotation key, a finalizer: `prefix/name`. */
export function qualifiedNameErrors(value: string): string[] {
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a valid label key ${NOT_QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  const name = parts.at(-1) as string;
  const prefix = parts.length === 2 ? (parts[0] as string) : undefined;
  if (prefix === "") errors.push("prefix part must be non-empty");
  else if (prefix !== undefined) errors.push(...subdomainErrors(prefix).map((error) => `prefix part ${error}`));
  if (name === "") errors.push("name part must be non-empty");
  else if (name.length > 63) errors.push("name part must be no more than 63 bytes");
  if (!qualifiedNamePattern.test(name)) errors.push(`name part ${NOT_QUALIFIED}`);
  return errors;
}

export function labelValueErrors(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 63) errors.push("must be no more than 63 bytes");
  if (!labelValuePattern.test(value)) errors.push(NOT_LABEL_VALUE);
  return errors;
}
