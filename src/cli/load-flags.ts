import { Option } from "commander";
import type { RequestLimits } from "../machinery/request-pace.ts";
import { UsageError } from "./usage-error.ts";

/** What a controller takes upon itself and its API server, as the command line says it. */
export interface LoadFlags {
  /** Empty: all. */
  watchNamespace: string[];
  concurrency: number;
  kubeApiQps: number;
  kubeApiBurst: number;
}

export interface LoadOptions {
  /** The only namespaces that are looked at; absent: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** Objects of one kind that are reconciled at once. */
  readonly concurrency?: number;
  /** Absent: the API server is not spared. */
  readonly kubeApi?: RequestLimits;
}

/** A list and a watch of each kind in each of them: more of them are cheaper as all. */
const MAX_NAMESPACES = 64;

export function loadFlags(): Option[] {
  return [
    new Option(
      "--watch-namespace <name>",
      "look at the deployments of this namespace alone; may be repeated. Else at those of all",
    )
      .argParser(parseNamespace)
      .default([]),
    numberOption({ flag: "--concurrency", says: "objects of one kind that are reconciled at once", most: 256 }, 16),
    numberOption({ flag: "--kube-api-qps", says: "requests to the API per second in the long run", most: 10_000 }, 50),
    numberOption({ flag: "--kube-api-burst", says: "requests to the API at once, after a pause", most: 100_000 }, 100),
  ];
}

export function loadOptions({ watchNamespace, concurrency, kubeApiQps, kubeApiBurst }: LoadFlags): LoadOptions {
  return {
    concurrency,
    kubeApi: { qps: kubeApiQps, burst: kubeApiBurst },
    ...(watchNamespace.length > 0 && { watchNamespaces: watchNamespace }),
  };
}

/** @throws {UsageError} for what is no name of a namespace, since it would be waited for without end. */
function parseNamespace(text: string, before: string[]): string[] {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) {
    throw new UsageError(`--watch-namespace: ${JSON.stringify(text)} is not the name of a namespace`);
  }
  const names = [...new Set([...before, text])];
  if (names.length <= MAX_NAMESPACES) return names;
  throw new UsageError(`--watch-namespace: more than ${MAX_NAMESPACES} are as many as all; leave the flag out`);
}

function numberOption({ flag, says, most }: { flag: string; says: string; most: number }, fallback: number): Option {
  const parse = (text: string): number => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= 1 && value <= most) return value;
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a whole number from 1 to ${most}`);
  };
  return new Option(`${flag} <n>`, `${says}, 1 to ${most}`).argParser(parse).default(fallback);
}
