import { describe, expect, it } from "@jest/globals";
import { approvalOf, hours, policyCopy, policyOf } from "../../test/support/approvals.ts";
import type { ApprovalPolicy } from "../api/v1alpha1/index.ts";
import { policiesDecidedBy } from "./deciders.ts";

const sam = { username: "sam", groups: ["security", "system:authenticated"] };
const copy = policyCopy("production");
const users = (...names: string[]) => ({ approvers: { users: names } });

describe("who may decide", () => {
  it.each<{
    because: string;
    copies?: readonly (typeof copy)[];
    now?: readonly ApprovalPolicy[];
    requesters?: readonly string[];
    person?: typeof sam;
    at?: Date;
    want: readonly string[] | RegExp;
  }>([
    { because: "a member of a group", now: [policyOf(copy)], want: ["production"] },
    { because: "a user by name", copies: [policyCopy("production", users("sam"))], want: ["production"] },
    {
      because: "nobody else",
      person: { username: "mallory", groups: ["system:masters"] },
      want: /^you are no approver of production$/,
    },
    {
      because: "a group that is named as a user is none",
      copies: [policyCopy("production", users("security"))],
      want: /no approver/,
    },
    { because: "whoever is taken off the policy no more", now: [policyOf(copy, users("kim"))], want: /no approver/ },
    {
      because: "whoever was put on it since",
      person: { username: "kim", groups: [] },
      now: [policyOf(copy, users("kim"))],
      want: ["production"],
    },
    { because: "the approvers of then where it was deleted", now: [], want: ["production"] },
    {
      because: "the approvers of then where another has its name",
      now: [policyOf(policyCopy("production", { uid: "other", ...users("kim") }))],
      want: ["production"],
    },
    {
      because: "those of some of its policies, for these",
      copies: [copy, policyCopy("other", users("kim"))],
      want: ["production"],
    },
    { because: "no requester", requesters: ["sam"], want: /your own request/ },
    {
      because: "a requester where the policy said and says so",
      requesters: ["sam"],
      copies: [policyCopy("production", { requesterMayApprove: true })],
      want: ["production"],
    },
    {
      because: "no requester where it said so and does no more",
      requesters: ["sam"],
      copies: [policyCopy("production", { requesterMayApprove: true })],
      now: [policyOf(copy, { requesterMayApprove: false })],
      want: /your own request/,
    },
    {
      because: "no requester where it says so only now",
      requesters: ["sam"],
      now: [policyOf(copy, { requesterMayApprove: true })],
      want: /your own request/,
    },
    {
      because: "a requester, for the policies that let them",
      requesters: ["sam"],
      copies: [copy, policyCopy("lax", { requesterMayApprove: true })],
      want: ["lax"],
    },
    {
      because: "those of the escalation not before it",
      copies: [policyCopy("production", { ...users("kim"), escalation: { afterHours: 5, users: ["sam"] } })],
      at: hours(4.99),
      want: /no approver/,
    },
    {
      because: "those of the escalation from then on",
      copies: [policyCopy("production", { ...users("kim"), escalation: { afterHours: 5, groups: ["security"] } })],
      at: hours(5),
      want: ["production"],
    },
    {
      because: "the approvers go on then",
      copies: [policyCopy("production", { escalation: { afterHours: 5, users: ["kim"] } })],
      at: hours(9),
      want: ["production"],
    },
  ])("$because", ({ copies = [copy], now = [], requesters = ["dana"], person = sam, at = hours(1), want }) => {
    const approval = approvalOf({ policies: [...copies], requesters });
    const policy = (name: string) => now.find(({ metadata }) => metadata.name === name);
    const { policies, refusal } = policiesDecidedBy(approval, person, { policy, now: at });
    if (want instanceof RegExp) {
      expect(policies).toEqual([]);
      expect(refusal).toMatch(want);
    } else expect({ policies, refusal }).toEqual({ policies: want, refusal: undefined });
  });
});
