import { describe, expect, it } from "@jest/globals";
import type { Approval, ApprovalPolicy } from "../../../api/v1alpha1/index.ts";
import type { ApprovalPhase } from "../../../approvals/state.ts";
import type { Trigger } from "../../../approvals/triggers.ts";
import { approvedLast, type Judged, standingOf } from "./standing.ts";

const DIGEST = `v1:sha256:${"a".repeat(64)}`;
const OTHER = `v1:sha256:${"b".repeat(64)}`;

interface Question {
  readonly phase: ApprovalPhase;
  readonly policies?: readonly string[];
  readonly digest?: string;
  readonly request?: string;
  readonly hour?: number;
  readonly problem?: string;
}

function judged(questions: readonly Question[]): Judged[] {
  return questions.map(({ phase, policies = ["images"], digest = DIGEST, request, hour, problem }, at) => {
    const requestedAt = new Date(Date.UTC(2026, 0, 1, hour ?? at)).toISOString();
    const copies = policies.map((name) => ({ name, uid: `uid-${name}`, approvers: {}, timeoutHours: 48 }));
    const spec = { digest, requestedAt, policies: copies, ...(request !== undefined && { request }) };
    const approval = { metadata: { name: `q-${at}` }, spec } as unknown as Approval;
    const decidedAt = phase === "Approved" ? new Date(requestedAt) : undefined;
    return { approval, state: { phase, decidedAt, problem } as Judged["state"] };
  });
}

function triggers(...names: readonly string[]): Trigger[] {
  return names.map((name) => {
    const metadata = { name, uid: `uid-${name}` };
    const policy = { metadata, spec: { approvers: { required: 1 }, timeoutHours: 48 } } as unknown as ApprovalPolicy;
    return { policy, rule: "any", message: "any" };
  });
}

interface Case {
  readonly because: string;
  readonly matching?: readonly string[];
  readonly questions?: readonly Question[];
  readonly request?: string;
  readonly stands: string;
  /** Policies to ask, or the Approval that it stands by. */
  readonly by?: readonly string[];
}

const images = ["images"];
const cases: Case[] = [
  { because: "no rule matches", stands: "free" },
  { because: "a rule matches and nobody was asked", matching: images, stands: "unasked", by: images },
  {
    because: "somebody was asked",
    matching: images,
    questions: [{ phase: "Pending" }],
    stands: "pending",
    by: ["q-0"],
  },
  {
    because: "somebody said yes",
    matching: images,
    questions: [{ phase: "Approved" }],
    stands: "approved",
    by: ["q-0"],
  },
  {
    because: "somebody said no",
    matching: images,
    questions: [{ phase: "Rejected" }],
    stands: "rejected",
    by: ["q-0"],
  },
  {
    because: "somebody said no though others said yes, then and later",
    matching: images,
    questions: [{ phase: "Approved", policies: ["late"] }, { phase: "Rejected" }, { phase: "Approved" }],
    request: "again",
    stands: "rejected",
    by: ["q-1"],
  },
  {
    because: "the yes was to something else",
    matching: images,
    questions: [{ phase: "Approved", digest: OTHER }],
    stands: "unasked",
    by: images,
  },
  {
    because: "a policy came later",
    matching: ["images", "late"],
    questions: [{ phase: "Approved" }],
    stands: "unasked",
    by: ["late"],
  },
  {
    because: "one of two has not decided",
    matching: ["images", "late"],
    questions: [{ phase: "Approved" }, { phase: "Pending", policies: ["late"] }],
    stands: "pending",
    by: ["q-1"],
  },
  {
    because: "its policy is gone, and the question is open",
    questions: [{ phase: "Pending" }],
    stands: "pending",
    by: ["q-0"],
  },
  {
    because: "its policy is gone, and nobody decided",
    questions: [{ phase: "Expired" }],
    stands: "expired",
    by: ["q-0"],
  },
  { because: "its policy is gone, and said yes", questions: [{ phase: "Approved" }], stands: "approved", by: ["q-0"] },
  { because: "nobody decided", matching: images, questions: [{ phase: "Expired" }], stands: "expired", by: ["q-0"] },
  {
    because: "nobody decided, and somebody asks again",
    matching: images,
    questions: [{ phase: "Expired" }],
    request: "1",
    stands: "unasked",
    by: images,
  },
  {
    because: "nobody decided twice, and nobody asks again",
    matching: images,
    questions: [{ phase: "Expired" }, { phase: "Expired", request: "1" }],
    request: "1",
    stands: "expired",
    by: ["q-1"],
  },
  {
    because: "nobody decided, somebody asks again, and nobody needs to be asked any more",
    questions: [{ phase: "Expired" }],
    request: "1",
    stands: "free",
  },
  {
    because: "it comes back after something else was asked for",
    matching: images,
    questions: [{ phase: "Superseded" }],
    stands: "unasked",
    by: images,
  },
  {
    because: "it comes back and its policy is gone",
    questions: [{ phase: "Superseded" }],
    stands: "unasked",
    by: images,
  },
  {
    because: "it came back, and was asked anew",
    matching: images,
    questions: [{ phase: "Superseded" }, { phase: "Pending" }],
    stands: "pending",
    by: ["q-1"],
  },
  {
    because: "something is wrong with one of two questions",
    matching: ["images", "late"],
    questions: [{ phase: "Pending" }, { phase: "Pending", policies: ["late"], problem: "forged" }],
    stands: "pending",
    by: ["q-1"],
  },
];

describe("a version", () => {
  it.each(cases)("is $stands since $because", ({ matching = [], questions = [], request, stands, by = [] }) => {
    const standing = standingOf({
      digest: DIGEST,
      triggers: triggers(...matching),
      judged: judged(questions),
      request,
    });
    const names = () => {
      if (standing.kind === "free") return [];
      return standing.kind === "unasked"
        ? standing.policies.map(({ name }) => name)
        : [standing.by.approval.metadata.name];
    };
    expect([standing.kind, names()]).toEqual([stands, by]);
  });

  it("is not said to be asked about by two policies of one name", () => {
    const [question] = judged([{ phase: "Superseded" }]);
    const [trigger] = triggers("images");
    if (!question || !trigger) throw new Error("there is none");
    const again = {
      ...trigger,
      policy: { ...trigger.policy, metadata: { ...trigger.policy.metadata, uid: "uid-new" } },
    };
    const standing = standingOf({ digest: DIGEST, triggers: [again], judged: [question], request: undefined });
    expect(standing.kind === "unasked" && standing.policies.map(({ uid }) => uid)).toEqual(["uid-new"]);
  });
});

describe("the version approved last", () => {
  it("is that of the newest yes, whichever was asked first", () => {
    const found = approvedLast(
      judged([
        { phase: "Approved", hour: 5 },
        { phase: "Approved", hour: 3 },
        { phase: "Pending", hour: 9 },
      ]),
    );
    expect(found?.metadata.name).toBe("q-0");
    expect(approvedLast(judged([{ phase: "Pending" }]))).toBeUndefined();
  });
});
