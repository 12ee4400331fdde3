import { formatKey, type KubeObject, keyOf, type ResourceType } from "../api/meta.ts";
import { mcpGateways, runtimeDeployments } from "../api/v1alpha1/index.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import { commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { foregroundClock } from "./foreground-clock.ts";
import { listAll } from "./list-all.ts";
import { UsageError } from "./usage-error.ts";

/** As typed. */
export interface UninstallOptions {
  readonly kubeconfig?: string;
  readonly drain?: boolean;
  /** Whether McpGateways count, too. */
  readonly gateways?: boolean;
  /** In seconds. */
  readonly timeout: string;
}

const POLL_MS = 1_000;
const MAX_TIMEOUT_SECONDS = 24 * 60 * 60;
/** Deletions that are under way at a time. */
const DELETIONS = 16;
/** Names that are told. */
const MAX_NAMES = 50;

/**
 * `slipway uninstall`: what the chart asks before it goes. Answers 1 where RuntimeDeployments are left in any namespace, since
 * without a controller nobody would clear away what runs outside for them; with `drain` it deletes them and waits until they are gone.
 * With `gateways` the same then holds for McpGateways: nobody would let go of them, and a kind does not go before its objects have.
 * @throws {UsageError} for what was typed. @throws {Error} where they cannot be read or deleted.
 */
export async function uninstall(
  { kubeconfig, drain = false, gateways = false, timeout }: UninstallOptions,
  context: CommandContext,
  clock: Clock = foregroundClock,
): Promise<number> {
  const timeoutSeconds = Number(timeout);
  if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS) {
    throw new UsageError(`--timeout: ${JSON.stringify(timeout)} is no number of seconds; write for example 240`);
  }
  const deadline = clock.monotonicMs() + timeoutSeconds * 1_000;
  const isOver = () => clock.monotonicMs() >= deadline;
  using connection = await commandClient(kubeconfig === undefined ? {} : { kubeconfig }, context, "slipway-uninstall");
  const { client } = connection;
  for (const type of gateways ? [runtimeDeployments, mcpGateways] : [runtimeDeployments]) {
    const left = await cleared(client, type, { drain, isOver, context, clock });
    if (left.length === 0) {
      await write(context, `no ${type.kind} is left\n`);
      continue;
    }
    const remedy = drain
      ? `still there after ${timeoutSeconds} s; their status says what they wait for`
      : "left, and without a controller nobody clears away what is there for them; delete them, and uninstall again";
    context.stderr.write(`${counted(left, type)} ${remedy}:\n${names(left)}`);
    return 1;
  }
  return 0;
}

interface ClearOptions {
  readonly drain: boolean;
  readonly isOver: () => boolean;
  readonly context: CommandContext;
  readonly clock: Clock;
}

/** Answers what is left of a kind: with `drain` what is left in the end. */
async function cleared(
  client: KubeClient,
  type: ResourceType,
  { drain, isOver, context, clock }: ClearOptions,
): Promise<readonly KubeObject[]> {
  let left = await objectsLeft(client, type, context.signal);
  if (drain && left.length > 0) await write(context, `deleting ${counted(left, type)}\n`);
  while (drain && left.length > 0 && !isOver()) {
    await deleteAll(client, type, left, context.signal);
    await delay(clock, POLL_MS, context.signal);
    context.signal.throwIfAborted();
    left = await objectsLeft(client, type, context.signal);
  }
  return left;
}

/** None where the kind is not there. */
async function objectsLeft(
  client: KubeClient,
  type: ResourceType,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  try {
    return await listAll(client, type, {}, signal);
  } catch (error) {
    if (isReason(error, "NotFound")) return [];
    throw error;
  }
}

async function deleteAll(
  client: KubeClient,
  type: ResourceType,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<void> {
  const waiting = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await deleteOne(client, type, next, signal);
  };
  await Promise.all(Array.from({ length: DELETIONS }, worker));
}

/** It, and not one that was made anew under its name since; the next look finds that. */
async function deleteOne(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(type, keyOf(object), { preconditions: { uid: object.metadata.uid }, signal });
  } catch (error) {
    if (!isReason(error, "NotFound", "Conflict")) throw error;
  }
}

function counted({ length }: readonly unknown[], { kind }: ResourceType): string {
  return length === 1 ? `1 ${kind}` : `${length} ${kind}s`;
}

function names(objects: readonly KubeObject[]): string {
  const lines = objects.slice(0, MAX_NAMES).map((object) => `  ${formatKey(keyOf(object))}\n`);
  const more = objects.length - lines.length;
  return `${lines.join("")}${more > 0 ? `  and ${more} more\n` : ""}`;
}
