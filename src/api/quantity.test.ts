import { describe, expect, it } from "@jest/globals";
import { cpuMillis, formatCpu, formatMemory, memoryBytes } from "./quantity.ts";

describe("cpuMillis", () => {
  it.each([
    { because: "milli is the unit of the answer", text: "500m", want: 500 },
    { because: "a number is cores", text: 2, want: 2000 },
    { because: "so is its text", text: "2", want: 2000 },
    { because: "fractions are exact", text: "0.1", want: 100 },
    { because: "a JSON number may be a fraction", text: 0.25, want: 250 },
    { because: "less than a milli is rounded up", text: "100u", want: 1 },
    { because: "nano is the least", text: "1n", want: 1 },
    { because: "digits may be missing before the point", text: ".5", want: 500 },
    { because: "and behind it", text: "1.", want: 1000 },
    { because: "exponents are decimal", text: "1e1", want: 10_000 },
    { because: "a plus is allowed", text: "+1", want: 1000 },
  ])("$text → $want: $because", ({ text, want }) => {
    expect(cpuMillis(text)).toBe(want);
  });
});

describe("memoryBytes", () => {
  it.each([
    { because: "binary suffix", text: "256Mi", want: 268_435_456 },
    { because: "decimal suffix", text: "256M", want: 256_000_000 },
    { because: "k is small in decimal", text: "1k", want: 1000 },
    { because: "K is large in binary", text: "1Ki", want: 1024 },
    { because: "fraction of a binary suffix", text: "1.5Gi", want: 1_610_612_736 },
    { because: "not representable: up", text: "0.1Ki", want: 103 },
    { because: "bytes", text: 1048576, want: 1_048_576 },
    { because: "E is a suffix when no digit follows", text: "0.000000001E", want: 1_000_000_000 },
    { because: "e with digits is an exponent", text: "12e6", want: 12_000_000 },
  ])("$text → $want: $because", ({ text, want }) => {
    expect(memoryBytes(text)).toBe(want);
  });

  it.each([
    { because: "milli-bytes are a slip of the pen", text: "256m", message: /Mi/ },
    { because: "no such suffix", text: "256MB", message: /not a quantity/ },
    { because: "negative", text: "-1", message: /not a quantity/ },
    { because: "nothing", text: "", message: /not a quantity/ },
    { because: "no digits", text: "Mi", message: /not a quantity/ },
    { because: "zero limits nothing", text: "0", message: /greater than zero/ },
    { because: "beyond what a number holds", text: "16Ei", message: /too large/ },
    { because: "an exponent that would take for ever", text: "1e999", message: /too large/ },
    { because: "not finite", text: Number.NaN, message: /not a quantity/ },
  ])("refuses $text: $because", ({ text, message }) => {
    expect(() => memoryBytes(text)).toThrow(message);
  });
});

it.each([
  { millis: 500, want: "500m" },
  { millis: 2000, want: "2" },
  { millis: 2500, want: "2500m" },
])("$millis thousandths of a core are written $want", ({ millis, want }) => {
  expect(formatCpu(millis)).toBe(want);
  expect(cpuMillis(want)).toBe(millis);
});

it.each([
  { bytes: 512 * 1024 ** 2, want: "512Mi" },
  { bytes: 3 * 1024 ** 3, want: "3Gi" },
  { bytes: 1536 * 1024, want: "1536Ki" },
  { bytes: 1000, want: "1000" },
  { bytes: 250e6, want: "250M" },
  { bytes: 2e9, want: "2G" },
])("$bytes bytes are written $want", ({ bytes, want }) => {
  expect(formatMemory(bytes)).toBe(want);
  expect(memoryBytes(want)).toBe(bytes);
});
