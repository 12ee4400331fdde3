/** Up to a tenth shorter, so that controllers that began together do not ask together. */
export function jitteredMs(ms: number): number {
  return ms * (1 - Math.random() / 10);
}
