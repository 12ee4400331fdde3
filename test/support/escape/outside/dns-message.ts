/** A question as it came, and what it takes to answer it. (RFC 1035, section 4) */
export interface Question {
  readonly id: number;
  /** Lower case, without the final dot. */
  readonly name: string;
  /** `A`, `AAAA`, `TXT`, …; a number for a type that is not known here. */
  readonly type: string;
  /** The question section, to be repeated. */
  readonly section: Buffer;
}

export type Entry =
  | { readonly name: string; readonly ttl: number; readonly type: "A" | "AAAA" | "CNAME"; readonly value: string }
  | { readonly name: string; readonly ttl: number; readonly type: "TXT"; readonly value: Buffer };

const TYPES: Readonly<Record<string, number>> = { A: 1, CNAME: 5, NULL: 10, TXT: 16, AAAA: 28, ANY: 255 };
const HEADER_BYTES = 12;
const LABEL_BYTES = 63;
/** Longest string of a TXT record. */
const STRING_BYTES = 255;

/** @throws {RangeError} when it is no question. */
export function parseQuestion(message: Buffer): Question {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    if (length > LABEL_BYTES) throw new RangeError("a compressed name in a question");
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  return {
    id: message.readUInt16BE(0),
    name: labels.join(".").toLowerCase(),
    type: Object.keys(TYPES).find((name) => TYPES[name] === type) ?? String(type),
    section: message.subarray(HEADER_BYTES, at + 5),
  };
}

/** An answer; without its records and marked as truncated where it is longer than `limit` bytes. */
export function formatAnswer({ id, section }: Question, entries: readonly Entry[], limit: number): Buffer {
  const records = entries.map(formatEntry);
  const whole = Buffer.concat([header(id, entries.length, false), section, ...records]);
  return whole.length <= limit ? whole : Buffer.concat([header(id, 0, true), section]);
}

/** A response with recursion, to one question. */
function header(id: number, answers: number, truncated: boolean): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  for (const [at, value] of [id, truncated ? 0x8380 : 0x8180, 1, answers].entries()) bytes.writeUInt16BE(value, at * 2);
  return bytes;
}

function formatEntry({ name, ttl, type, value }: Entry): Buffer {
  const data = type === "TXT" ? formatText(value) : type === "CNAME" ? formatName(value) : addressBytes(value);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type] ?? 0, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([formatName(name), fixed, data]);
}

function formatName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
}

function formatText(text: Buffer): Buffer {
  const strings: Buffer[] = [];
  for (let at = 0; at < text.length; at += STRING_BYTES) {
    const part = text.subarray(at, at + STRING_BYTES);
    strings.push(Buffer.of(part.length), part);
  }
  return Buffer.concat(strings);
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
