/** Writes the protobuf wire format. What is undefined is left out, as proto3 leaves out what is not set. */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  string(number: number, value: string | undefined): this {
    return value === undefined ? this : this.#delimited(number, Buffer.from(value));
  }

  strings(number: number, values: readonly string[] = []): this {
    for (const value of values) this.string(number, value);
    return this;
  }

  bool(number: number, value: boolean | undefined): this {
    return this.integer(number, value === undefined ? undefined : Number(value));
  }

  /** A non-negative integer below 2^53. */
  integer(number: number, value: number | undefined): this {
    if (value !== undefined) this.#parts.push(varint(number << 3), varint(value));
    return this;
  }

  double(number: number, value: number | undefined): this {
    if (value === undefined) return this;
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(varint((number << 3) | 1), bytes);
    return this;
  }

  message(number: number, value: WireWriter | undefined): this {
    return value === undefined ? this : this.#delimited(number, value.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #delimited(number: number, bytes: Buffer): this {
    this.#parts.push(varint((number << 3) | 2), varint(bytes.length), bytes);
    return this;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
