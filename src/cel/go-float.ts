/** A float64 as Go prints it by `%v`: the shortest digits that read back the same, scientific below 1e-4 and from 1e6 on. */
export function goFloat(value: number): string {
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 6) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
