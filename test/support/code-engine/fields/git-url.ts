import { text } from "./field.ts";

/** `https://host[:port]/path`, `git@host:path` or `ssh://git@…`: no http, no credentials, no slash at the end. */
export const gitUrl = text({
  min: 1,
  max: 253,
  matches: isGitUrl,
  wants: "https://HOST/PATH, git@HOST:PATH or ssh://git@HOST/PATH, without credentials and without a slash at the end",
});

function isGitUrl(value: string): boolean {
  if (/\s/.test(value) || value.endsWith("/")) return false;
  if (value.startsWith("git@")) return /^git@[-.a-zA-Z0-9]+:[^:@]+$/.test(value);
  const url = URL.parse(value);
  if (url === null || url.pathname.length < 2 || url.search !== "" || url.hash !== "") return false;
  if (url.protocol === "https:") return url.username === "" && url.password === "";
  return url.protocol === "ssh:" && url.username === "git" && url.password === "";
}
