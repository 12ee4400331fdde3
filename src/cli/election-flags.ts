import { Option } from "commander";
import { parseGatewayAddress } from "../gateway/replicas/leader.ts";
import { UsageError } from "./usage-error.ts";

const LEASE_SECONDS = { shortest: 10, longest: 300, usual: 15 };

/** @throws {UsageError} */
export function parseLeaseSeconds(text: string): number {
  const seconds = Number(text);
  const { shortest, longest, usual } = LEASE_SECONDS;
  if (/^\d{1,3}$/.test(text) && seconds >= shortest && seconds <= longest) return seconds;
  throw new UsageError(
    `--lease-seconds: ${JSON.stringify(text)} is no whole number from ${shortest} to ${longest}; write for example ${usual}`,
  );
}

/** A name or an address; IPv6 with brackets or without. Answered as a URL has it. @throws {UsageError} */
export function parseAdvertiseAddress(text: string): string {
  const host = text.includes(":") && !text.startsWith("[") ? `[${text}]` : text;
  // The port is the gateway's.
  if (parseGatewayAddress(`${host}:1`)) return host;
  throw new UsageError(
    `--advertise-address: ${JSON.stringify(text)} is no host; write the address of this pod without a port, for example 10.0.0.7`,
  );
}

export function electionFlags(): readonly Option[] {
  return [
    new Option("--lease-seconds <n>", "how long others wait for a leader that is not heard of")
      .argParser(parseLeaseSeconds)
      .default(LEASE_SECONDS.usual),
    new Option(
      "--advertise-address <host>",
      "where other replicas reach this one's gateway; else nothing is passed on to it",
    ).argParser(parseAdvertiseAddress),
  ];
}
