import { badValue, nested, pathsOf, pick, type Random, replaced } from "./bad-values.ts";
import { VALID_OBJECTS, type ValidObject } from "./valid-objects.ts";

/** One request that is wrong in some way, or at least odd. */
export interface BadRequest {
  readonly family: string;
  readonly method: string;
  /** As it goes over the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Sends the body and ends the connection when it is shorter than its Content-Length says. */
  readonly claimedLength?: number;
  /** Fields, the last ones of the path to what is wrong: an error about the object has to name one of them. */
  readonly blames?: readonly string[];
}

const JSON_TYPE = "application/json";
const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;

/** By name, so that a failure says what kind of request it was. */
const FAMILIES: Readonly<Record<string, (random: Random, valid: ValidObject) => Omit<BadRequest, "family">>> = {
  "wrong value": (random, valid) => {
    const path = pick(random, pathsOf(valid.object));
    const text = JSON.stringify(replaced(valid.object, path, badValue(random)));
    // Go's decoder names the field that holds a map, and not the key in it.
    return { ...post(valid, text), blames: path.filter((key) => typeof key === "string").slice(-2) };
  },
  "unknown field": (random, valid) => {
    const path = pick(random, pathsOf(valid.object));
    const key = pick(random, ["bogus", "Spec", "spec ", "", "a.b", "a/b", "x".repeat(300), "💥", "constructor"]);
    const text = JSON.stringify(replaced(valid.object, [...path.slice(0, -1), key], badValue(random)));
    return post(valid, text, `?fieldValidation=${pick(random, ["Strict", "Warn", "Ignore", "Bogus", ""])}`);
  },
  nesting: (random, valid) => {
    const depth = pick(random, [50, 500, 1_000, 1_001, 5_000, 100_000]);
    const text = nested(depth, pick(random, ["array", "object"]));
    const object = JSON.stringify(valid.object);
    return post(valid, pick(random, [text, object.replace(/\}$/, `,"deep":${text}}`)]));
  },
  "broken JSON": (random, valid) => {
    const text = JSON.stringify(valid.object);
    const at = Math.floor(random() * text.length);
    const junk = pick(random, ["", "{", "}", '"', ",", "\\", "\u0000", "NaN", "01", "'", "//", "\ufeff"]);
    return post(valid, pick(random, [text.slice(0, at), text.slice(0, at) + junk + text.slice(at), `${text}${junk}`]));
  },
  "broken bytes": (random, valid) => {
    const bytes = Buffer.from(JSON.stringify(valid.object));
    for (let count = 0; count < 3; count += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    return { ...post(valid, ""), body: bytes };
  },
  "cut body": (random, valid) => {
    const whole = Buffer.from(JSON.stringify(valid.object));
    const body = whole.subarray(0, Math.floor(random() * whole.length));
    return { ...post(valid, ""), body, claimedLength: whole.length };
  },
  "media type": (random, valid) => {
    const types = [
      "text/plain",
      "application/xml",
      "application/vnd.kubernetes.protobuf",
      "a",
      "application/cbor",
      ";;",
    ];
    const accept = pick(random, [
      "text/html",
      "application/yaml",
      "application/json;as=Bogus;g=x;v=y",
      "*",
      "a/b;q=2",
      ",",
    ]);
    const request = post(valid, JSON.stringify(valid.object));
    return { ...request, headers: { "content-type": pick(random, types), accept } };
  },
  patch: (random, valid) => {
    const path = pick(random, pathsOf(valid.object));
    const pointer = `/${path.map((key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;
    const operation = pick(random, ["add", "remove", "replace", "move", "copy", "test", "bogus"]);
    const operations = [
      [
        {
          op: operation,
          path: pick(random, [pointer, `${pointer}/x`, "", "/", "no", "/-1", "/spec/env/99"]),
          value: badValue(random),
        },
      ],
      [{ op: operation, from: "/spec", path: "/spec/spec" }],
      [{ op: operation }],
      Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "x" })),
      badValue(random),
    ];
    const partial = replaced(
      { apiVersion: valid.object.apiVersion, kind: valid.object.kind },
      path.slice(0, 1),
      badValue(random),
    );
    const directives = {
      spec: { $patch: badValue(random), $retainKeys: badValue(random), "$setElementOrder/env": badValue(random) },
    };
    const type = pick(random, PATCH_TYPES);
    const body = JSON.stringify(
      type === PATCH_TYPES[0] ? pick(random, operations) : pick(random, [partial, directives, badValue(random)]),
    );
    const query =
      type === PATCH_TYPES[3] ? pick(random, ["?fieldManager=fuzz", "?fieldManager=fuzz&force=true", ""]) : "";
    return onObject(valid, "PATCH", { body, type, query });
  },
  "apply YAML": (random, valid) => {
    const texts = [
      "a: &a [*a]",
      `x: &x ${"[".repeat(50)}1${"]".repeat(50)}\ny: [${"*x,".repeat(1_000)}*x]`,
      "!!js/function 'x'",
      "? [complex]\n: key",
      "a: b\n---\nc: d",
      "<<: {a: b}",
      "%YAML 9.9\n---\na",
      "\t- x",
      "metadata: {name: files, name: files}",
      JSON.stringify(replaced(valid.object, pick(random, pathsOf(valid.object)), badValue(random))),
    ];
    return onObject(valid, "PATCH", { body: pick(random, texts), type: PATCH_TYPES[3], query: "?fieldManager=fuzz" });
  },
  path: (random, valid) => {
    const tail = pick(random, [
      "/..%2f..%2fsecrets",
      "/%2e%2e/%2e%2e",
      "/a%00b",
      "/a%ff",
      "/%",
      "//",
      "/x/y/z/w",
      "/files/bogus",
      "/files/status/more",
      `/${"a".repeat(5_000)}`,
      "/FILES",
      "/a b".replace(" ", "%20"),
      ";param=1",
      "/.",
      "/%F0%9F%92%A5",
    ]);
    const root = pick(random, [
      valid.collection,
      "/api",
      "/apis",
      "/api/v1",
      "/openapi/v3",
      "/apis/slipway.dev",
      "",
      "/../api/v1",
    ]);
    return plain(pick(random, ["GET", "DELETE", "PUT", "POST", "PATCH", "OPTIONS", "TRACE", "BREW"]), `${root}${tail}`);
  },
  query: (random, valid) => {
    const word = pick(random, ["-1", "abc", "999999999999999999999", "true", "%00", "a%26b", "NotOlderThan", "[]", ""]);
    const name = pick(random, [
      "limit",
      "continue",
      "resourceVersion",
      "resourceVersionMatch",
      "labelSelector",
      "fieldSelector",
      "timeoutSeconds",
      "watch",
      "sendInitialEvents",
      "allowWatchBookmarks",
      "pretty",
      "dryRun",
      "fieldManager",
    ]);
    const selector = pick(random, [
      "a in (",
      "a==",
      "!",
      "a notin b",
      "=b",
      "metadata.name=a,b",
      `${"a".repeat(300)}=b`,
    ]);
    const value = name.endsWith("Selector") ? encodeURIComponent(selector) : word;
    return plain("GET", `${valid.collection}?${name}=${value}&timeoutSeconds=1`);
  },
  "delete options": (random, valid) => {
    const option = pick(random, [
      "preconditions",
      "propagationPolicy",
      "gracePeriodSeconds",
      "orphanDependents",
      "dryRun",
      "kind",
    ]);
    return onObject(valid, "DELETE", {
      body: JSON.stringify({ [option]: badValue(random) }),
      type: JSON_TYPE,
      query: "",
    });
  },
  headers: (random, valid) => {
    const request = post(valid, JSON.stringify(valid.object));
    const odd: Readonly<Record<string, string>> = pick(random, [
      { "impersonate-user": "\u00e9", "impersonate-group": "" },
      { "impersonate-uid": "x" },
      { "content-encoding": "gzip" },
      { expect: "100-continue" },
      { "x-padding": "a".repeat(60_000) },
      { authorization: "Bearer" },
      { authorization: "Basic YTpi" },
      { "accept-encoding": "gzip;q=x, br" },
    ]);
    return { ...request, headers: { ...request.headers, ...odd } };
  },
};

export const FAMILY_NAMES = Object.keys(FAMILIES);

/** The `index`-th bad request; families take turns. */
export function badRequest(random: Random, index: number): BadRequest {
  const family = FAMILY_NAMES[index % FAMILY_NAMES.length] as string;
  const make = FAMILIES[family];
  if (!make) throw new Error(`no family ${family}`);
  return { family, ...make(random, pick(random, VALID_OBJECTS)) };
}

function post({ collection }: ValidObject, text: string, query = ""): Omit<BadRequest, "family"> {
  return {
    method: "POST",
    target: `${collection}${query}`,
    headers: { "content-type": JSON_TYPE },
    body: Buffer.from(text),
  };
}

function onObject(
  { collection, object }: ValidObject,
  method: string,
  { body, type, query }: { body: string; type: string; query: string },
): Omit<BadRequest, "family"> {
  const target = `${collection}/${object.metadata.name}${query}`;
  return { method, target, headers: { "content-type": type }, body: Buffer.from(body) };
}

function plain(method: string, target: string): Omit<BadRequest, "family"> {
  return { method, target, headers: {}, body: undefined };
}
