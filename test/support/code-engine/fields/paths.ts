import { text } from "./field.ts";

/** Begins with `/`, and has at least one segment and no empty one. Segment by segment: no pattern that could take long. */
export const mountPath = text({
  min: 1,
  max: 256,
  matches: (value) => value.startsWith("/") && segmentsAreFine(value.slice(1)),
  wants: "an absolute path with at least one segment",
});

export const subPath = text({
  min: 1,
  max: 1000,
  matches: segmentsAreFine,
  wants: "a relative path",
});

function segmentsAreFine(path: string): boolean {
  return path.split("/").every((segment) => segment !== "" && !segment.includes("\0"));
}
