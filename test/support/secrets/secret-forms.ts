/** Shorter ones are found in texts that have nothing to do with them. */
const LEAST_LENGTH = 8;

/** One way to write a secret, by which it is found in a text. */
export interface SecretForm {
  /** How it is written. */
  readonly as: string;
  readonly text: string;
}

/**
 * As what a secret may turn up: as it is, in JSON, in URLs and forms, in base64 of both alphabets wherever it stands in what is
 * encoded; the parts of a token that nobody could guess; and each line of a key.
 */
export function secretForms(value: string): readonly SecretForm[] {
  const forms = [value, ...tokenParts(value), ...keyLines(value)].flatMap(formsOf);
  // Of equal ones the first names it best, and a Map keeps the last.
  const unique = new Map(forms.toReversed().map((form) => [form.text, form]));
  return [...unique.values()].reverse().filter(({ text }) => text.length >= LEAST_LENGTH);
}

function formsOf(value: string): SecretForm[] {
  if (value.length < LEAST_LENGTH) return [];
  return [
    { as: "plain", text: value },
    { as: "JSON", text: JSON.stringify(value).slice(1, -1) },
    { as: "JSON in JSON", text: JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1) },
    { as: "a URL", text: encodeURIComponent(value) },
    { as: "a form", text: new URLSearchParams([["", value]]).toString().slice(1) },
    ...[0, 1, 2].flatMap((before) => {
      const text = base64At(value, before);
      return [
        { as: "base64", text },
        { as: "base64url", text: text.replaceAll("+", "-").replaceAll("/", "_") },
      ];
    }),
  ];
}

/** The characters that base64 has for `value` alone where so many bytes, modulo 3, stand before it. */
function base64At(value: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
  return bytes.toString("base64").slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
}

/** Of a JSON Web Token: its claims, and its signature. The first part is the same in many. */
function tokenParts(value: string): string[] {
  const [, claims, signature, ...rest] = value.split(".");
  return value.startsWith("eyJ") && rest.length === 0 ? [claims ?? "", signature ?? ""] : [];
}

function keyLines(value: string): string[] {
  const lines = value.split("\n");
  return lines.length < 2 ? [] : lines.filter((line) => line.length > 20 && !line.startsWith("-----"));
}
