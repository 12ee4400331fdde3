/** Longest name of a user or group. */
const longest = 128;
const pattern = /^[A-Za-z0-9]([-A-Za-z0-9._@:+]*[A-Za-z0-9])?$/;

/**
 * Why `name` cannot be that of a static user or of its group, or undefined. Stricter than Kubernetes, which takes any
 * text: the name is also that of a file, and `system:` is left to the server.
 */
export function problemOfName(name: string): string | undefined {
  if (name.length > longest) return `has ${name.length} characters; at most ${longest} are allowed`;
  if (!pattern.test(name)) {
    return "must begin and end with a letter or digit and hold only letters, digits and the characters - . _ @ : +";
  }
  if (name.toLowerCase().startsWith("system:")) return "begins with system:, which is reserved for the server itself";
  return undefined;
}
