import type { Logger } from "../../src/machinery/logger.ts";
import { type SecretWatch, secretWatch } from "./secrets/secret-watch.ts";
import { everythingIn } from "./secrets/witnessed.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps what it is told. No line may hold a secret: the watch looks at all of them in the end. */
export function recordingLogger(watch: SecretWatch = secretWatch): {
  readonly logger: Logger;
  readonly lines: LogLine[];
} {
  const lines: LogLine[] = [];
  watch.witness(() =>
    lines.map(({ level, message, fields }) => ({
      where: `a ${level} line of a log`,
      text: everythingIn([message, fields]),
    })),
  );
  const loggerWith = (own: Record<string, unknown>): Logger => {
    const writer = (level: LogLine["level"]) => (message: string, fields?: Record<string, unknown>) => {
      lines.push({ level, message, fields: { ...own, ...fields } });
    };
    return {
      debug: writer("debug"),
      info: writer("info"),
      warn: writer("warn"),
      error: writer("error"),
      child: (fields) => loggerWith({ ...own, ...fields }),
    };
  };
  return { logger: loggerWith({}), lines };
}
