const MASK = "[redacted]";

/** Longer than any message that helps; a page of HTML in place of an answer is none. */
const MAX_LENGTH = 500;

/** The key, and tokens of the last hours: calls in flight may still fail with one that was replaced. */
const MAX_REMEMBERED = 8;

/** A token by its looks: three parts in base64url, of which the first is a JSON object. */
const JWT = /\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g;
const CREDENTIAL = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/** Takes secrets out of what others wrote before it becomes part of an error. */
export class Redactor {
  #known: readonly string[] = [];

  /** From now on `secret` is taken out of every text. */
  learn(secret: string): void {
    if (secret === "" || this.#known.includes(secret)) return;
    // The first is the API key, which stays.
    const [first, ...rest] = this.#known;
    const kept = rest.slice(-(MAX_REMEMBERED - 2));
    this.#known = first === undefined ? [secret] : [first, ...kept, secret];
  }

  /** One line of bounded length, without what was learned, without `values`, and without what looks like a token. */
  redact(text: string, values: readonly string[] = []): string {
    const secrets = [...this.#known, ...values].flatMap(spellings).sort((a, b) => b.length - a.length);
    let clean = text;
    for (const secret of secrets) clean = clean.replaceAll(secret, MASK);
    clean = clean.replace(JWT, MASK).replace(CREDENTIAL, `$1 ${MASK}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
    const line = clean.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
    return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  }
}

/** How a message may quote a secret: as it is, a line of it, and inside JSON, a URL or base64. */
function spellings(secret: string): string[] {
  if (secret === "") return [];
  const lines = secret.includes("\n") ? secret.split("\n").filter((line) => line.trim().length >= 8) : [];
  const json = JSON.stringify(secret).slice(1, -1);
  const all = [
    secret,
    secret.trim(),
    ...lines,
    json,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
  ];
  return [...new Set(all)].filter((spelling) => spelling !== "");
}
