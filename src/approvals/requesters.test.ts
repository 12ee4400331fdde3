import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { annotated, KEYS, keysOf, serverOf } from "../../test/support/approvals.ts";
import type { KubeObject } from "../api/meta.ts";
import { REQUESTERS_ANNOTATION } from "../api/v1alpha1/index.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { UNKNOWN_REQUESTER } from "./people.ts";
import {
  isStampedFor,
  ownDigest,
  type RequesterEntry,
  readRequesters,
  requestersSince,
  stampRequester,
} from "./requesters.ts";
import type { StampKeys } from "./stamp-keys.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number) => new Date(START + seconds * 1000);
const LIST = REQUESTERS_ANNOTATION;

interface By {
  readonly user?: string;
  readonly now?: Date;
  readonly keys?: StampKeys;
  readonly groups?: readonly string[];
}

const writing = ({ user = "dana", now = at(1), keys = KEYS, groups = ["dev"] }: By = {}) => ({
  ...{ user: { username: user, groups }, now, keys },
});

/** The object as it is stored after the write. */
function stored<T extends KubeObject>(object: T, oldObject?: T, by: By = {}): T {
  return annotated(object, LIST, stampRequester(object, oldObject, writing(by)));
}

const users = (entries: readonly RequesterEntry[]) => entries.map(({ user }) => user);
const listOf = (object: KubeObject) => object.metadata.annotations?.[LIST] ?? "";
const env = (value: string) => ({ env: [{ name: "A", value }] });
const server = (value: string) => serverOf(env(value));

describe("the digest of one's own part", () => {
  it.each<{ because: string; a: KubeObject; b: KubeObject; same: boolean }>([
    {
      because: "the image counts",
      a: server("1"),
      b: serverOf({ source: { image: { reference: "x" } } }),
      same: false,
    },
    { because: "variables count", a: server("1"), b: server("2"), same: false },
    { because: "stopping does not", a: serverOf(), b: serverOf({ desiredState: "Stopped" }), same: true },
    { because: "probing does not", a: serverOf(), b: serverOf({ health: { probe: "tcp" } }), same: true },
    { because: "announcing does not", a: serverOf(), b: serverOf({ registerWith: [{}] }), same: true },
    { because: "labels do not", a: serverOf(), b: serverOf({}, { labels: { a: "b" } }), same: true },
    { because: "a rebuild counts", a: serverOf(), b: annotated(serverOf(), "slipway.dev/rebuild", "2"), same: false },
    {
      because: "so does another request",
      a: serverOf(),
      b: annotated(serverOf(), "slipway.dev/request", "2"),
      same: false,
    },
    {
      because: "other annotations do not",
      a: serverOf(),
      b: annotated(serverOf(), "slipway.dev/scan", "{}"),
      same: true,
    },
    {
      because: "what the schema fills in does not",
      a: serverOf(),
      b: serverOf({ restartPolicy: "Always" }),
      same: true,
    },
    {
      because: "nor deep inside",
      a: serverOf({ source: { image: { reference: "x" } } }),
      b: serverOf({ source: { image: { reference: "x", pullPolicy: "IfNotPresent" } } }),
      same: true,
    },
    { because: "another than the default does", a: serverOf(), b: serverOf({ restartPolicy: "Never" }), same: false },
    {
      because: "a shape that no schema has does no harm",
      a: serverOf(),
      b: { ...serverOf(), spec: [1] } as never,
      same: false,
    },
  ])("$because", ({ a, b, same }) => {
    expect(ownDigest(a) === ownDigest(b)).toBe(same);
    expect(ownDigest(a)).toMatch(/^v1:sha256:[0-9a-f]{64}$/);
  });

  it("counts what a backend says of health, which is no probe", () => {
    const backend = (spec: object) => ({ ...serverOf(), kind: "RuntimeBackend", spec }) as unknown as KubeObject;
    expect(ownDigest(backend({ health: 1 }))).not.toBe(ownDigest(backend({})));
  });
});

