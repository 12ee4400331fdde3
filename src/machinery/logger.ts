/** What the code logs through; main.ts supplies winston. Fields never hold secret values. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds `fields` to each line. */
  child(fields: Record<string, unknown>): Logger;
}
