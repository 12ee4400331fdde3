const PLACEHOLDER = /\$\{([^}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function hasPlaceholder(text: string): boolean {
  return /\$\{[^}]*\}/.test(text);
}

/** `text` with each `${NAME}` replaced, once: what comes out of the environment is taken literally. */
export function resolved(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  onProblem: (message: string) => void,
): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    if (!NAME.test(name)) {
      onProblem(`\${${name.slice(0, 64)}} is no name of a variable; only \${NAME} is resolved`);
      return whole;
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value !== undefined) return value;
    onProblem(`\${${name}} is not set in the environment of this command; set it`);
    return whole;
  });
}
