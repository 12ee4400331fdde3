import type { CustomResourceDefinition } from "../api/custom-resource-definition.ts";
import { GROUP } from "../api/v1alpha1/index.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import { commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { foregroundClock } from "./foreground-clock.ts";
import { listAll } from "./list-all.ts";
import {
  countObjects,
  definitions,
  forgetOtherVersions,
  needsMigration,
  rewriteObjects,
  type StoredKind,
  storedKindOf,
} from "./storage-migration.ts";

/** As typed. */
export interface MigrateOptions {
  readonly kubeconfig?: string;
  readonly dryRun?: boolean;
}

/** API servers that run side by side learn of a changed definition by a watch, and until then write what they wrote before. */
const SETTLE_MS = 10_000;
/** Names that are told. */
const MAX_NAMES = 50;

/**
 * `slipway migrate`: has every object of Slipway's kinds stored in the version that is stored now, and then has the API server forget
 * the others. May be ended at any time and started again: kinds that are done are left alone, and so are objects. Answers 1 where
 * objects could not be written; their kind then keeps its versions.
 * @throws {Error} where definitions or objects cannot be read.
 */
export async function migrate(
  { kubeconfig, dryRun = false }: MigrateOptions,
  context: CommandContext,
  clock: Clock = foregroundClock,
): Promise<number> {
  using connection = await commandClient(kubeconfig === undefined ? {} : { kubeconfig }, context, "slipway-migrate");
  const { client } = connection;
  const all = await listAll(client, definitions, {}, context.signal);
  const kinds = all.filter(({ spec }) => spec.group === GROUP).map(storedKindOf);
  if (kinds.length === 0) throw new Error(`the cluster has no kind of ${GROUP}`);
  let failed = 0;
  for (const kind of kinds) {
    const { name } = kind.definition.metadata;
    if (!needsMigration(kind)) {
      await write(context, `${name}: stored as ${kind.storage} alone\n`);
    } else if (dryRun) {
      const objects = await countObjects(client, kind, context.signal);
      await write(context, `${name}: stored as ${kind.stored.join(", ")}; would write ${objects} as ${kind.storage}\n`);
    } else if (!(await migrateKind(client, kind, context, clock))) {
      failed += 1;
    }
  }
  return failed === 0 ? 0 : 1;
}

async function migrateKind(client: KubeClient, kind: StoredKind, context: CommandContext, clock: Clock) {
  const { definition, storage } = kind;
  const { name } = definition.metadata;
  await delay(clock, settlingMs(definition, clock), context.signal);
  context.signal.throwIfAborted();
  const { objects, refused } = await rewriteObjects(client, kind, context.signal);
  if (refused.length === 0) {
    await forgetOtherVersions(client, kind, context.signal);
    await write(context, `${name}: wrote ${objects} as ${storage}; stored as ${storage} alone\n`);
    return true;
  }
  const lines = refused.slice(0, MAX_NAMES).map((each) => `  ${each.name}: ${each.because}\n`);
  const more = refused.length > lines.length ? `  and ${refused.length - lines.length} more\n` : "";
  const remedy = "mend or delete them, and run the command again";
  context.stderr.write(
    `${name}: ${refused.length} of ${objects} could not be written; ${remedy}:\n${lines.join("")}${more}`,
  );
  return false;
}

/** How long the newest change of the definition is to be waited for; never longer than it takes, whatever the server's clock says. */
function settlingMs({ metadata }: CustomResourceDefinition, clock: Clock): number {
  const times = (metadata.managedFields ?? []).map(({ time }) => Date.parse(time ?? "")).filter((time) => time > 0);
  const sinceMs = clock.now().getTime() - Math.max(0, ...times);
  return Math.min(Math.max(SETTLE_MS - sinceMs, 0), SETTLE_MS);
}