describe("the list of requesters", () => {
  it("names who made the object", () => {
    const { entries, problem } = readRequesters(stored(server("1")), KEYS);
    expect(problem).toBeUndefined();
    expect(entries).toEqual([
      { user: "dana", groups: ["dev"], at: at(1).toISOString(), digest: ownDigest(server("1")) },
    ]);
  });

  it("is the same as before where a write leaves alone what counts", () => {
    const first = stored(server("1"));
    const labelled = { ...first, metadata: { ...first.metadata, labels: { a: "b" } } };
    expect(listOf(stored(labelled, first, { user: "mallory" }))).toBe(listOf(first));
  });

  it("comes back when somebody takes it off or writes another", () => {
    const first = stored(server("1"));
    for (const value of [undefined, "", "[]", listOf(stored(server("1"), undefined, { user: "kim" }))])
      expect(listOf(stored(annotated(first, LIST, value), first, { user: "mallory" }))).toBe(listOf(first));
  });

  it("gets everybody who changes what counts, in order", () => {
    const first = stored(server("1"));
    const second = stored(server("2"), first, { user: "sam", now: at(2) });
    const third = stored(server("3"), second, { now: at(3) });
    expect(users(readRequesters(third, KEYS).entries)).toEqual(["dana", "sam", "dana"]);
  });

  it("is read where the name and the UID came after it", () => {
    const asked = serverOf({}, { name: undefined, uid: undefined, generateName: "server-" });
    const list = stampRequester(asked, undefined, writing());
    const made = serverOf({}, { name: "server-x7k2p", generateName: "server-" });
    expect(readRequesters(annotated(made, LIST, list), KEYS).problem).toBeUndefined();
    const other = serverOf({}, { name: "other-x7k2p", generateName: "other-" });
    expect(readRequesters(annotated(other, LIST, list), KEYS).problem).toBeDefined();
  });

  it("is read with an old key, and signed with the new one at the next write", () => {
    const first = stored(server("1"), undefined, { keys: keysOf("old") });
    const both = keysOf("new", "old");
    expect(readRequesters(first, both).problem).toBeUndefined();
    const second = stored(server("2"), first, { user: "sam", keys: both });
    expect(users(readRequesters(second, keysOf("new")).entries)).toEqual(["dana", "sam"]);
    expect(readRequesters(first, keysOf("new")).problem).toContain("no authentic list");
  });

  describe("shows what was written past admission:", () => {
    const first = stored(server("1"));
    const second = stored(server("2"), first, { user: "sam", now: at(400) });
    const list = JSON.parse(listOf(second)) as { entries: RequesterEntry[]; mac: string };
    const relisted = (object: KubeObject, value: object | string) =>
      annotated(object, LIST, typeof value === "string" ? value : JSON.stringify(value));
    const [dana, sam] = list.entries as [RequesterEntry, RequesterEntry];
    it.each<{ because: string; object: KubeObject }>([
      { because: "an object without a list", object: server("1") },
      { because: "a spec that was changed", object: { ...second, spec: server("3").spec } as KubeObject },
      { because: "no JSON", object: relisted(second, "{") },
      { because: "another shape", object: relisted(second, "[]") },
      { because: "entries that are none", object: relisted(second, { ...list, entries: {} }) },
      { because: "no stamp", object: relisted(second, { entries: list.entries }) },
      { because: "a stamp that somebody made up", object: relisted(second, { ...list, mac: `v1:${"A".repeat(43)}` }) },
      { because: "another name", object: relisted(second, { ...list, entries: [dana, { ...sam, user: "kim" }] }) },
      { because: "somebody left out", object: relisted(second, { ...list, entries: [sam] }) },
      {
        because: "the newest left out",
        object: relisted({ ...second, spec: first.spec } as KubeObject, { ...list, entries: [dana] }),
      },
      {
        because: "another order",
        object: relisted({ ...second, spec: first.spec } as KubeObject, { ...list, entries: [sam, dana] }),
      },
      { because: "somebody added", object: relisted(second, { ...list, entries: [dana, sam, sam] }) },
      {
        because: "the list of one of its name that went long ago",
        object: relisted(
          { ...first, metadata: { ...first.metadata, creationTimestamp: "2026-01-02T00:00:00Z" } },
          listOf(first),
        ),
      },
      { because: "the list of another object", object: { ...second, metadata: { ...second.metadata, name: "other" } } },
      { because: "of another namespace", object: { ...second, metadata: { ...second.metadata, namespace: "other" } } },
      { because: "of another UID", object: { ...second, metadata: { ...second.metadata, uid: "other" } } },
      { because: "of another kind", object: { ...second, kind: "RuntimeBackend" } },
    ])("$because", ({ object }) => {
      expect(readRequesters(object, KEYS).problem).toMatch(/annotation slipway.dev\/request$/);
    });

    it("also where the key is missing", () => {
      expect(readRequesters(second, undefined)).toEqual({ entries: [], problem: "the key of the stamps is missing" });
    });

    it("and takes it for the work of somebody unknown from the next write on", () => {
      const past = { ...second, spec: server("3").spec };
      const asked = stored(annotated(past, "slipway.dev/request", "1"), past, { user: "kim", now: at(500) });
      const { entries, problem } = readRequesters(asked, KEYS);
      expect(problem).toBeUndefined();
      expect(users(entries)).toEqual(["dana", "sam", UNKNOWN_REQUESTER, "kim"]);
      const bare = server("3");
      const taken = stored(annotated(bare, "slipway.dev/request", "1"), bare, { user: "kim" });
      expect(users(readRequesters(taken, KEYS).entries)).toEqual([UNKNOWN_REQUESTER, "kim"]);
    });

    it("and not at a write that changes nothing that counts", () => {
      const bare = server("3");
      expect(
        stampRequester({ ...bare, metadata: { ...bare.metadata, labels: { a: "b" } } }, bare, writing()),
      ).toBeUndefined();
    });
  });

  it("is nobody's where a profile is as it ships", () => {
    const shipped = {
      ...serverOf(),
      ...builtInProfile("standard"),
      metadata: { ...serverOf().metadata, name: "standard" },
    };
    expect(readRequesters(shipped as KubeObject, KEYS)).toEqual({ entries: [], problem: undefined });
    const other = { ...shipped, metadata: { ...shipped.metadata, name: "mine" } } as KubeObject;
    expect(readRequesters(other, KEYS).problem).toBeDefined();
  });

  it("is nobody's where a backend is as it is made at the first start", () => {
    const backend = (name: string, spec: object) =>
      ({ ...serverOf(), kind: "RuntimeBackend", spec, metadata: { ...serverOf().metadata, name } }) as KubeObject;
    const made = { type: "docker", default: true };
    expect(readRequesters(backend("docker", made), KEYS)).toEqual({ entries: [], problem: undefined });
    expect(readRequesters(backend("other", made), KEYS).problem).toBeDefined();
    const moved = { ...made, docker: { host: "tcp://10.0.0.7:2376" } };
    expect(readRequesters(backend("docker", moved), KEYS).problem).toBeDefined();
  });
});

