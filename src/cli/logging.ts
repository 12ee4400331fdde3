import winston from "winston";
import type { Logger } from "../machinery/logger.ts";

export type LogFormat = "text" | "json";
export type LogLevel = "debug" | "info" | "warn" | "error";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Writes every level to stderr, one line each: stdout belongs to what the user asked for. */
export function createLogger({ format, level }: { format: LogFormat; level: LogLevel }): Logger {
  const { combine, timestamp, json } = winston.format;
  const logger = winston.createLogger({
    level,
    format: combine(timestamp(), format === "json" ? json() : winston.format.printf(asText)),
    transports: [new winston.transports.Console({ stderrLevels: [...LEVELS] })],
  });
  // Winston formats each line before it looks at its level. Children inherit these.
  for (const quiet of LEVELS.slice(0, LEVELS.indexOf(level))) logger[quiet] = () => logger;
  return logger;
}

function asText({ timestamp, level, message, ...fields }: winston.Logform.TransformableInfo): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quote(value)}`);
  return [timestamp, level.toUpperCase().padEnd(5), message, ...pairs].join(" ");
}

/** A value as one word, quoted where it would be read as more. Also keeps foreign text from forging lines. */
function quote(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return /^[-\w./:@=+,]+$/.test(text) ? text : JSON.stringify(text);
}
