import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";

/** The Engine's own profile has 14 KB; each look at a container carries the whole of it. */
const MAX_BYTES = 128 * 1024;

/**
 * What a filter may answer. SCMP_ACT_NOTIFY is left out: it asks a program on the Engine's machine, whose socket the
 * profile would name.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp
 */
const ACTIONS = new Set(
  "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG TRACE TRAP".split(" ").map((name) => `SCMP_ACT_${name}`),
);

/** Members that have a program outside decide. */
const FOREIGN = ["listenerPath", "listenerMetadata"];

/**
 * Pure. The Engine reads a profile when it starts a container, which is too late to say that there is none. Answers its
 * shortest text.
 * @throws {TerminalError} `InvalidSpec` for what the Engine would not take, or what asks a program outside.
 */
export function seccompProfile(json: string): string {
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_BYTES) throw invalid(`has ${bytes} bytes, ${MAX_BYTES} are allowed; leave out comments`);
  const profile = parse(json);
  for (const member of FOREIGN) if (member in profile) throw invalid(`${member} is not allowed`);
  checkAction("defaultAction", profile.defaultAction);
  const { syscalls = [], architectures, archMap } = profile;
  if (isFilled(architectures) && isFilled(archMap)) throw invalid("has both architectures and archMap; leave one out");
  if (architectures !== undefined && !isTexts(architectures)) throw invalid("architectures must be a list of names");
  if (!Array.isArray(syscalls)) throw invalid("syscalls must be a list");
  for (const [at, rule] of syscalls.entries()) checkRule(`syscalls[${at}]`, rule);
  return JSON.stringify(profile);
}

function parse(json: string): Record<string, unknown> {
  try {
    const profile: unknown = JSON.parse(json);
    if (isObject(profile)) return profile;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid("is no JSON; take one from https://docs.docker.com/engine/security/seccomp/ to begin with", error);
  }
  throw invalid("must be an object");
}

function checkRule(path: string, rule: unknown): void {
  if (!isObject(rule)) throw invalid(`${path} must be an object`);
  const { name, names, action, args } = rule;
  const old = typeof name === "string" && name !== "";
  if (old && isFilled(names)) throw invalid(`${path} has both name and names; leave one out`);
  if (!old && !(isTexts(names) && names.length > 0)) throw invalid(`${path}.names must be a list of system calls`);
  checkAction(`${path}.action`, action);
  if (args !== undefined && args !== null && !(Array.isArray(args) && args.every(isObject)))
    throw invalid(`${path}.args must be a list of objects`);
}

function checkAction(path: string, action: unknown): void {
  if (typeof action === "string" && ACTIONS.has(action)) return;
  throw invalid(`${path} is ${JSON.stringify(action) ?? "missing"}; it must be one of ${[...ACTIONS].join(", ")}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function invalid(problem: string, cause?: unknown): TerminalError {
  return new TerminalError(Reason.InvalidSpec, `the profile's seccomp filter: ${problem}`, { cause });
}
