import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import type { RequestAttributes, UserInfo } from "./access.ts";
import type { Binding, PolicyRule, Role, Subject } from "./rbac.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles, storedRbacObjects } from "./stored-rbac.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";

function world() {
  const objects = new MemoryObjects();
  return { objects, authorizer: new RbacAuthorizer(storedRbacObjects(objects)) };
}

function user(username: string, ...groups: string[]): UserInfo {
  return { username, groups: [...groups, "system:authenticated"] };
}

/** `verb resource[.group][/subresource] [namespace[/name]]`, or `verb /path`. */
function asked(text: string): RequestAttributes {
  const [verb = "", what = "", where = ""] = text.split(" ");
  if (what.startsWith("/")) return { kind: "path", verb, path: what };
  const [named = "", subresource = ""] = what.split("/");
  const [resource = "", ...group] = named.split(".");
  const [namespace = "", name = ""] = where.split("/");
  return { kind: "resource", verb, group: group.join("."), version: "v1", resource, subresource, namespace, name };
}

function role(objects: MemoryObjects, namespace: string, name: string, ...rules: PolicyRule[]): void {
  if (namespace === "") objects.put(clusterRoles, { apiVersion, kind: "ClusterRole", metadata: { name }, rules });
  else objects.put(roles, { apiVersion, kind: "Role", metadata: { name, namespace }, rules });
}

function bind(objects: MemoryObjects, namespace: string, name: string, roleRef: string, ...subjects: Subject[]): void {
  const [kind = "", roleName = ""] = roleRef.split("/");
  const metadata = { name, ...(namespace !== "" && { namespace }) };
  const resource = namespace === "" ? clusterRoleBindings : roleBindings;
  objects.put(resource, { apiVersion, kind: "Binding", metadata, roleRef: { kind, name: roleName }, subjects });
}

const read = ["get", "list", "watch"];

/** A small company: two teams, an operator who reads Secrets by name, a bot, an auditor of everything but Secrets. */
function company() {
  const { objects, authorizer } = world();
  role(objects, "", "reader", { apiGroups: [""], resources: ["configmaps", "pods"], verbs: read });
  role(objects, "", "logs", { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] });
  role(objects, "", "nodes", { apiGroups: [""], resources: ["nodes"], verbs: ["list"] });
  role(objects, "", "status", { apiGroups: ["*"], resources: ["*/status"], verbs: ["patch"] });
  role(objects, "", "metrics", { nonResourceURLs: ["/metrics", "/debug/*"], verbs: ["get"] });
  role(objects, "team-a", "dev", { apiGroups: ["slipway.dev"], resources: ["runtimedeployments"], verbs: ["*"] });
  role(objects, "team-a", "vault", {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: ["db"],
    verbs: ["get", "list"],
  });
  role(objects, "team-b", "owner", { apiGroups: ["*"], resources: ["*"], verbs: ["*"] });
  bind(objects, "", "audit", "ClusterRole/reader", { kind: "User", name: "auditor" });
  bind(objects, "", "scrape", "ClusterRole/metrics", { kind: "Group", name: "monitors" });
  bind(objects, "", "nodes", "ClusterRole/nodes", { kind: "User", name: "auditor" });
  bind(objects, "team-a", "devs", "Role/dev", { kind: "Group", name: "devs-a" });
  bind(objects, "team-a", "devs-read", "ClusterRole/reader", { kind: "Group", name: "devs-a" });
  bind(objects, "team-a", "devs-nodes", "ClusterRole/nodes", { kind: "Group", name: "devs-a" });
  bind(objects, "team-a", "devs-logs", "ClusterRole/logs", { kind: "Group", name: "devs-a" });
  bind(objects, "team-a", "vault", "Role/vault", { kind: "User", name: "operator" });
  bind(objects, "team-a", "bot", "ClusterRole/status", { kind: "ServiceAccount", name: "bot" });
  bind(objects, "team-b", "owner", "Role/owner", { kind: "User", name: "bob" });
  bind(objects, "team-b", "lost", "Role/nothing", { kind: "User", name: "carol" });
  bind(objects, "team-b", "far", "ClusterRole/reader", { kind: "ServiceAccount", name: "bot", namespace: "team-a" });
  return authorizer;
}

