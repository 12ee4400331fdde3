import { type Decoder, list, object, ShapeError, string, stringMap } from "../shape.ts";

/** One series of a metric and what it was, oldest first. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number;
}

/** Prometheus' answer to an instant query of a range: a matrix. Values travel as text, since JSON has no infinity. */
export const matrix: Decoder<readonly Series[]> = (value, path) => {
  const { status, data } = answer(value, path);
  if (status !== "success" || data.resultType !== "matrix") throw new ShapeError("it is no matrix");
  return data.result.map(({ metric, values }) => ({ labels: metric, samples: values }));
};

/** A pair of seconds and text. */
const sample: Decoder<Sample> = (value, path) => {
  const [seconds, text] = Array.isArray(value) ? value : [];
  const number = typeof text === "string" && text.trim() !== "" ? Number(text) : Number.NaN;
  if (typeof seconds !== "number" || !Number.isFinite(number)) throw new ShapeError(`${path} is no sample`);
  return { at: seconds * 1_000, value: number };
};

const series = object({ metric: stringMap, values: list(sample) });
const answer = object({ status: string, data: object({ resultType: string, result: list(series) }) });
