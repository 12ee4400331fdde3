import { text } from "./field.ts";

/** `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, checked by characters: no pattern that could take long. */
function isLabel(value: string): boolean {
  return /^[-a-z0-9]+$/.test(value) && !value.startsWith("-") && !value.endsWith("-");
}

const LABEL = "of a-z, 0-9 and -, with a letter or digit at either end";

/** Rule A: applications. */
export const appName = text({
  min: 1,
  max: 63,
  matches: (value) => isLabel(value) && /^[a-z]/.test(value),
  wants: `${LABEL}, beginning with a letter`,
});

/** Rule B: jobs, builds, runs, outbound destinations. */
export const workName = text({ min: 1, max: 63, matches: isLabel, wants: LABEL });

/** Rule C: secrets and config maps. */
export const dottedName = text({ min: 1, max: 253, matches: isDotted, wants: `${LABEL}, in parts between dots` });

export const dataStoreName = text({ min: 1, max: 63, matches: isDotted, wants: `${LABEL}, in parts between dots` });

export const domainName = text({
  min: 3,
  max: 253,
  matches: (value) => isDotted(value) && value.includes("."),
  wants: "a domain name with at least one dot",
});

/** Letters, digits, `-._: ` and whatever is not ASCII. */
export const projectName = text({
  min: 1,
  max: 128,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about characters beyond ASCII.
  matches: (value) => /^(?:[-._: a-zA-Z0-9]|[^\x00-\x7f])+$/.test(value),
  wants: "letters, digits, spaces and -._:",
});

/** Names of environment variables, and keys of secrets and config maps. */
export const keyName = text({
  min: 1,
  max: 253,
  matches: (value) => /^[-._a-zA-Z0-9]+$/.test(value),
  wants: "of letters, digits and -._",
});

export const envPrefix = text({
  min: 0,
  max: 253,
  matches: (value) => /^[a-zA-Z_]\w*$/.test(value),
  wants: "of letters, digits and _, not beginning with a digit",
});

/** Values of variables, secrets and config maps: 1 MiB. */
export const mebibyte = text({ max: 1024 * 1024 });

function isDotted(value: string): boolean {
  return value.split(".").every((part) => part.length <= 63 && isLabel(part));
}
