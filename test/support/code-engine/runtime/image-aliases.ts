/**
 * Names under which the Engine finds what the API's pattern cannot name: it allows no registry port. A name that ends in
 * `/` stands for all that begins with it; another one for that repository, whatever its tag or digest.
 */
export class ImageAliases {
  readonly #targets = new Map<string, string>();

  constructor(aliases: Readonly<Record<string, string>> = {}) {
    for (const [name, target] of Object.entries(aliases)) this.add(name, target);
  }

  /** @example add("registry.test/", "127.0.0.1:5000/"); add("us.icr.io/team/built", "slipway.test/mcp:1") */
  add(name: string, target: string): void {
    this.#targets.set(name, target);
  }

  /** What the Engine calls it. */
  resolve(reference: string): string {
    const repository = reference.replace(/@.*$/, "").replace(/:[^/]*$/, "");
    const exact = this.#targets.get(repository);
    if (exact !== undefined) return exact;
    const prefixes = [...this.#targets.keys()].filter((name) => name.endsWith("/") && reference.startsWith(name));
    const [longest] = prefixes.sort((a, b) => b.length - a.length);
    return longest === undefined ? reference : `${this.#targets.get(longest)}${reference.slice(longest.length)}`;
  }
}
