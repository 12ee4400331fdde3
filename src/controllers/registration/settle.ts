import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { McpGateway, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { jittered } from "../../machinery/backoff.ts";
import { announcementOf, digestOf, hasDrifted, isRival } from "./announcement.ts";
import type { Announcement, Entry, ExternalGateway, Written } from "./external-gateway.ts";
import type { LiveGateway } from "./live-gateway.ts";
import { isAnothers, isOwn } from "./naming.ts";
import type { Serving } from "./serving.ts";
import type { Registration, Standing } from "./status.ts";

/** What is left of a registration, and how it stands. */
export interface Settled {
  /** Undefined: nothing is there any more. */
  readonly registration: Registration | undefined;
  readonly standing: Omit<Standing, "gateway"> | undefined;
  /** When to look again; undefined: at leisure. */
  readonly againInMs?: number | undefined;
}

export interface Matter {
  readonly deployment: RuntimeDeployment;
  readonly gateway: McpGateway;
  readonly live: LiveGateway;
  readonly registration: Registration | undefined;
  readonly serving: Serving;
  readonly key: Uint8Array;
  /** Nothing of it was ever made there, or tried to be. */
  readonly isNew: boolean;
  /** Called with what is known, as soon as it is: what fails later must not lose it. */
  readonly learn: (registration: Registration) => void;
  readonly signal: AbortSignal;
}

/** How soon what is on its way out is looked at again. */
const DELETING_MS = 2_000;
/** How soon it is looked whether the gateway has reached the server by itself, spread over half that time. */
const UNREACHABLE_MS = 120_000;

/**
 * Brings one entry to what it should be, a call at a time: found by its ID, or else by its tag, so that an answer that was
 * lost makes no second one; never one that has not that tag.
 */
export async function settle(matter: Matter): Promise<Settled> {
  const { gateway, live, registration, serving } = matter;
  const name = gateway.metadata.name;
  if (!registration && serving.kind !== "serves") return { registration: undefined, standing: waits };
  const { client } = live;
  const known = await findOwn(matter);
  const found = known.own;
  if (found?.state === "deleting") {
    const message = "an entry of it is being removed; another is made then";
    return { registration: recordOf(name, found), standing: pending(message), againInMs: DELETING_MS };
  }
  if (serving.kind !== "serves") return keepQuiet(matter, found);

  const announcement = announcementOf(matter.deployment, gateway, { url: serving.url, token: live.serverToken });
  const digest = digestOf(announcement, matter.key);
  if (!found) {
    const rival = known.others.find((entry) => isRival(entry, announcement, client));
    if (rival) return { registration: { gateway: name }, standing: conflict(rival, announcement, client) };
    return conclude(matter, await client.create(announcement, matter.signal), { announcement, digest });
  }
  const same = registration?.id === found.id && registration.digest === digest;
  if (found.state === "pending") {
    // What it was made from is known only where this very entry was.
    const made = registration?.id === found.id ? registration.digest : undefined;
    return conclude(matter, { entry: found, againInMs: DELETING_MS }, { announcement, digest: made });
  }
  if (same && !hasDrifted(found, announcement, client)) {
    return conclude(matter, { entry: found, againInMs: undefined }, { announcement, digest });
  }
  return conclude(matter, await client.update(found.id, announcement, matter.signal), { announcement, digest });
}

/** Removes what there is. */
export async function withdraw(
  matter: Omit<Matter, "serving" | "key" | "gateway" | "isNew"> & { name: string },
): Promise<Settled> {
  const { live, registration, signal, deployment, name } = matter;
  if (!registration) return { registration: undefined, standing: undefined };
  // Two where an answer was lost and the gateway lets names be used twice.
  const ids =
    registration.id === undefined
      ? (await live.lists.now(signal)).filter(isOwn(deployment, name)).map(({ id }) => id)
      : await withoutAnothers(registration.id, matter);
  const gone = await Promise.all(ids.map((id) => live.client.remove(id, signal)));
  if (gone.every(Boolean)) return { registration: undefined, standing: undefined };
  const [id] = ids;
  const left = { ...registration, gateway: name, ...(id !== undefined && { id }) };
  return { registration: left, standing: pending("its entry is being removed"), againInMs: DELETING_MS };
}

/** A status is text: what it names may be another deployment's. */
async function withoutAnothers(
  id: string,
  { live, deployment, signal }: Pick<Matter, "live" | "deployment" | "signal">,
): Promise<readonly string[]> {
  const entry = await live.client.get(id, signal);
  return entry && isAnothers(deployment)(entry) ? [] : [id];
}

const waits = { status: "False", reason: Reason.WaitsForReady, message: "registered as soon as it is Ready" } as const;

function pending(message: string): Omit<Standing, "gateway"> {
  return { status: "False", reason: Reason.RegistrationPending, message };
}

function conflict(rival: Entry, announcement: Announcement, client: ExternalGateway): Omit<Standing, "gateway"> {
  const what = client.isSameName(rival.name, announcement.name) ? `the name "${announcement.name}"` : "its URL";
  const message = `${what} belongs to entry ${rival.id} ("${rival.name}"), which is not this deployment's; remove or rename that one there`;
  return { status: "False", reason: Reason.RegistrationConflict, message };
}

/** Its own entry, and, where all had to be looked through, those of others. */
async function findOwn({ deployment, gateway, registration, live, isNew, signal }: Matter): Promise<{
  own: Entry | undefined;
  others: readonly Entry[];
}> {
  const { client, lists } = live;
  if (registration?.id !== undefined) {
    const own = await client.get(registration.id, signal);
    if (own && !isAnothers(deployment)(own)) return { own, others: [] };
  }
  const entries = await (isNew ? lists.recent(signal) : lists.now(signal));
  const isMine = isOwn(deployment, gateway.metadata.name);
  const mine = entries.filter(isMine);
  const [first, ...more] = mine.filter(({ state }) => state !== "deleting");
  // Somebody has copied it there, or an answer was lost where names may be used twice.
  for (const { id } of more) await client.remove(id, signal);
  return { own: first ?? mine[0], others: entries.filter((entry) => !isMine(entry)) };
}

/** While the server is away: switched off, but not for a blink. */
async function keepQuiet(matter: Matter, found: Entry | undefined): Promise<Settled> {
  const { gateway, live, serving, signal, registration } = matter;
  const name = gateway.metadata.name;
  // One that is being made by a call whose answer was lost may still appear.
  if (!found) return { registration: { gateway: name }, standing: waits };
  const left = recordOf(name, found, registration?.id === found.id ? registration.digest : undefined);
  if (serving.kind === "blinks") {
    const message = `registered as "${found.name}"; the server is away for the moment`;
    return {
      registration: left,
      standing: {
        status: found.enabled ? "True" : "False",
        reason: found.enabled ? Reason.Registered : Reason.RegistrationInactive,
        message,
      },
      againInMs: serving.forMs,
    };
  }
  matter.learn(left);
  if (found.enabled) await live.client.setEnabled(found.id, false, signal);
  const message = `its entry "${found.name}" is switched off while the server does not serve`;
  return {
    registration: { ...left, active: false },
    standing: { status: "False", reason: Reason.RegistrationInactive, message },
  };
}

/** What is there now, switched on where it was not. */
async function conclude(
  matter: Matter,
  { entry, againInMs }: Written,
  { announcement, digest }: { announcement: Announcement; digest: string | undefined },
): Promise<Settled> {
  const { gateway, live, signal } = matter;
  const name = gateway.metadata.name;
  const record = recordOf(name, entry, digest);
  matter.learn(record);
  if (entry.state === "pending") {
    const message = `the gateway is still connecting to ${announcement.url}`;
    return { registration: record, standing: pending(message), againInMs: againInMs ?? DELETING_MS };
  }
  const on = entry.enabled ? entry : await switchOn(live.client, entry, signal);
  const registration = recordOf(name, on, digest);
  if (!on.reachable) {
    const said = on.lastError === undefined ? "" : ` (${withoutSecret(on.lastError, live.serverToken)})`;
    const message = `registered as "${entry.name}", and the gateway cannot reach ${announcement.url}${said}; see serverBaseUrl and serverTokenSecretRef of the McpGateway`;
    return {
      registration,
      standing: { status: "False", reason: Reason.ServerUnreachable, message },
      againInMs: jittered(UNREACHABLE_MS),
    };
  }
  const message = `registered as "${entry.name}"`;
  return { registration, standing: { status: "True", reason: Reason.Registered, message } };
}

/** The gateway connects to the server then, so what it knew of it before is out of date. */
async function switchOn(client: ExternalGateway, entry: Entry, signal: AbortSignal): Promise<Entry> {
  await client.setEnabled(entry.id, true, signal);
  return { ...((await client.get(entry.id, signal)) ?? entry), enabled: true };
}

function recordOf(gateway: string, { id, name, url, enabled, tools }: Entry, digest?: string): Registration {
  return {
    ...{ gateway, id, name, url },
    active: enabled,
    ...(tools !== undefined && { tools }),
    ...(digest !== undefined && { digest }),
  };
}

function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined || secret === "" ? text : text.replaceAll(secret, "[redacted]");
}
