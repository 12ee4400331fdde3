import type { Rollout, Workload, WorkloadState } from "../../backend.ts";
import type { App, Revision } from "../client/resources/apps.ts";
import { appDrift } from "./app-drift.ts";
import { type Maker, marksOf } from "./marks.ts";
import { type Made, markOf, type WorkloadRecord } from "./record.ts";
import { revisionTrouble } from "./revision-trouble.ts";

/** One workload as Code Engine tells of it. */
export interface Sight {
  readonly record: WorkloadRecord;
  /** Ours; undefined where there is none. */
  readonly app: App | undefined;
  /** The latest that was made, and the latest that was ready, as far as they have to be known. */
  readonly created: Revision | undefined;
  readonly ready: Revision | undefined;
  /** Fields that Code Engine reads in a way of its own: no drift. */
  readonly itsOwn: readonly string[];
}

export interface Around {
  readonly maker: Maker;
  /** Whether the controller is on the provider's private network. */
  readonly privateNetwork: boolean;
}

/** Pure. Undefined where something else than anybody asked for is there: an app that shall run and is gone. */
export function workloadOf(sight: Sight, around: Around): Workload | undefined {
  const { record, app } = sight;
  const [newest] = record.made;
  if (record.state !== "started" && !app) return atRest(record, newest);
  if (!app) return undefined;
  const serving = servingOf(sight, around.maker);
  const base = {
    id: app.name,
    owner: record.owner,
    role: "current",
    platformRestarts: 0,
    hostPort: undefined,
  } as const;
  if (record.state !== "started") {
    // It was stopped and is still being deleted.
    return { ...base, ...madeOf(newest), state: { kind: "running" }, address: undefined, drift: [] };
  }
  if (!serving)
    return {
      ...base,
      ...madeOf(newest),
      state: unready(sight),
      address: undefined,
      drift: driftOf(sight, around.maker),
    };
  const marks = serving.marks;
  const made = record.made.find((each) => markOf(each) === marks.hash);
  return {
    ...base,
    ...(made ? madeOf(made) : unknownMade(marks.hash, serving.image, newest)),
    state: { kind: "running" },
    ...endpointOf(app, newest, around),
    scalesToZero: (app.scale_min_instances ?? 0) === 0,
    rollout: rolloutOf(sight, serving.marks, around.maker),
    drift: driftOf(sight, around.maker),
  };
}

function atRest(record: WorkloadRecord, made: Made): Workload {
  const state: WorkloadState =
    record.state === "created"
      ? { kind: "created" }
      : { kind: "exited", exitCode: 0, outOfMemory: false, error: "", at: record.stoppedAt ?? "" };
  const { prototype } = made;
  return {
    id: prototype.name,
    owner: record.owner,
    role: "current",
    ...madeOf(made),
    state,
    platformRestarts: 0,
    hostPort: undefined,
    address: undefined,
    drift: [],
  };
}

function madeOf({ hash, generation, image, guardrails, startedAt }: Made) {
  return { hash, generation, image: { pinned: image }, guardrails, startedAt };
}

/** Of a revision that the record has forgotten: it is not what is wanted, and nothing vouches for it. */
function unknownMade(hash: string, image: string, { startedAt }: Made) {
  return { hash, generation: 0, image: { pinned: image }, guardrails: undefined, startedAt };
}

/** The marks of the revision that requests go to. */
function servingOf({ app, ready, created }: Sight, maker: Maker) {
  const name = app?.status_details?.latest_ready_revision;
  if (!app || app.status === "failed" || name === undefined || name === "") return undefined;
  const revision = [ready, created].find((each) => each?.name === name);
  const marks = revision ? marksOf(revision, maker) : marksOf(app, maker);
  return { marks: marks ?? { hash: "", attempt: 0 }, image: (revision ?? app).image_reference };
}

function unready({ app, created }: Sight): WorkloadState {
  if (app?.status === "failed" && created) return { kind: "failed", ...revisionTrouble(created) };
  const waits = app?.status_details?.reason === "waiting_for_resources";
  return {
    kind: "starting",
    waitsFor: waits ? "it waits for room in the project, whose limit may be reached" : undefined,
  };
}

function rolloutOf(
  { app, created, record }: Sight,
  serving: { readonly hash: string; readonly attempt: number },
  maker: Maker,
): Rollout | undefined {
  const asked = app && marksOf(app, maker);
  if (!app || !asked || (asked.hash === serving.hash && asked.attempt === serving.attempt && app.status === "ready"))
    return undefined;
  const id = app.status_details?.latest_created_revision ?? "";
  const failed = created?.status === "failed" && created.name === id && marksOf(created, maker)?.hash === asked.hash;
  const { hash = asked.hash, generation = 0 } = record.made.find((each) => markOf(each) === asked.hash) ?? {};
  return { id, hash, generation, trouble: failed ? revisionTrouble(created) : undefined };
}

/** By what the app itself says that it was made from: that something newer is asked for is no drift. */
function driftOf({ app, record, itsOwn }: Sight, maker: Maker) {
  if (!app) return [];
  const mark = marksOf(app, maker)?.hash;
  const made = record.made.find((each) => markOf(each) === mark) ?? record.made[0];
  return appDrift(app, made.prototype, itsOwn);
}

function endpointOf(app: App, { closed }: Made, { privateNetwork }: Around) {
  const internal = app.managed_domain_mappings === "local";
  const text = internal ? app.endpoint_internal : app.endpoint;
  if (closed || text === undefined || !URL.canParse(text)) return { address: undefined };
  const { hostname, port, protocol } = new URL(text);
  const secure = protocol === "https:";
  const address = `${hostname}:${port === "" ? (secure ? 443 : 80) : port}`;
  return { address, secure, unreachable: unreachable(app, privateNetwork) };
}

function unreachable({ managed_domain_mappings: mapping }: App, privateNetwork: boolean): string | undefined {
  if (mapping === "local")
    return "its visibility is project, so that only what runs in its Code Engine project reaches it, and this controller does not";
  if (mapping === "local_private" && !privateNetwork)
    return "its visibility is private, so that only IBM's private network reaches it, where this controller is not (spec.codeEngine.privateNetwork)";
  return undefined;
}
