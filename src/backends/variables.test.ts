import { describe, expect, it } from "@jest/globals";
import { hasReferences, partsOf, siblingsIn } from "./variables.ts";

const ref = (name: string) => `\${${name}}`;
const SUB = ref("CE_SUBDOMAIN");
const text = (value: string) => ({ kind: "text", text: value });
const variable = (name: string) => ({ kind: "variable", text: ref(name), name });
const address = (host: string, name = "CE_SUBDOMAIN") => ({
  kind: "address",
  text: `${host}.${ref(name)}.svc.cluster.local`,
  name,
  host,
});

describe("partsOf", () => {
  it.each([
    { because: "nothing", value: "", want: [] },
    { because: "plain text", value: `$HOME ${ref("HOME")} $(X)`, want: [text(`$HOME ${ref("HOME")} $(X)`)] },
    { because: "a reference by itself", value: SUB, want: [variable("CE_SUBDOMAIN")] },
    {
      because: "references side by side",
      value: `${ref("CE_REGION")}${SUB}`,
      want: [variable("CE_REGION"), variable("CE_SUBDOMAIN")],
    },
    {
      because: "an address",
      value: `http://peer.${SUB}.svc.cluster.local/mcp`,
      want: [text("http://"), address("peer"), text("/mcp")],
    },
    {
      because: "an address by the project's ID",
      value: `peer.${ref("CE_PROJECT_ID")}.svc.cluster.local`,
      want: [address("peer", "CE_PROJECT_ID")],
    },
    {
      because: "several addresses",
      value: `a.${SUB}.svc.cluster.local,b-2.${SUB}.svc.cluster.local`,
      want: [address("a"), text(","), address("b-2")],
    },
    {
      because: "a name with dots, after a user",
      value: `http://me@a.b.${SUB}.svc.cluster.local`,
      want: [text("http://me@"), address("a.b")],
    },
    { because: "a name without a domain", value: `peer.${SUB}`, want: [text("peer."), variable("CE_SUBDOMAIN")] },
    {
      because: "a domain without a name",
      value: `${SUB}.svc.cluster.local`,
      want: [variable("CE_SUBDOMAIN"), text(".svc.cluster.local")],
    },
    {
      because: "what no name may have before it",
      value: `my_peer.${SUB}.svc.cluster.local`,
      want: [text("my_peer."), variable("CE_SUBDOMAIN"), text(".svc.cluster.local")],
    },
    {
      because: "a region, which no address has",
      value: `peer.${ref("CE_REGION")}.svc.cluster.local`,
      want: [text("peer."), variable("CE_REGION"), text(".svc.cluster.local")],
    },
    { because: "an escape", value: `a$${SUB}b`, want: [text(`a${SUB}b`)] },
    { because: "an escape after a dollar", value: `$$${SUB}`, want: [text(`$${SUB}`)] },
    {
      because: "an escape after a reference",
      value: `${SUB}$${SUB}`,
      want: [variable("CE_SUBDOMAIN"), text(SUB)],
    },
    {
      because: "one that is not closed",
      value: ["x$", "{CE_SUB is left open"].join(""),
      want: [text("x"), { kind: "variable", text: ["$", "{CE_SUB"].join(""), name: "" }, text(" is left open")],
    },
  ])("reads $because", ({ value, want }) => {
    expect(partsOf(value)).toEqual(want);
  });

  it("takes no longer for what is hard to read", () => {
    const began = performance.now();
    for (const part of ["a", "a.", "-", "$", SUB, `$${SUB}`, `a.${SUB}.svc.cluster.local`])
      partsOf(part.repeat(Math.floor(131_072 / part.length)));
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it("takes no part of a long name for a name", () => {
    const [, found] = partsOf(`http://${"a".repeat(200)}.${SUB}.svc.cluster.local`);
    expect(found).toMatchObject({ kind: "address", host: "a".repeat(64) });
  });
});

describe("siblingsIn", () => {
  it("finds the names in addresses, and nothing else", () => {
    expect(siblingsIn(`a.${SUB}.svc.cluster.local b.${SUB} c.${SUB}.svc.cluster.local`)).toEqual(["a", "c"]);
    expect(siblingsIn(`a.$${SUB}.svc.cluster.local`)).toEqual([]);
    expect(siblingsIn("a.b.svc.cluster.local")).toEqual([]);
    expect(hasReferences(ref("HOME"))).toBe(false);
  });
});
