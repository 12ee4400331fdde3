let second = Number.NaN;
let text = "";

/** RFC 3339 with whole seconds, as Kubernetes writes times. Thousands of writes a second share one text. */
export function wholeSeconds(time: Date): string {
  const current = Math.floor(time.getTime() / 1000);
  if (current !== second) {
    text = `${time.toISOString().slice(0, 19)}Z`;
    second = current;
  }
  return text;
}
