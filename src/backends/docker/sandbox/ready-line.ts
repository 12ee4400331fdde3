import type { Readable } from "node:stream";
import type { LogFrame } from "../logs/log-frames.ts";

/** What dnsmasq says once it listens. As process 1 it is the last that the entry script starts. */
const READY = /^dnsmasq\[1\]: started, version /;
/** How the entry script begins what it says itself. */
const SAID = "slipway-sandbox: ";
/** All that a start says is a few lines, and one for each name. */
const MAX_BYTES = 256 * 1024;

/** How the start of a sandbox went, by what it wrote. */
export interface StartReport {
  readonly ready: boolean;
  /** Why this Engine cannot run a sandbox at all, where that is what it says. */
  readonly unsupported: string | undefined;
  /** The resolvers that the Engine gave it. */
  readonly nameservers: readonly string[];
  /** What the programs in it said first, for people: the cause, where it did not start. */
  readonly said: string;
}

/** Reads until a sandbox is ready or its output ends; the stream is destroyed then. */
export async function readStart(frames: AsyncIterable<LogFrame>, stream: Readable): Promise<StartReport> {
  let text = "";
  try {
    for await (const { payload } of frames) {
      text += payload.toString("utf8");
      const report = reportOf(text);
      if (report.ready || text.length > MAX_BYTES) return report;
    }
    return reportOf(text);
  } finally {
    stream.destroy();
  }
}

/** Pure. */
export function reportOf(text: string): StartReport {
  const lines = text.split("\n");
  // A line that has not ended may go on.
  const ended = lines.slice(0, -1);
  const said = (what: string): string | undefined =>
    ended.find((line) => line.startsWith(SAID + what))?.slice(SAID.length + what.length);
  return {
    ready: ended.some((line) => READY.test(line)),
    unsupported: said("unsupported: ") ?? kernelLacks(text),
    nameservers: (said("nameservers") ?? "").split(" ").filter((address) => address !== ""),
    said: lines
      .filter((line) => line.trim() !== "" && !line.startsWith(SAID))
      .slice(0, 3)
      .join("; ")
      .slice(0, 1000),
  };
}

/**
 * How nft says that the kernel has no nf_tables, or not the expressions that the rules need: netlink's EPROTONOSUPPORT,
 * EOPNOTSUPP and, for an unknown expression, ENOENT.
 */
function kernelLacks(text: string): string | undefined {
  const line = text.split("\n").find((each) => /cache initialization failed|netlink.*not supported/i.test(each));
  if (line !== undefined) return `the Engine's kernel has no nf_tables (${line.trim()})`;
  const expression = /Could not process rule: (No such file or directory|(Operation|Protocol) not supported)/.exec(
    text,
  );
  return expression ? `the Engine's kernel lacks a part of nf_tables (${expression[0]})` : undefined;
}
