import { inOneLine } from "../machinery/one-line.ts";
import { warningLines } from "./guardrail-warnings.ts";
import type { CheckReport } from "./guardrails-check-report.ts";
import { table } from "./table.ts";

/** One report for people: the verdict, what refuses, the table of fields, and what to know beside. */
export function describeReport(report: CheckReport): string {
  const { namespace, name, backend, profile, refusals, warnings, fields } = report;
  const place = backend === undefined ? "" : ` on RuntimeBackend ${backend}`;
  const beside = warningLines(warnings, fields);
  const verdict = refusals.length > 0 ? "refused" : "would run";
  return [
    `RuntimeDeployment ${namespace}/${name}${place}: ${verdict}\n`,
    ...refusals.map(({ reason, message }) => `  ${reason}: ${inOneLine(message)}\n`),
    ...(profile === undefined ? [] : ["\n", table(facts(report, profile))]),
    ...(profile === undefined || fields.length === 0 ? [] : ["\n", fieldTable(report, profile)]),
    ...(beside === "" ? [] : ["\n", beside]),
  ].join("");
}

function facts({ bounds, limits, fields, backend }: CheckReport, profile: string): string[][] {
  const asked =
    limits && `cpu ${limits.cpu}, memory ${limits.memory}${limits.pids === undefined ? "" : `, pids ${limits.pids}`}`;
  const unknown = backend !== undefined && fields.every(({ enforcement }) => enforcement === undefined);
  return [
    ["Profile:", profile],
    ["Bounds:", bounds.map(({ origin, profile }) => `${origin}: ${profile}`).join("; ") || "none"],
    ...(asked === undefined ? [] : [["Limits:", asked]]),
    ...(limits?.notes ?? []).map((note) => ["", note]),
    ...(unknown && fields.length > 0
      ? [["Enforcement:", `not known yet: RuntimeBackend ${backend} has not answered its controller so far`]]
      : []),
  ].map((cells) => cells.map(inOneLine));
}

function fieldTable({ fields }: CheckReport, profile: string): string {
  const rows = fields.map(({ field, value, from, enforcement = "-", reason = "-" }) =>
    [field, value, from === "profile" ? profile : from, enforcement, reason].map(inOneLine),
  );
  return table([["FIELD", "VALUE", "FROM", "ENFORCEMENT", "REASON"], ...rows]);
}
