import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { baseEnvironment } from "./base-environment.ts";
import { compileExpression } from "./expression.ts";
import { type Extent, extentOf } from "./extent.ts";
import { maxSteps } from "./steps.ts";

let ticks = 0;
const environment = baseEnvironment()
  .clone()
  .registerVariable("x", "dyn")
  .registerFunction("tick(): bool", () => {
    ticks += 1;
    return true;
  });

const list = Array.from({ length: 7 }, (_, at) => ({ name: `n${at}`, parts: ["a", "b", "c"] }));
const x = { list, text: "a,b,c,d,e,f,g", map: { a: 1n, b: 2n, c: 3n }, long: "y".repeat(1000) };
const UNKNOWN: Extent = { items: 7, text: 1000, weight: 1200 };

function measure(text: string): { ticks: number; known: number; unknown: number } {
  const { ast, run } = compileExpression<{ x: unknown }>(environment, text);
  ticks = 0;
  run({ x });
  return { ticks, known: maxSteps(ast, { x: extentOf([x]) }), unknown: maxSteps(ast, { x: UNKNOWN }) };
}

describe("maxSteps", () => {
  it.each([
    { text: "tick()", ticks: 1 },
    { text: "x.list.all(a, tick())", ticks: 7 },
    { text: "x.list.all(a, x.list.all(b, tick()))", ticks: 49 },
    { text: "x.list.all(a, a.parts.all(b, tick()))", ticks: 21 },
    { text: "x.list.map(a, a.parts).all(b, b.all(c, tick()))", ticks: 21 },
    { text: "x.list.filter(a, tick()).filter(a, tick()).size() > 0", ticks: 14 },
    { text: "(x.list + x.list).all(a, tick())", ticks: 14 },
    { text: "[x.list, x.list].all(a, a.all(b, tick()))", ticks: 14 },
    {
      text: "cel.bind(l, x.list + x.list, cel.bind(m, l + l, m.all(a, m.all(b, m.all(c, tick())))))",
      ticks: 28 ** 3,
    },
    { text: "x.map.all(k, tick())", ticks: 3 },
    { text: "x['list'].all(a, tick())", ticks: 7 },
    { text: "x.list[0].parts.all(a, tick())", ticks: 3 },
    { text: "x.text.split(',').all(a, tick())", ticks: 7 },
    { text: "x.long.split('').all(a, tick())", ticks: 1000 },
    { text: "x.list.map(a, a.name).join(',').split('').all(a, tick())", ticks: 20 },
    { text: "x.text.replace(',', ',,,').split(',').all(a, tick())", ticks: 19 },
    { text: "'%s%s'.format([x.long, x.long]).split('').all(a, tick())", ticks: 2000 },
    { text: "x.long.findAll('y').all(a, tick())", ticks: 1000 },
    { text: "x.list.exists_one(a, tick())", ticks: 7 },
    { text: "x.list.map(a, tick(), a).all(a, tick())", ticks: 14 },
    { text: "x.?list.orValue([]).all(a, tick())", ticks: 7 },
    { text: "x.list.slice(0, 5).all(a, tick())", ticks: 5 },
    { text: "x.list.reverse().all(a, tick())", ticks: 7 },
    { text: "x.list.distinct().all(a, tick())", ticks: 7 },
    { text: "string(bytes(x.long)).split('').all(a, tick())", ticks: 1000 },
    { text: "bytes(x.long).base64().split('').all(a, tick())", ticks: 1336 },
    { text: "(true ? x.list : []).all(a, tick())", ticks: 7 },
    { text: "dyn(x.list).all(a, tick())", ticks: 7 },
    { text: "{'k': x.list}.k.all(a, tick())", ticks: 7 },
  ])("is at least what $text takes", ({ text, ticks }) => {
    const measured = measure(text);
    expect(measured.ticks).toBe(ticks);
    expect(measured.known).toBeGreaterThanOrEqual(ticks);
    expect(measured.unknown).toBeGreaterThanOrEqual(ticks);
  });

  it("is at least what loops within loops take, however they are made", () => {
    const source = fc.constantFrom(
      "x.list",
      "x.text.split(',')",
      "x.map",
      "(x.list + x.list)",
      "x.list.map(z, z.parts)",
    );
    const loop = fc.constantFrom("all", "map", "filter", "exists_one");
    fc.assert(
      fc.property(fc.array(fc.tuple(source, loop), { minLength: 1, maxLength: 3 }), (loops) => {
        const text = loops.reduce((body, [from, by], at) => {
          const inner = at === 0 || by === "map" ? body : `(${body} == ${body} || tick())`;
          return `${from}.${by}(v${at}, ${inner})`;
        }, "tick()");
        const { ticks, known } = measure(text);
        expect(known).toBeGreaterThanOrEqual(ticks);
      }),
      { numRuns: 200 },
    );
  });

  it("is small for what is small", () => {
    expect(measure("x.list.all(a, a.name != 'none')").known).toBeLessThan(100);
    expect(measure("x.text == 'a'").known).toBeLessThan(10);
  });
});
