import { stripVTControlCharacters } from "node:util";
import { LOG_TAIL } from "../../api/v1alpha1/build-status.schema.ts";
import type { Owner } from "../../backends/backend.ts";
import type { BuildRequest, ImageBuilder } from "../../backends/build.ts";
import { inOneLine } from "../../machinery/one-line.ts";

/** A log is an addition to what is known of a build: nobody waits longer for it. */
const TIMEOUT_MS = 5_000;
/** Shorter values would be found everywhere. */
const SHORTEST_SECRET = 4;

/**
 * The last lines of an owner's newest build, at most `LOG_TAIL.lines`, without terminal codes and without the values of the
 * request's Secrets. Empty where the log cannot be read: why a build failed is known without it.
 */
export async function lastLines(
  builder: Pick<ImageBuilder, "buildLogs">,
  { owner, request, tail }: { owner: Owner; request: BuildRequest; tail: number },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const secrets = secretsOf(request);
  const lines: string[] = [];
  try {
    const options = { tail, follow: false, timestamps: false };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    for await (const line of builder.buildLogs(owner, options, bounded)) {
      lines.push(presentable(line, secrets));
      if (lines.length > tail) lines.shift();
      bounded.throwIfAborted();
    }
  } catch {
    signal.throwIfAborted();
  }
  return lines.filter((line) => line !== "");
}

function presentable(line: string, secrets: readonly string[]): string {
  const without = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), line);
  return inOneLine(stripVTControlCharacters(without)).trim().slice(0, LOG_TAIL.lineLength);
}

/** Values that a build has been given and might print. The longest come first: one may be the beginning of another. */
function secretsOf({ source: { credentials }, push }: BuildRequest): readonly string[] {
  const own = credentials?.kind === "basic" ? [credentials.password] : (credentials?.privateKey.split("\n") ?? []);
  const all = [...own, ...registrySecrets(push?.dockerConfig)].filter((secret) => secret.length >= SHORTEST_SECRET);
  return all.sort((a, b) => b.length - a.length);
}

function registrySecrets(dockerConfig = "{}"): string[] {
  const found: string[] = [];
  try {
    JSON.parse(dockerConfig, (key, value: unknown) => {
      if (typeof value !== "string" || !REGISTRY_SECRETS.has(key)) return value;
      found.push(value);
      if (key === "auth") found.push(passwordIn(value));
      return value;
    });
  } catch {
    // What is no JSON is no Secret that a registry takes: the backend refuses it, and nothing of it is used.
  }
  return found;
}

/** `auth` is `user:password` in base64, and often the only place that the password stands in. */
function passwordIn(auth: string): string {
  const plain = Buffer.from(auth, "base64").toString("utf8");
  return plain.slice(plain.indexOf(":") + 1);
}

const REGISTRY_SECRETS: ReadonlySet<string> = new Set(["password", "auth", "identitytoken", "registrytoken"]);
