import type { Logger } from "../../src/machinery/logger.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
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
