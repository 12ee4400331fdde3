/** A message of JSON-RPC, and which way it went. */
export interface RecordedMessage {
  readonly way: "sent" | "received";
  readonly message: Record<string, unknown>;
}

/** What the transports of both SDK versions have in common, as far as it is watched. */
interface Watched {
  send(message: never, ...rest: never[]): Promise<void>;
  onmessage?: ((message: never, ...rest: never[]) => void) | undefined;
}

/** The transport with each of its messages kept in `recorded`. */
export function recording<T extends Watched>(transport: T, recorded: RecordedMessage[]): T {
  return new Proxy(transport, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name !== "send") return value.bind(target) as unknown;
      return (message: never, ...rest: never[]) => {
        recorded.push({ way: "sent", message });
        return target.send(message, ...rest);
      };
    },
    set(target, name, value) {
      if (name !== "onmessage" || typeof value !== "function") return Reflect.set(target, name, value, target);
      const handler = value as (...all: unknown[]) => void;
      return Reflect.set(
        target,
        name,
        (message: Record<string, unknown>, ...rest: unknown[]) => {
          recorded.push({ way: "received", message });
          handler(message, ...rest);
        },
        target,
      );
    },
  });
}

/**
 * What was said, so that two conversations can be compared: by call and in order within each, since calls and streams
 * overtake each other; what differs between any two sessions is replaced.
 */
export function comparable(recorded: readonly RecordedMessage[]): Record<string, string[]> {
  const byCall = Object.groupBy(recorded, ({ way, message }) => `${way} ${threadOf(message)}`);
  return Object.fromEntries(
    Object.entries(byCall)
      .map(
        ([call, messages]) => [call, (messages ?? []).map(({ message }) => neutral(JSON.stringify(message)))] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function threadOf(message: Record<string, unknown>): string {
  const params = message.params as { progressToken?: unknown } | undefined;
  if (message.id !== undefined)
    return "method" in message ? `request ${String(message.id)}` : `answer ${String(message.id)}`;
  return `${String(message.method)} ${String(params?.progressToken ?? "")}`;
}

function neutral(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/\d{1,2}:\d\d:\d\d [AP]M/g, "<time>")
    .replace(/("iat":)\d+/g, "$1<time>");
}
