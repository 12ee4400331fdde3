const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** A span as kubectl shows it: the two largest units while it is short, one once it is long. `<invalid>` for the future. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1_000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return two(seconds, { large: MINUTE, small: 1, letters: "ms" });
  if (seconds < 3 * HOUR) return `${Math.trunc(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return two(seconds, { large: HOUR, small: MINUTE, letters: "hm" });
  if (seconds < 2 * DAY) return `${Math.trunc(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return two(seconds, { large: DAY, small: HOUR, letters: "dh" });
  if (seconds < 2 * YEAR) return `${Math.trunc(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return two(seconds, { large: YEAR, small: DAY, letters: "yd" });
  return `${Math.trunc(seconds / YEAR)}y`;
}

function two(seconds: number, { large, small, letters }: { large: number; small: number; letters: string }): string {
  const rest = Math.trunc((seconds % large) / small);
  return `${Math.trunc(seconds / large)}${letters[0]}${rest === 0 ? "" : `${rest}${letters[1]}`}`;
}

/** How long ago a time was; `<unknown>` where there is none. */
export function age(time: unknown, now: Date): string {
  if (typeof time !== "string" || time === "") return "<unknown>";
  const then = Date.parse(time);
  return Number.isNaN(then) ? "<invalid>" : humanDuration(now.getTime() - then);
}
