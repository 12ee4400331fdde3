import { type RuntimeDeployment, runtimeDeployments } from "../api/v1alpha1/index.ts";
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
 * @throws {UsageError} for what was typed. @throws {Error} where they cannot be read or deleted.
 */
export async function uninstall(
  { kubeconfig, drain = false, timeout }: UninstallOptions,
  context: CommandContext,
  clock: Clock = foregroundClock,
): Promise<number> {
  const timeoutSeconds = Number(timeout);
  if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS) {
    throw new UsageError(`--timeout: ${JSON.stringify(timeout)} is no number of seconds; write for example 240`);
  }
  const deadline = clock.monotonicMs() + timeoutSeconds * 1_000;
  using connection = await commandClient(kubeconfig === undefined ? {} : { kubeconfig }, context, "slipway-uninstall");
  const { client } = connection;
  let left = await deploymentsLeft(client, context.signal);
  if (drain && left.length > 0) await write(context, `deleting ${counted(left)}\n`);
  while (drain && left.length > 0 && clock.monotonicMs() < deadline) {
    await deleteAll(client, left, context.signal);
    await delay(clock, POLL_MS, context.signal);
    context.signal.throwIfAborted();
    left = await deploymentsLeft(client, context.signal);
  }
  if (left.length === 0) {
    await write(context, "no RuntimeDeployment is left\n");
    return 0;
  }
  const remedy = drain
    ? `still there after ${timeoutSeconds} s; their status says what they wait for`
    : "left, and without a controller nobody clears away what runs for them; delete them, and uninstall again";
  context.stderr.write(`${counted(left)} ${remedy}:\n${names(left)}`);
  return 1;
}

/** None where the kind is not there. */
async function deploymentsLeft(client: KubeClient, signal: AbortSignal): Promise<readonly RuntimeDeployment[]> {
  try {
    return await listAll(client, runtimeDeployments, {}, signal);
  } catch (error) {
    if (isReason(error, "NotFound")) return [];
    throw error;
  }
}

async function deleteAll(
  client: KubeClient,
  deployments: readonly RuntimeDeployment[],
  signal: AbortSignal,
): Promise<void> {
  const waiting = deployments.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await deleteOne(client, next, signal);
  };
  await Promise.all(Array.from({ length: DELETIONS }, worker));
}

/** It, and not one that was made anew under its name since; the next look finds that. */
async function deleteOne(client: KubeClient, { metadata }: RuntimeDeployment, signal: AbortSignal): Promise<void> {
  const { name, namespace = "", uid } = metadata;
  try {
    await client.delete(runtimeDeployments, { name, namespace }, { preconditions: { uid }, signal });
  } catch (error) {
    if (!isReason(error, "NotFound", "Conflict")) throw error;
  }
}

function counted({ length }: readonly unknown[]): string {
  return length === 1 ? "1 RuntimeDeployment" : `${length} RuntimeDeployments`;
}

function names(deployments: readonly RuntimeDeployment[]): string {
  const lines = deployments.slice(0, MAX_NAMES).map(({ metadata }) => `  ${metadata.namespace}/${metadata.name}\n`);
  const more = deployments.length - lines.length;
  return `${lines.join("")}${more > 0 ? `  and ${more} more\n` : ""}`;
}
