const UNITS = [
  { seconds: 86_400, unit: "d", from: 48 * 3_600 },
  { seconds: 3_600, unit: "h", from: 2 * 3_600 },
  { seconds: 60, unit: "m", from: 120 },
] as const;

/** How long ago that was, as kubectl writes it: the largest unit that fits. `-` for what is no time. */
export function age(since: string, now: Date): string {
  return span((now.getTime() - Date.parse(since)) / 1_000);
}

/** How long until then, in the same way; 0s for what is past. */
export function timeLeft(until: string, now: Date): string {
  return span((Date.parse(until) - now.getTime()) / 1_000);
}

function span(exact: number): string {
  if (!Number.isFinite(exact)) return "-";
  const seconds = Math.max(0, Math.floor(exact));
  const fits = UNITS.find(({ from }) => seconds >= from);
  return fits ? `${Math.floor(seconds / fits.seconds)}${fits.unit}` : `${seconds}s`;
}
