/** IBM's bound for an address of a repository. */
const MAX_LENGTH = 253;

/**
 * What Code Engine would not accept as the address of a git repository, in words that follow the name of the field; or
 * nothing. It takes `https://host[:port]/path`, `git@host:path` and `ssh://git@host/path`.
 */
export function gitUrlTrouble(url: string): string | undefined {
  if (url.length > MAX_LENGTH) return `has ${url.length} characters and may have ${MAX_LENGTH}`;
  if (/\s/.test(url)) return "must not hold blanks";
  if (url.endsWith("/")) return "must not end with a slash";
  if (url.startsWith("git@"))
    return /^git@[-.a-zA-Z0-9]+:[^:@]+$/.test(url) ? undefined : "must be git@HOST:PATH, with one colon";
  const parsed = URL.parse(url);
  if (parsed?.protocol === "http:") return "begins with http, which Code Engine does not take: use https";
  if (parsed === null || (parsed.protocol !== "https:" && parsed.protocol !== "ssh:"))
    return "must be https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH";
  if (parsed.pathname.length < 2) return "names no repository after the host";
  if (parsed.search !== "" || parsed.hash !== "") return "must not hold a query or a fragment";
  if (parsed.password !== "") return "must not hold a password";
  if (parsed.protocol === "https:") return parsed.username === "" ? undefined : "must not hold a user";
  return parsed.username === "git" ? undefined : "must have the user git: ssh://git@HOST/PATH";
}

/** Whether the address is one of ssh, which is never without a key. */
export function isSshUrl(url: string): boolean {
  return url.startsWith("git@") || url.startsWith("ssh:");
}
