import { closeSync, existsSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { synced } from "./synced.ts";

/**
 * SQLite takes a damaged frame of its write-ahead log for the end of the log, and goes on without what follows. That is
 * right for the last transaction before power was lost; anywhere else it would silently take back acknowledged writes.
 * @see https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The lowest bit says that checksums read words with the most significant byte first. */
const MAGIC = 0x377f0682;

function logOf(file: string): string {
  return `${file}-wal`;
}

/** An empty one says nothing: whoever only reads a store leaves that behind. */
export function hasLog(file: string): boolean {
  return existsSync(logOf(file)) && statSync(logOf(file)).size > 0;
}

/** Stands while a server has the store open: until it is gone, the log belongs to the store. */
function markOf(file: string): string {
  return `${file}-open`;
}

/** To be called when the log exists. That name is on disk before the mark, so that no power loss leaves the mark alone. */
export function markOpen(file: string): void {
  synced(dirname(file));
  try {
    closeSync(openSync(markOf(file), "a", 0o600));
  } catch (error) {
    // The mark is one more precaution: a full disk must not keep the server from starting.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

/** To be called before the store is closed, which removes the log. */
export function markClosed(file: string): void {
  rmSync(markOf(file), { force: true });
  synced(dirname(file));
}

export function wasLeftOpen(file: string): boolean {
  return existsSync(markOf(file));
}

/** @throws {Error} when the log of a store that nobody has open is missing, or damaged before its last transaction. */
export function checkLog(file: string): void {
  const path = logOf(file);
  if (!existsSync(path)) {
    if (wasLeftOpen(file)) throw new Error(`${path}, which has its latest writes, is missing`);
    return;
  }
  const size = statSync(path).size;
  if (size <= HEADER_BYTES) return;
  const log = openSync(path, "r");
  try {
    checkFrames(path, log, size);
  } finally {
    closeSync(log);
  }
}

interface Checksum {
  readonly first: number;
  readonly second: number;
}

function checkFrames(path: string, log: number, size: number): void {
  const header = Buffer.alloc(HEADER_BYTES);
  readSync(log, header, 0, HEADER_BYTES, 0);
  const magic = header.readUInt32BE(0);
  const isBigEndian = magic === MAGIC + 1;
  const own = checksumAt(header, 24);
  if (
    (magic !== MAGIC && !isBigEndian) ||
    !same(sumOf(header.subarray(0, 24), { first: 0, second: 0 }, isBigEndian), own)
  )
    throw new Error(`${path}, which has its latest writes, has a damaged header`);
  const salt = header.subarray(16, 24);
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + header.readUInt32BE(8));
  let before = own;
  let isBroken = false;
  /** Within the whole frames since the last broken one. */
  let hasCommit = false;
  for (let at = HEADER_BYTES; at + frame.length <= size; at += frame.length) {
    readSync(log, frame, 0, frame.length, at);
    // Frames of an earlier round lie behind those of this one.
    const isOfThisRound = frame.subarray(8, 16).equals(salt);
    const stated = checksumAt(frame, 16);
    const computed = sumOf(
      frame.subarray(FRAME_HEADER_BYTES),
      sumOf(frame.subarray(0, 8), before, isBigEndian),
      isBigEndian,
    );
    // Each frame continues the sum of the one before, so a whole one can be told also behind a broken one.
    const isWhole = isOfThisRound && same(computed, stated);
    if (!isWhole) {
      // What a transaction that failed has left is overwritten from its start, and its rest lies behind a break as well; yet
      // nothing ever follows its commit without another break.
      isBroken = true;
      hasCommit = false;
    } else if (isBroken) {
      // A transaction begins when the one before is on disk.
      if (hasCommit) throw new Error(`${path}, which has its latest writes, is damaged`);
      hasCommit = frame.readUInt32BE(4) > 0;
    }
    before = stated;
  }
}

function checksumAt(bytes: Buffer, at: number): Checksum {
  return { first: bytes.readUInt32BE(at), second: bytes.readUInt32BE(at + 4) };
}

function same(one: Checksum, other: Checksum): boolean {
  return one.first === other.first && one.second === other.second;
}

/** SQLite's own: a Fibonacci-weighted sum of pairs of 32-bit words. */
function sumOf(bytes: Buffer, { first, second }: Checksum, isBigEndian: boolean): Checksum {
  let a = first;
  let b = second;
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0;
    b = (b + (isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0;
  }
  return { first: a, second: b };
}
