import type { LoggingLevel } from "@modelcontextprotocol/client";

/** From the most verbose. RFC 5424's, as MCP names them. */
const LEVELS: readonly LoggingLevel[] = [
  ...(["debug", "info", "notice", "warning"] as const),
  ...(["error", "critical", "alert", "emergency"] as const),
];

export function isLoggingLevel(value: unknown): value is LoggingLevel {
  return LEVELS.some((level) => level === value);
}

/** The levels that clients of one server asked for. Those who asked for none are sent no logs. */
export class LogLevels<Client> {
  readonly #asked = new Map<Client, LoggingLevel>();

  /** What the server is to log for all of them; undefined while nobody asked. */
  get mostVerbose(): LoggingLevel | undefined {
    const asked = new Set(this.#asked.values());
    return LEVELS.find((level) => asked.has(level));
  }

  set(client: Client, level: LoggingLevel): void {
    this.#asked.set(client, level);
  }

  delete(client: Client): void {
    this.#asked.delete(client);
  }

  /** Who is to see a message of this level. */
  *readersOf(level: unknown): Iterable<Client> {
    if (!isLoggingLevel(level)) return;
    const severity = LEVELS.indexOf(level);
    for (const [client, asked] of this.#asked) if (LEVELS.indexOf(asked) <= severity) yield client;
  }
}
