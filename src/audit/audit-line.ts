import { createHmac, timingSafeEqual } from "node:crypto";
import { type AuditEntry, boundedEntry } from "./audit-entry.ts";

/** Where a chain stands: its last line. */
export interface ChainTip {
  /** Random, and in every line. */
  readonly chain: string;
  /** Of the last line; 0 before the first. */
  readonly seq: number;
  /** Of the last line, in hexadecimal; empty before the first. */
  readonly mac: string;
}

/** The most that a line has, in bytes. Longer ones are none of ours. */
export const MAX_LINE_BYTES = 1024 * 1024;

/**
 * A line without its end, and the tip that it makes. What is authenticated is the line's own text up to its mac, with the mac of the
 * line before: nobody has to agree on another form of it.
 */
export function formatLine(entry: AuditEntry, before: ChainTip, key: Uint8Array): { line: string; tip: ChainTip } {
  const seq = before.seq + 1;
  const content = JSON.stringify({ chain: before.chain, seq, ...boundedEntry(entry) }).slice(0, -1);
  const mac = macOf(content, before.mac, key);
  return { line: `${content},"mac":"${mac}"}`, tip: { chain: before.chain, seq, mac } };
}

export interface ParsedLine extends ChainTip {
  /** The text that its mac is over. */
  readonly content: string;
}

/** Undefined for what is no line of an audit log. */
export function parseLine(line: string): ParsedLine | undefined {
  const [, content, chain = "", seq, mac = ""] =
    /^(\{"chain":"([0-9a-f]{16})","seq":([1-9]\d{0,14}),.*),"mac":"([0-9a-f]{64})"\}$/s.exec(line) ?? [];
  return content === undefined ? undefined : { content, chain, seq: Number(seq), mac };
}

/** Whether one of the keys made the line, after one with this mac. */
export function isAuthentic({ content, mac }: ParsedLine, macBefore: string, keys: readonly Uint8Array[]): boolean {
  const stated = Buffer.from(mac, "hex");
  return keys.some((key) => timingSafeEqual(Buffer.from(macOf(content, macBefore, key), "hex"), stated));
}

function macOf(content: string, macBefore: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(`${macBefore}\n${content}`).digest("hex");
}