describe("who asked since a version", () => {
  const contents = ["1", "2", "3", "4"];
  const history = (max: number, people: number) =>
    fc.array(fc.tuple(fc.nat(people - 1), fc.constantFrom(...contents)), { minLength: 1, maxLength: max });
  const play = (writes: readonly (readonly [number, string])[]) =>
    writes.reduce<{ object: KubeObject; exact: { user: string; digest: string }[] } | undefined>(
      (before, [who, content], index) => {
        const next = server(content);
        const user = `user${who}`;
        const object = stored(next, before?.object as typeof next, { user, now: at(index) });
        const changes = before === undefined || ownDigest(before.object) !== ownDigest(next);
        return { object, exact: [...(before?.exact ?? []), ...(changes ? [{ user, digest: ownDigest(next) }] : [])] };
      },
      undefined,
    ) as { object: KubeObject; exact: { user: string; digest: string }[] };
  /** By going through all that was ever written. */
  const exactly = (exact: readonly { user: string; digest: string }[], approved: string | undefined) => {
    const found = new Set<string>();
    for (const { user, digest } of exact) {
      found.add(user);
      if (digest === approved) found.clear();
    }
    return found;
  };

  it("is exact for a history that is remembered", () => {
    fc.assert(
      fc.property(history(16, 5), fc.option(fc.constantFrom(...contents), { nil: undefined }), (writes, approved) => {
        const { object, exact } = play(writes);
        const digest = approved === undefined ? undefined : ownDigest(server(approved));
        const { entries, problem } = readRequesters(object, KEYS);
        expect(problem).toBeUndefined();
        expect(new Set(users(requestersSince(entries, digest)))).toEqual(exactly(exact, digest));
      }),
    );
  });

  it("forgets nobody, however long it is", () => {
    fc.assert(
      fc.property(history(60, 30), fc.constantFrom(...contents), (writes, approved) => {
        const { object, exact } = play(writes);
        const digest = ownDigest(server(approved));
        const found = new Set(users(requestersSince(readRequesters(object, KEYS).entries, digest)));
        for (const user of exactly(exact, digest)) expect(found).toContain(user);
      }),
      { numRuns: 50 },
    );
  });

  it("leaves out what the server sets up itself", () => {
    const first = stored(server("1"), undefined, { user: "system:apiserver" });
    const { entries, problem } = readRequesters(first, KEYS);
    expect([problem, requestersSince(entries, undefined)]).toEqual([undefined, []]);
    const second = readRequesters(stored(server("2"), first), KEYS);
    expect(users(requestersSince(second.entries, undefined))).toEqual(["dana"]);
  });

  it("knows of more people than it can name that there were some", () => {
    const { object } = play(Array.from({ length: 200 }, (_, index) => [index, contents[index % 2] ?? ""] as const));
    const { entries, problem } = readRequesters(object, KEYS);
    expect(problem).toBeUndefined();
    expect(entries).toHaveLength(64);
    expect(users(entries)[0]).toBe(UNKNOWN_REQUESTER);
    expect(users(entries).at(-1)).toBe("user199");
  });

  it("fits into an annotation, whatever groups people are in", () => {
    const groups = Array.from({ length: 200 }, (_, index) => `${index}-${"g".repeat(250)}`);
    let object = stored(server("0"), undefined, { groups });
    for (let index = 1; index < 40; index++)
      object = stored(server(`${index}`), object, { user: `user${index}`, groups, now: at(index) });
    expect(listOf(object).length).toBeLessThan(70_000);
    const { entries, problem } = readRequesters(object, KEYS);
    expect(problem).toBeUndefined();
    expect(users(entries)[0]).toBe(UNKNOWN_REQUESTER);
  });
});

