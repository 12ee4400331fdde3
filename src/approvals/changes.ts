import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { type Difference, differences } from "./differences.ts";
import { excerpts } from "./excerpts.ts";

/** One field that differs. */
export interface Change {
  /** Path in the reviewed spec: `guardrails.network.egressAllowed`, `env[TOKEN].value`. */
  readonly field: string;
  /** As JSON. Absent: it was not there. */
  readonly from?: string;
  /** As JSON. Absent: it is there no more. */
  readonly to?: string;
}

/** As the schema of Approval bounds them. */
const MOST_CHANGES = 256;
const LONGEST_FIELD = 512;
const LONGEST_VALUE = 4096;

/** What each member may have where there are more than fit, so that none hides another: fewer than 16 members. */
const MOST_OF_A_MEMBER = 16;

/** Characters of all values together: an object of the API server has little more than 1 MiB, and holds the spec, too. */
const ALL_VALUES = 128 * 1024;

/**
 * Pure. Field by field what differs, by member; the whole spec where nothing was approved before. Empty: the two are equal. Of a
 * member with more differences than fit the last entry says how many are left out. Of a value that is too long that part is shown
 * where the two begin to differ, with marks that say how much is left out.
 */
export function changesBetween(approved: ReviewedSpec | undefined, wanted: ReviewedSpec): readonly Change[] {
  const found = differences(approved ?? {}, wanted);
  const kept = found.length > MOST_CHANGES ? cutByMember(found).slice(0, MOST_CHANGES) : found;
  const shown = (value: string | undefined) => Math.min(value?.length ?? 0, LONGEST_VALUE);
  const total = kept.reduce((sum, { from, to }) => sum + shown(from) + shown(to), 0);
  const share = Math.floor(ALL_VALUES / (2 * kept.length));
  const longest = total > ALL_VALUES ? Math.min(share, LONGEST_VALUE) : LONGEST_VALUE;
  return kept.map(({ field, from, to }) => ({ field: clippedField(field), ...excerpts({ from, to }, longest) }));
}

function cutByMember(found: readonly Difference[]): readonly Difference[] {
  const members = Map.groupBy(found, ({ member }) => member);
  return [...members].flatMap(([member, all]) => {
    if (all.length <= MOST_OF_A_MEMBER) return all;
    const left = all.length - (MOST_OF_A_MEMBER - 1);
    return [...all.slice(0, MOST_OF_A_MEMBER - 1), { member, field: `${member}: and ${left} more` }];
  });
}

/** The end says which field it is. */
function clippedField(field: string): string {
  return field.length <= LONGEST_FIELD ? field : `…${field.slice(1 - LONGEST_FIELD)}`.toWellFormed();
}
