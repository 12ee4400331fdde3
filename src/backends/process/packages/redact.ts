const MASK = "***";

/** Whoever is asked with it in a URL: user, password, or both. Ends at the last `@` of the authority. */
const USERINFO = /(\/\/)[^\s/?#]+@/g;

/** What may be a token in what follows a path. */
const QUERY = /(https?:\/\/[^\s?#`)]+\?)[^\s`)]+/g;

/**
 * Takes out of what npm or uv writes the credentials that it was given with `env`, and those in addresses: newer releases mask
 * these themselves, and none is known to mask all.
 */
export function redactor(env: Readonly<Record<string, string>>): (text: string) => string {
  const secrets = Object.entries(env).flatMap(([name, value]) => secretsOf(name, value));
  // The longest first: one may begin with another.
  secrets.sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of secrets) clean = clean.replaceAll(secret, MASK);
    return clean.replace(USERINFO, `$1${MASK}@`).replace(QUERY, `$1${MASK}`);
  };
}

/** Shorter ones would be found in words; inside of a URL they are masked by their place. */
const SHORTEST = 4;

function secretsOf(name: string, value: string): string[] {
  const found = /_PASSWORD$/i.test(name) ? [value] : [];
  for (const [, password = ""] of value.matchAll(/\/\/[^\s/?#:@]*:([^\s/?#]+)@/g))
    found.push(password, decoded(password));
  return found.filter((secret) => secret.length >= SHORTEST);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Nothing is encoded in it.
    return text;
  }
}
