import type { Environment } from "@marcbachmann/cel-js";
import { type Declarations, declare } from "./declarations.ts";

/** What Go's url.Parse makes of an absolute URL or an absolute path. */
export class CelUrl {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor({ scheme, host, path, query }: { scheme: string; host: string; path: string; query: string }) {
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? "";
  }

  get hostname(): string {
    const name = this.host.replace(/:\d*$/, "");
    return name.startsWith("[") ? name.slice(1, -1) : name;
  }
}

const ABSOLUTE = /^([A-Za-z][-+.A-Za-z0-9]*):(?:\/\/(?:[^@/?#]*@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/;
const PATH = /^(\/[^?#]*)(?:\?([^#]*))?(?:#.*)?$/;
const HOST = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s<>"[\]:\\^`{}]*)(?::\d*)?$/;

/** Undefined for what is neither an absolute URL nor an absolute path. */
export function parseUrl(text: string): CelUrl | undefined {
  if (/[\s\p{Cc}]/u.test(text)) return undefined;
  const path = PATH.exec(text);
  if (path !== null) return new CelUrl({ scheme: "", host: "", path: path[1] ?? "", query: path[2] ?? "" });
  const match = ABSOLUTE.exec(text);
  if (match === null) return undefined;
  const [, scheme = "", host = "", rest = "", query = ""] = match;
  if (!HOST.test(host) || /%(?![0-9a-fA-F]{2})/.test(rest)) return undefined;
  return new CelUrl({ scheme: scheme.toLowerCase(), host, path: rest, query });
}

function queryOf({ query }: CelUrl): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...(values.get(key) ?? []), value]);
  return values;
}

const FUNCTIONS: Declarations = {
  "isURL(string): bool": (text: string) => parseUrl(text) !== undefined,
  "url(string): URL": (text: string) => {
    const url = parseUrl(text);
    if (url !== undefined) return url;
    throw new Error(`URL parse error during conversion from string: ${JSON.stringify(text)}`);
  },
  "URL.getScheme(): string": ({ scheme }: CelUrl) => scheme,
  "URL.getHost(): string": ({ host }: CelUrl) => host,
  "URL.getHostname(): string": ({ hostname }: CelUrl) => hostname,
  "URL.getPort(): string": ({ port }: CelUrl) => port,
  "URL.getEscapedPath(): string": ({ path }: CelUrl) => path,
  "URL.getQuery(): map<string, list<string>>": queryOf,
};

/** @see https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library */
export function registerUrl(environment: Environment): void {
  environment.registerType("URL", CelUrl);
  environment.registerOperator("URL == URL", (a: CelUrl, b: CelUrl) => JSON.stringify(a) === JSON.stringify(b));
  declare(environment, FUNCTIONS);
}
