import type { ServerResponse } from "node:http";
import { type Directory, type EndpointKey, endpointPath } from "../directory.ts";

/** Of status codes, but for clients that left before there was one. */
export type CodeClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "gone";

export interface DeploymentCount extends EndpointKey {
  readonly requests: Readonly<Partial<Record<CodeClass, number>>>;
}

interface Counted extends EndpointKey {
  readonly requests: Partial<Record<CodeClass, number>>;
}

/** Counts requests by deployment, of those that exist: what is gone is forgotten. */
export class DeploymentCounts {
  readonly #counts = new Map<string, Counted>();
  readonly #unsubscribe: () => void;

  constructor(directory: Pick<Directory, "get" | "onChange">) {
    this.#unsubscribe = directory.onChange((key) => {
      if (directory.get(key.namespace, key.name) === undefined) this.#counts.delete(endpointPath(key));
    });
  }

  /** Counts a request when its answer has ended. Its deployment exists, and the caller may use it. */
  watch({ namespace, name }: EndpointKey, response: ServerResponse): void {
    const key = { namespace, name };
    const path = endpointPath(key);
    const counted = this.#counts.get(path) ?? { ...key, requests: {} };
    this.#counts.set(path, counted);
    const count = () => {
      const code: CodeClass = response.headersSent ? classOf(response.statusCode) : "gone";
      counted.requests[code] = (counted.requests[code] ?? 0) + 1;
    };
    if (response.closed) count();
    else response.once("close", count);
  }

  list(): readonly DeploymentCount[] {
    return [...this.#counts.values()].map(({ namespace, name, requests }) => ({
      namespace,
      name,
      requests: { ...requests },
    }));
  }

  close(): void {
    this.#unsubscribe();
  }
}

function classOf(status: number): CodeClass {
  return `${Math.trunc(status / 100)}xx` as CodeClass;
}