describe("what arrives at the second half of admission", () => {
  const first = stored(server("1"));
  const second = stored(server("2"), first, { user: "sam", now: at(2) });
  it.each<{ because: string; object: KubeObject; oldObject?: KubeObject; by: By; want: boolean }>([
    { because: "a creation as stamped", object: first, by: {}, want: true },
    { because: "a change as stamped", object: second, oldObject: first, by: { user: "sam", now: at(3) }, want: true },
    { because: "nothing that counts", object: first, oldObject: first, by: { user: "sam" }, want: true },
    {
      because: "not in the name of another",
      object: second,
      oldObject: first,
      by: { user: "dana", now: at(3) },
      want: false,
    },
    { because: "not without stamp", object: server("1"), by: {}, want: false },
    {
      because: "not with the stamp of before",
      object: annotated(server("2"), LIST, listOf(first)),
      oldObject: first,
      by: {},
      want: false,
    },
    {
      because: "not changed since",
      object: { ...second, spec: server("3").spec } as KubeObject,
      oldObject: first,
      by: { user: "sam", now: at(3) },
      want: false,
    },
    { because: "not taken off", object: annotated(first, LIST, undefined), oldObject: first, by: {}, want: false },
    { because: "not an old one", object: first, by: { now: at(400) }, want: false },
    { because: "not with another's groups", object: first, by: { groups: ["ops"] }, want: false },
  ])("$because", ({ object, oldObject, by, want }) => {
    expect(isStampedFor(object, oldObject, writing(by))).toBe(want);
  });
});