const alice = user("alice", "devs-a");
const bob = user("bob");
const operator = user("operator");
const auditor = user("auditor");
const bot = user("system:serviceaccount:team-a:bot", "system:serviceaccounts", "system:serviceaccounts:team-a");
const scraper = user("scraper", "monitors");
const root = user("root", "system:masters");
const stranger = user("stranger");

describe("RbacAuthorizer", () => {
  it.each([
    { who: alice, may: "create runtimedeployments.slipway.dev team-a", because: "her group's role names every verb" },
    {
      who: alice,
      may: "delete runtimedeployments.slipway.dev team-a/files",
      because: "a verb wildcard covers names too",
    },
    { who: alice, may: "list pods team-a", because: "a ClusterRole bound in her namespace" },
    { who: alice, may: "get pods/log team-a/p", because: "the subresource is granted by name" },
    { who: bob, may: "delete secrets team-b/any", because: "he owns team-b" },
    { who: bob, may: "get pods/log team-b/p", because: "a resource wildcard covers subresources" },
    { who: bob, may: "create rolebindings.rbac.authorization.k8s.io team-b", because: "a group wildcard covers RBAC" },
    { who: operator, may: "get secrets team-a/db", because: "the one Secret that the role names" },
    { who: operator, may: "list secrets team-a/db", because: "a list narrowed to that name" },
    { who: auditor, may: "list configmaps", because: "bound for the whole cluster" },
    { who: auditor, may: "watch pods team-b", because: "that holds in each namespace" },
    { who: auditor, may: "list nodes", because: "a cluster-scoped kind by a ClusterRoleBinding" },
    {
      who: bot,
      may: "patch runtimedeployments.slipway.dev/status team-a/x",
      because: "any status, by a subresource wildcard",
    },
    { who: bot, may: "list pods team-b", because: "bound with its namespace from another one" },
    { who: scraper, may: "get /metrics", because: "the exact path" },
    { who: scraper, may: "get /debug/pprof/heap", because: "below a path with a wildcard" },
    { who: root, may: "delete namespaces kube-system", because: "system:masters may do everything" },
    { who: root, may: "get /anything", because: "system:masters may do everything" },
  ])("lets $who.username $may: $because", ({ who, may }) => {
    expect(company().authorize(who, asked(may))).toMatchObject({ allowed: true });
  });

  // Sixty attempts to reach what is somebody else's.
  it.each([
    ...["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"].map((verb) => ({
      who: alice,
      tries: `${verb} runtimedeployments.slipway.dev team-b/files`,
      because: "her role is another namespace's",
    })),
    { who: alice, tries: "list runtimedeployments.slipway.dev", because: "all namespaces at once" },
    { who: alice, tries: "list pods", because: "a RoleBinding to a ClusterRole ends at its namespace" },
    { who: alice, tries: "list pods team-ab", because: "a namespace whose name begins alike" },
    { who: alice, tries: "list pods TEAM-A", because: "names are case-sensitive" },
    { who: alice, tries: "list nodes", because: "cluster-scoped kinds are out of a RoleBinding's reach" },
    { who: alice, tries: "get secrets team-a/db", because: "another user's role in her own namespace" },
    { who: alice, tries: "list secrets team-a", because: "reading pods is not reading Secrets" },
    { who: alice, tries: "get pods/exec team-a/p", because: "logs are not exec" },
    { who: alice, tries: "create pods/log team-a/p", because: "only get is granted" },
    {
      who: alice,
      tries: "get runtimedeployments.slipway.dev/log team-a/files",
      because: "subresources are granted on their own",
    },
    {
      who: alice,
      tries: "get runtimedeployments.slipway.dev/status team-a/files",
      because: "subresources are granted on their own",
    },
    { who: alice, tries: "get runtimedeployments team-a/files", because: "the core group is another group" },
    { who: alice, tries: "get runtimedeployments.evil.dev team-a/files", because: "another group's kind of that name" },
    { who: alice, tries: "get runtimebackends.slipway.dev team-a/x", because: "another kind of that group" },
    { who: alice, tries: "impersonate users /bob", because: "no rule says impersonate" },
    { who: alice, tries: "impersonate groups /system:masters", because: "no rule says impersonate" },
    {
      who: alice,
      tries: "bind clusterroles.rbac.authorization.k8s.io team-a/cluster-admin",
      because: "no rule says bind",
    },
    { who: alice, tries: "escalate roles.rbac.authorization.k8s.io team-a/dev", because: "no rule says escalate" },
    { who: alice, tries: "create rolebindings.rbac.authorization.k8s.io team-a", because: "she may not bind" },
    { who: alice, tries: "update roles.rbac.authorization.k8s.io team-a/dev", because: "not even her own role" },
    { who: alice, tries: "create serviceaccounts/token team-a/bot", because: "the bot's token is the bot's" },
    { who: alice, tries: "get /metrics", because: "paths need nonResourceURLs" },
    { who: bob, tries: "get secrets team-a/db", because: "he owns team-b alone" },
    { who: bob, tries: "list secrets", because: "he owns team-b alone" },
    { who: bob, tries: "get namespaces", because: "his wildcard is namespaced" },
    { who: bob, tries: "create clusterroles.rbac.authorization.k8s.io", because: "his wildcard is namespaced" },
    { who: bob, tries: "create clusterrolebindings.rbac.authorization.k8s.io", because: "his wildcard is namespaced" },
    { who: bob, tries: "get /version", because: "a resource wildcard covers no path" },
    { who: bob, tries: "impersonate users /root", because: "users are cluster-scoped" },
    { who: operator, tries: "get secrets team-a/db2", because: "the role names another Secret" },
    { who: operator, tries: "get secrets team-a", because: "no name is not that name" },
    { who: operator, tries: "list secrets team-a", because: "a list needs the name as field selector" },
    { who: operator, tries: "watch secrets team-a/db", because: "watch is not among the verbs" },
    { who: operator, tries: "update secrets team-a/db", because: "reading is not writing" },
    { who: operator, tries: "create secrets team-a", because: "a create has no name" },
    { who: operator, tries: "get secrets team-b/db", because: "a Secret of that name elsewhere" },
    { who: operator, tries: "get configmaps team-a/db", because: "a ConfigMap of that name" },
    { who: auditor, tries: "get secrets team-a/db", because: "auditors read no Secrets" },
    { who: auditor, tries: "list secrets", because: "auditors read no Secrets" },
    { who: auditor, tries: "delete configmaps team-a/c", because: "reading is not writing" },
    { who: auditor, tries: "get nodes /n", because: "only list is granted" },
    { who: auditor, tries: "get pods/log team-a/p", because: "a resource does not bring its subresources" },
    { who: bot, tries: "patch runtimedeployments.slipway.dev team-a/x", because: "status alone" },
    { who: bot, tries: "update runtimedeployments.slipway.dev/status team-a/x", because: "patch alone" },
    { who: bot, tries: "patch runtimedeployments.slipway.dev/status team-b/x", because: "its own namespace" },
    { who: bot, tries: "patch runtimedeployments.slipway.dev/scale team-a/x", because: "another subresource" },
    { who: user("bot"), tries: "list pods team-b", because: "a user of the ServiceAccount's name" },
    {
      who: user("system:serviceaccount:team-b:bot"),
      tries: "list pods team-b",
      because: "the bot of another namespace",
    },
    { who: user("devs-a"), tries: "list pods team-a", because: "a user of the group's name" },
    { who: scraper, tries: "post /metrics", because: "another verb" },
    { who: scraper, tries: "get /metrics/slis", because: "below an exact path" },
    { who: scraper, tries: "get /debug", because: "above the wildcard" },
    { who: stranger, tries: "get pods team-a/p", because: "nobody gave him anything" },
  ])("refuses $who.username to $tries: $because", ({ who, tries }) => {
    expect(company().authorize(who, asked(tries))).toEqual({ allowed: false, reason: "" });
  });

  it.each([
    {
      who: alice,
      may: "list pods team-a",
      want: 'RoleBinding "devs-read/team-a" of ClusterRole "reader" to Group "devs-a"',
    },
    {
      who: bot,
      may: "list pods team-b",
      want: 'RoleBinding "far/team-b" of ClusterRole "reader" to ServiceAccount "bot/team-a"',
    },
    {
      who: scraper,
      may: "get /metrics",
      want: 'ClusterRoleBinding "scrape" of ClusterRole "metrics" to Group "monitors"',
    },
  ])("says why, as kube-apiserver does: $want", ({ who, may, want }) => {
    expect(company().authorize(who, asked(may)).reason).toBe(`RBAC: allowed by ${want}`);
  });

  it("tells whose binding leads nowhere", () => {
    expect(company().authorize(user("carol"), asked("get pods team-b"))).toEqual({
      allowed: false,
      reason: 'RBAC: role.rbac.authorization.k8s.io "nothing" not found',
    });
  });

  it("follows a change with the next decision", () => {
    const { objects, authorizer } = world();
    const question = asked("list pods team-a");
    expect(authorizer.authorize(alice, question).allowed).toBe(false);
    bind(objects, "team-a", "b", "ClusterRole/reader", { kind: "User", name: "alice" });
    expect(authorizer.authorize(alice, question).allowed).toBe(false);
    role(objects, "", "reader", { apiGroups: [""], resources: ["pods"], verbs: ["list"] });
    expect(authorizer.authorize(alice, question).allowed).toBe(true);
    objects.remove(roleBindings, { namespace: "team-a", name: "b" });
    expect(authorizer.authorize(alice, question).allowed).toBe(false);
  });

  it.each([
    { bound: "ab", others: ["a", "b"] },
    { bound: "a\0b", others: ["a", "b"] },
    { bound: "a1:b", others: ["a", "b"] },
    { bound: "a,b", others: ["a", "b"] },
  ])("does not take groups $others for the one group $bound", ({ bound, others }) => {
    const { objects, authorizer } = world();
    role(objects, "", "reader", { apiGroups: [""], resources: ["pods"], verbs: ["list"] });
    bind(objects, "", "b", "ClusterRole/reader", { kind: "Group", name: bound });
    expect(authorizer.authorize({ username: "u", groups: [bound] }, asked("list pods")).allowed).toBe(true);
    expect(authorizer.authorize({ username: "u", groups: others }, asked("list pods")).allowed).toBe(false);
  });

  it("stays small and fast with a role of ten thousand verbs times ten thousand resources", () => {
    const { objects, authorizer } = world();
    const many = (prefix: string) => Array.from({ length: 10_000 }, (_, index) => `${prefix}${index}`);
    role(objects, "", "huge", { apiGroups: [""], resources: many("r"), verbs: many("v") });
    bind(objects, "", "b", "ClusterRole/huge", { kind: "User", name: "alice" });
    expect(authorizer.authorize(alice, asked("v9999 r9999")).allowed).toBe(true);
    expect(authorizer.authorize(alice, asked("v9999 r10000")).allowed).toBe(false);
  });

  it("decides as going through all bindings and rules would", () => {
    fc.assert(
      fc.property(worlds, fc.array(questions, { minLength: 1, maxLength: 8 }), (generated, list) => {
        const { objects, authorizer } = world();
        for (const [index, { namespace, rules }] of generated.roles.entries())
          role(objects, namespace, `r${index}`, ...rules);
        for (const [index, { namespace, roleRef, subjects }] of generated.bindings.entries()) {
          bind(objects, namespace, `b${index}`, roleRef, ...subjects);
        }
        for (const { who, attributes } of list) {
          expect([attributes, authorizer.authorize(who, attributes).allowed]).toEqual([
            attributes,
            naive(objects, who, attributes),
          ]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** The definition of RBAC, word for word, without any thought of speed. */
function naive(objects: MemoryObjects, who: UserInfo, attributes: RequestAttributes): boolean {
  const bindings = [...objects.list<Binding>(clusterRoleBindings), ...objects.list<Binding>(roleBindings)];
  const namespace = attributes.kind === "resource" ? attributes.namespace : "";
  return bindings.some((binding) => {
    const home = binding.metadata.namespace ?? "";
    if (home !== "" && home !== namespace) return false;
    if (!(binding.subjects ?? []).some((subject) => isSubject(who, subject, home))) return false;
    const { kind, name } = binding.roleRef;
    const found =
      kind === "ClusterRole"
        ? objects.get<Role>(clusterRoles, { namespace: "", name })
        : home !== "" && objects.get<Role>(roles, { namespace: home, name });
    return found && (found.rules ?? []).some((rule) => allows(rule, attributes));
  });
}

function isSubject({ username, groups }: UserInfo, subject: Subject, home: string): boolean {
  if (subject.kind === "User") return username === subject.name;
  if (subject.kind === "Group") return groups.includes(subject.name);
  return username === `system:serviceaccount:${subject.namespace ?? home}:${subject.name}`;
}

function allows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  const holds = (list: readonly string[] | undefined, value: string) => list?.includes("*") || list?.includes(value);
  if (!holds(rule.verbs, attributes.verb)) return false;
  if (attributes.kind === "path") {
    return !!rule.nonResourceURLs?.some(
      (url) => url === attributes.path || (url.endsWith("*") && attributes.path.startsWith(url.slice(0, -1))),
    );
  }
  const { group, resource, subresource, name } = attributes;
  const named = subresource === "" ? resource : `${resource}/${subresource}`;
  return !!(
    holds(rule.apiGroups, group) &&
    (holds(rule.resources, named) || (subresource !== "" && rule.resources?.includes(`*/${subresource}`))) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

// Few values for each field, so that what is asked often meets what is granted.
const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });
const one = <T>(...values: T[]) => fc.constantFrom(...values);
const resourceRules = fc.record({
  verbs: some("get", "list", "*"),
  apiGroups: some("", "apps", "*"),
  resources: some("pods", "pods/log", "*/log", "jobs", "*"),
  resourceNames: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some("x", "y") }),
});
const pathRules = fc.record({ verbs: some("get", "*"), nonResourceURLs: some("/api", "/api/*", "/ap*", "*") });
const rules = fc.oneof({ weight: 4, arbitrary: resourceRules }, { weight: 1, arbitrary: pathRules });
const subjects = fc.oneof(
  fc.record({ kind: one("User", "Group"), name: one("u", "g", "system:serviceaccount:n1:s") }),
  fc.record({ kind: fc.constant("ServiceAccount"), name: one("s", "u") }),
  fc.record({ kind: fc.constant("ServiceAccount"), name: one("s", "u"), namespace: one("n1", "n2") }),
) as fc.Arbitrary<Subject>;
const namespaces = one("", "n1", "n2");
const worlds = fc.record({
  roles: fc.array(fc.record({ namespace: namespaces, rules: fc.array(rules, { maxLength: 3 }) }), { maxLength: 5 }),
  bindings: fc.array(
    fc.record({
      namespace: namespaces,
      roleRef: fc.tuple(one("Role", "ClusterRole"), one("r0", "r1", "r2", "r3", "r4")).map((parts) => parts.join("/")),
      subjects: fc.array(subjects, { maxLength: 3 }),
    }),
    { maxLength: 6 },
  ),
});
const questions = fc.record({
  who: fc.record({ username: one("u", "v", "system:serviceaccount:n1:s"), groups: fc.subarray(["g", "h"]) }),
  attributes: fc.oneof(
    fc.record({
      kind: fc.constant("resource" as const),
      verb: one("get", "list", "delete"),
      group: one("", "apps", "batch"),
      version: fc.constant("v1"),
      resource: one("pods", "jobs"),
      subresource: one("", "", "log", "status"),
      namespace: namespaces,
      name: one("", "x", "z"),
    }),
    fc.record({
      kind: fc.constant("path" as const),
      verb: one("get", "post"),
      path: one("/api", "/api/v1", "/version"),
    }),
  ),
});
