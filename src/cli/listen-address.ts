import { UsageError } from "./usage-error.ts";

export interface ListenAddress {
  host: string;
  /** 0 means any free port. */
  port: number;
}

/**
 * Reads `HOST:PORT` or `[IPv6]:PORT`.
 * @throws {UsageError} naming `flag`.
 */
export function parseListenAddress(flag: string, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65535) {
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not HOST:PORT; write for example 127.0.0.1:6443`);
  }
  return { host, port };
}
