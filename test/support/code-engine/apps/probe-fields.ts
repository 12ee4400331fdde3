import { type Field, integer, object, oneOf, optional, text, withDefault } from "../fields/field.ts";

/** `probe_liveness` and `probe_readiness`; times in seconds. */
export interface ProbeSpec {
  readonly type: "tcp" | "http" | undefined;
  readonly path: string | undefined;
  /** 0: the application's port. */
  readonly port: number;
  readonly interval: number;
  readonly timeout: number;
  readonly initial_delay: number | undefined;
  readonly failure_threshold: number;
}

const fields = {
  type: optional(oneOf("tcp", "http")),
  path: optional(text({ max: 2048 })),
  port: withDefault(integer(0, 65_535), 0),
  interval: withDefault(integer(1, 60), 10),
  timeout: withDefault(integer(1, 3600), 1),
  initial_delay: optional(integer(1, 10)),
  failure_threshold: withDefault(integer(1, 10), 1),
};

export const probe: Field<ProbeSpec> = object((members, at) => ({
  type: fields.type(members.type, `${at}.type`),
  path: fields.path(members.path, `${at}.path`),
  port: fields.port(members.port, `${at}.port`),
  interval: fields.interval(members.interval, `${at}.interval`),
  timeout: fields.timeout(members.timeout, `${at}.timeout`),
  initial_delay: fields.initial_delay(members.initial_delay, `${at}.initial_delay`),
  failure_threshold: fields.failure_threshold(members.failure_threshold, `${at}.failure_threshold`),
}));

/** What an application has that names no readiness probe. */
export const DEFAULT_READINESS: ProbeSpec = {
  type: "tcp",
  path: undefined,
  port: 0,
  interval: 10,
  timeout: 1,
  initial_delay: undefined,
  failure_threshold: 1,
};
