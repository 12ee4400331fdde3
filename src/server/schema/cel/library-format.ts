import { type Environment, Optional } from "@marcbachmann/cel-js";
import { labelValueErrors, qualifiedNameErrors } from "../../../api/label-format.ts";
import { type Declarations, declare } from "../../../cel/declarations.ts";
import { formats } from "../formats.ts";

type Check = (text: string) => readonly string[];

export class Format {
  readonly check: Check;

  constructor(check: Check) {
    this.check = check;
  }
}

class FormatNamespace {}

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

function matching(pattern: RegExp, limit: number, rule: string): Check {
  return (text) => [
    ...(text.length > limit ? [`must be no more than ${limit} bytes`] : []),
    ...(pattern.test(text) ? [] : [rule]),
  ];
}

function byFormat(name: string, message: string): Check {
  const isWellFormed = formats.get(name);
  return (text) => (isWellFormed?.(text) === true ? [] : [message]);
}

const dns1123Label = matching(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/, 63, LABEL);
const dns1035Label = matching(/^[a-z](?:[-a-z0-9]*[a-z0-9])?$/, 63, LABEL_1035);
const subdomain = matching(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/, 253, SUBDOMAIN);

/** Prefixes of names may end with a dash, since something follows. */
function asPrefix(check: Check): Check {
  return (text) => check(text.endsWith("-") ? `${text.slice(0, -1)}a` : text);
}

const NAMED: Readonly<Record<string, Check>> = {
  dns1123Label,
  dns1123Subdomain: subdomain,
  dns1035Label,
  dns1123LabelPrefix: asPrefix(dns1123Label),
  dns1123SubdomainPrefix: asPrefix(subdomain),
  dns1035LabelPrefix: asPrefix(dns1035Label),
  qualifiedName: qualifiedNameErrors,
  labelValue: labelValueErrors,
  uri: byFormat("uri", "invalid URI"),
  uuid: byFormat("uuid", "does not match the UUID format"),
  byte: byFormat("byte", "invalid base64"),
  date: byFormat("date", "invalid date"),
  datetime: byFormat("date-time", "invalid datetime"),
};

function validate({ check }: Format, text: string): unknown {
  const errors = check(text);
  return errors.length === 0 ? Optional.none() : Optional.of([...errors]);
}

/** @see https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library */
export function registerFormats(environment: Environment): void {
  environment.registerType("Format", Format).registerType("FormatNamespace", FormatNamespace);
  environment.registerConstant("format", "FormatNamespace", new FormatNamespace());
  const functions: Record<string, Declarations[string]> = {
    "Format.validate(string): optional<list<string>>": validate,
    "FormatNamespace.named(string): optional<Format>": (_: FormatNamespace, name: string) => {
      const check = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
      return check === undefined ? Optional.none() : Optional.of(new Format(check));
    },
  };
  for (const [name, check] of Object.entries(NAMED)) {
    const made = new Format(check);
    functions[`FormatNamespace.${name}(): Format`] = () => made;
  }
  declare(environment, functions);
}
