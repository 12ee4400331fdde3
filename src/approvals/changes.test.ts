import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { effectiveSpecs, findings } from "../../test/support/arbitrary-effective-spec.ts";
import { PLAIN_REVIEWED_SPEC } from "../../test/support/plain-reviewed-spec.ts";
import { approvalSchema } from "../api/v1alpha1/approval.schema.ts";
import { type ReviewedSpec, reviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import { changesBetween } from "./changes.ts";

const approved: ReviewedSpec = {
  ...PLAIN_REVIEWED_SPEC,
  env: [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ],
};
const changes = (patch: Partial<ReviewedSpec>) => changesBetween(approved, { ...approved, ...patch });
const configMap = (name: string, data: Record<string, string>) => ({ namespace: "team-a", name, data });
const variables = (count: number, value: string) =>
  Array.from({ length: count }, (_, at) => ({ name: `E${at}`, value }));

describe("changesBetween", () => {
  it.each<{ because: string; patch: Partial<ReviewedSpec>; want: object[] }>([
    { because: "nothing differs", patch: {}, want: [] },
    { because: "a text", patch: { backend: "other" }, want: [{ field: "backend", from: '"docker"', to: '"other"' }] },
    {
      because: "a member deep inside",
      patch: { guardrails: { ...approved.guardrails, network: { egressAllowed: true } } },
      want: [{ field: "guardrails.network.egressAllowed", from: "false", to: "true" }],
    },
    { because: "what was not there", patch: { args: ["-x"] }, want: [{ field: "args", to: '["-x"]' }] },
    {
      because: "another kind of source",
      patch: { source: { git: { url: "u", dockerfile: "D", timeoutSeconds: 1 } } },
      want: [
        { field: "source.git", to: '{"dockerfile":"D","timeoutSeconds":1,"url":"u"}' },
        { field: "source.image", from: '{"pullPolicy":"IfNotPresent","reference":"nginx"}' },
      ],
    },
    {
      because: "variables by their names",
      patch: { env: [{ name: "B", value: "3" }, { name: "C" }] },
      want: [
        { field: "env[A]", from: '{"name":"A","value":"1"}' },
        { field: "env[B].value", from: '"2"', to: '"3"' },
        { field: "env[C]", to: '{"name":"C"}' },
      ],
    },
    {
      because: "an order that is another",
      patch: { env: (approved.env ?? []).toReversed() },
      want: [{ field: "env: order", from: '["A","B"]', to: '["B","A"]' }],
    },
    {
      because: "a list that is new, item by item",
      patch: { configMaps: [configMap("c", { k: "v" })] },
      want: [{ field: "configMaps[team-a/c]", to: '{"data":{"k":"v"},"name":"c","namespace":"team-a"}' }],
    },
  ])("tells $because", ({ patch, want }) => {
    expect(changes(patch)).toEqual(want);
  });

  it("tells what is no more", () => {
    const { env: _, ...rest } = approved;
    expect(changesBetween(approved, rest).map(({ field, to }) => ({ field, to }))).toEqual([
      { field: "env[A]", to: undefined },
      { field: "env[B]", to: undefined },
    ]);
  });

  it("tells all where nothing was approved before", () => {
    const all = changesBetween(undefined, approved);
    expect(new Set(all.map(({ field }) => field.split(/[.[]/)[0]))).toEqual(new Set(Object.keys(approved)));
    expect(all.every(({ from }) => from === undefined)).toBe(true);
  });

  it("shows a long value where it begins to differ", () => {
    const text = "x".repeat(50_000);
    const before = { ...approved, configMaps: [configMap("c", { k: `${text}old${text}` })] };
    const after = { ...approved, configMaps: [configMap("c", { k: `${text}new${text}` })] };
    const [change, ...more] = changesBetween(before, after);
    expect(more).toEqual([]);
    expect(change?.field).toBe("configMaps[team-a/c].data.k");
    expect(change?.from).toMatch(/^\[\d+ characters…\]x{64}oldx+\[…\d+ characters\]$/);
    expect(change?.to).toMatch(/^\[\d+ characters…\]x{64}newx+\[…\d+ characters\]$/);
  });

  it("lets no flood of one member hide another", () => {
    const flood = { args: Array.from({ length: 256 }, () => "x"), env: variables(256, "x") };
    const contents = Array.from({ length: 100 }, (_, at) => configMap(`c${at}`, { k: "v" }));
    const found = changes({ ...flood, configMaps: contents, restartPolicy: "Never", image: "sha256:x" });
    expect(found.length).toBeLessThanOrEqual(256);
    const fields = found.map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(["args", "image", "restartPolicy"]));
    expect(fields).toContain("env: and 243 more");
    expect(fields).toContain("configMaps: and 85 more");
  });

  it("stays within what the schema of Approval and the API server take", () => {
    const long = "𝒳".repeat(60_000);
    const path = "p".repeat(600);
    const before = { ...approved, env: variables(200, `a${long}`) };
    const after = { ...approved, env: variables(200, `b${long}`), configMaps: [configMap(path, { [path]: long })] };
    const found = changesBetween(before, after);
    const schema = approvalSchema.spec.properties?.review?.properties?.changes;
    const { field, from, to } = schema?.items?.properties ?? {};
    expect(found.length).toBeLessThanOrEqual(schema?.maxItems ?? 0);
    for (const change of found) {
      expect(change.field.length).toBeLessThanOrEqual(field?.maxLength ?? 0);
      expect(change.from?.length ?? 0).toBeLessThanOrEqual(from?.maxLength ?? 0);
      expect(change.to?.length ?? 0).toBeLessThanOrEqual(to?.maxLength ?? 0);
      expect(Object.values(change).every((text) => text.isWellFormed())).toBe(true);
    }
    expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThan(512 * 1024);
  });

  it.each([0, 1])("cuts no character in two, at whatever place (%p)", (shift) => {
    const text = `${"a".repeat(shift)}${"𝒳".repeat(5000)}`;
    const value = (middle: string) => [{ name: "E", value: `${text}${middle}${text}` }];
    const [change] = changesBetween({ ...approved, env: value("1") }, { ...approved, env: value("2") });
    expect(change?.from?.isWellFormed()).toBe(true);
    expect(change?.to?.isWellFormed()).toBe(true);
  });

  it("is empty for equal specs, and for no others", () => {
    fc.assert(
      fc.property(effectiveSpecs, findings, effectiveSpecs, findings, (a, foundA, b, foundB) => {
        const [before, after] = [reviewedSpec(a, foundA), reviewedSpec(b, foundB)];
        expect(changesBetween(before, structuredClone(before))).toEqual([]);
        expect(changesBetween(before, after).length === 0).toBe(jsonEqual(before, after));
        // One member by itself, too.
        const near = { ...before, env: after.env ?? [] };
        expect(changesBetween(before, near).length === 0).toBe(jsonEqual(before.env ?? [], near.env));
      }),
      { numRuns: 300 },
    );
  });
});
