import { beforeEach, describe, expect, it } from "@jest/globals";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import type { KubeObject } from "../../api/meta.ts";
import { type RbacWrite, refuseEscalation } from "./escalation.ts";
import type { PolicyRule } from "./rbac.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles, storedRbacObjects } from "./stored-rbac.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const alice = { username: "alice", groups: ["devs", "system:authenticated"] };
const metadata = { uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };

let objects: MemoryObjects;
let authorizer: RbacAuthorizer;

beforeEach(() => {
  objects = new MemoryObjects();
  authorizer = new RbacAuthorizer(storedRbacObjects(objects));
});

/** Gives alice `rules` in team-a. */
function aliceHas(...rules: PolicyRule[]): void {
  objects.put(roles, { apiVersion, kind: "Role", metadata: { name: "alice", namespace: "team-a" }, rules });
  objects.put(roleBindings, {
    ...binding("Role", "alice"),
    metadata: { ...metadata, name: "alice", namespace: "team-a" },
  });
}

function aliceHasEverywhere(...rules: PolicyRule[]): void {
  objects.put(clusterRoles, { apiVersion, kind: "ClusterRole", metadata: { name: "alice" }, rules });
  objects.put(clusterRoleBindings, { ...binding("ClusterRole", "alice"), metadata: { ...metadata, name: "alice" } });
}

function binding(kind: string, name: string) {
  return {
    apiVersion,
    kind: "RoleBinding",
    metadata: { ...metadata, name: "b", namespace: "team-a" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
    subjects: [{ kind: "User", name: "alice" }],
  };
}

function role(...rules: PolicyRule[]): KubeObject & { rules: PolicyRule[] } {
  return { apiVersion, kind: "Role", metadata: { ...metadata, name: "up", namespace: "team-a" }, rules };
}

function clusterRole(...rules: PolicyRule[]): KubeObject & { rules: PolicyRule[] } {
  return { apiVersion, kind: "ClusterRole", metadata: { ...metadata, name: "up" }, rules };
}

function write(resource: RbacWrite["resource"], object: KubeObject, previous?: KubeObject): string {
  try {
    refuseEscalation(authorizer, { user: alice, resource, object, ...(previous && { previous }) });
    return "allowed";
  } catch (error) {
    return (error as Error).message;
  }
}

const pods = (...verbs: string[]): PolicyRule => ({ apiGroups: [""], resources: ["pods"], verbs });
const notHeld = (name: string, rule: string) =>
  `${name} is forbidden: user "alice" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions ` +
  `not currently held:\n${rule}`;

describe("writing a role", () => {
  it("is refused beyond one's own rights, in kube-apiserver's words", () => {
    expect(write("roles", role(pods("get", "delete")))).toBe(
      notHeld('roles.rbac.authorization.k8s.io "up"', '{APIGroups:[""], Resources:["pods"], Verbs:["get" "delete"]}'),
    );
  });

  it("names what is missing, and only that", () => {
    aliceHas(pods("get"));
    const wanted: PolicyRule[] = [
      pods("get", "list", "watch"),
      { apiGroups: ["apps"], resources: ["jobs"], resourceNames: ["j"], verbs: ["get"] },
    ];
    expect(write("roles", role(...wanted))).toBe(
      notHeld(
        'roles.rbac.authorization.k8s.io "up"',
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}\n' +
          '{APIGroups:["apps"], Resources:["jobs"], ResourceNames:["j"], Verbs:["get"]}',
      ),
    );
  });

  it.each<{ because: string; held: PolicyRule; wanted: PolicyRule; allowed: boolean }>([
    { because: "the same rule", held: pods("get"), wanted: pods("get"), allowed: true },
    { because: "a wildcard covers a verb", held: pods("*"), wanted: pods("get", "delete"), allowed: true },
    { because: "all verbs by name are not the wildcard", held: pods("get", "list"), wanted: pods("*"), allowed: false },
    {
      because: "all resources cover a subresource",
      held: { apiGroups: [""], resources: ["*"], verbs: ["get"] },
      wanted: { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
      allowed: true,
    },
    {
      because: "any log covers the log of pods",
      held: { apiGroups: [""], resources: ["*/log"], verbs: ["get"] },
      wanted: { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
      allowed: true,
    },
    {
      because: "the log of pods is not any log",
      held: { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
      wanted: { apiGroups: [""], resources: ["*/log"], verbs: ["get"] },
      allowed: false,
    },
    {
      because: "every name covers one",
      held: pods("get"),
      wanted: { ...pods("get"), resourceNames: ["a"] },
      allowed: true,
    },
    {
      because: "one name does not cover every name",
      held: { ...pods("get"), resourceNames: ["a"] },
      wanted: pods("get"),
      allowed: false,
    },
    {
      because: "one name does not cover another",
      held: { ...pods("get"), resourceNames: ["a"] },
      wanted: { ...pods("get"), resourceNames: ["a", "b"] },
      allowed: false,
    },
    {
      because: "another API group",
      held: pods("get"),
      wanted: { apiGroups: ["apps"], resources: ["pods"], verbs: ["get"] },
      allowed: false,
    },
    { because: "a rule that grants nothing", held: pods("get"), wanted: pods(), allowed: true },
  ])("compares rules: $because", ({ held, wanted, allowed }) => {
    aliceHas(held);
    expect(write("roles", role(wanted)) === "allowed").toBe(allowed);
  });

  it("compares paths by their prefixes", () => {
    aliceHasEverywhere({ nonResourceURLs: ["/debug/*"], verbs: ["get"] });
    const path = (url: string): PolicyRule => ({ nonResourceURLs: [url], verbs: ["get"] });
    expect(write("clusterroles", clusterRole(path("/debug/pprof")))).toBe("allowed");
    expect(write("clusterroles", clusterRole(path("/debug/p/*")))).toBe("allowed");
    expect(write("clusterroles", clusterRole(path("*")))).toContain("not currently held");
  });

  it("counts only rights of the role's own namespace", () => {
    aliceHas(pods("get"));
    const elsewhere = { ...role(pods("get")), metadata: { ...metadata, name: "up", namespace: "team-b" } };
    expect(write("roles", elsewhere)).toContain("not currently held");
    expect(write("clusterroles", clusterRole(pods("get")))).toContain("not currently held");
  });

  it("is refused without a long look when its rules multiply beyond reason", () => {
    aliceHas({ apiGroups: ["*"], resources: ["*"], verbs: ["get"] });
    const many = (prefix: string) => Array.from({ length: 10_000 }, (_, index) => `${prefix}${index}`);
    const huge = { apiGroups: [""], resources: many("r"), verbs: many("v") };
    expect(write("roles", role(huge))).toContain(
      "its rules have 100000000 combinations; at most 100000 can be checked",
    );
    expect(write("roles", role({ ...huge, verbs: ["get"] }))).toBe("allowed");
  });

  it("is free for who may escalate", () => {
    aliceHas({ apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["escalate"] });
    expect(write("roles", role(pods("delete")))).toBe("allowed");
    expect(write("clusterroles", clusterRole(pods("delete")))).toContain("not currently held");
  });

  it("is free for who may escalate the role by name, once it has that name", () => {
    const apiGroups = ["rbac.authorization.k8s.io"];
    aliceHas({ apiGroups, resources: ["roles"], resourceNames: ["up"], verbs: ["escalate"] });
    expect(write("roles", role(pods("delete")), role())).toBe("allowed");
    expect(write("roles", role(pods("delete")))).toContain("not currently held");
  });

  it("is free for system:masters", () => {
    const user = { username: "root", groups: ["system:masters"] };
    expect(() => refuseEscalation(authorizer, { user, resource: "roles", object: role(pods("*")) })).not.toThrow();
  });

  it("is free for who changes nothing but owners and finalizers, as the garbage collector does", () => {
    const previous = role(pods("delete"));
    const held = { ...previous, metadata: { ...previous.metadata, finalizers: ["x.dev/y"], resourceVersion: "2" } };
    expect(write("roles", held, previous)).toBe("allowed");
    const labelled = { ...previous, metadata: { ...previous.metadata, labels: { a: "b" } } };
    expect(write("roles", labelled, previous)).toContain("not currently held");
  });

  it("takes every right there is to aggregate", () => {
    const aggregating = { ...clusterRole(), aggregationRule: { clusterRoleSelectors: [{}] } };
    const refused =
      'clusterroles.rbac.authorization.k8s.io "up" is forbidden: must have cluster-admin privileges to use an aggregationRule';
    expect(write("clusterroles", aggregating)).toBe(refused);
    expect(write("clusterroles", clusterRole(), aggregating)).toBe(refused);
    aliceHasEverywhere({ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }, { nonResourceURLs: ["*"], verbs: ["*"] });
    expect(write("clusterroles", aggregating)).toBe("allowed");
  });
});

describe("writing a binding", () => {
  beforeEach(() => {
    objects.put(clusterRoles, { apiVersion, kind: "ClusterRole", metadata: { name: "reader" }, rules: [pods("get")] });
  });

  it("is refused to a role beyond one's own rights", () => {
    expect(write("rolebindings", binding("ClusterRole", "reader"))).toBe(
      notHeld('rolebindings.rbac.authorization.k8s.io "b"', '{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'),
    );
  });

  it("is allowed to a role within them", () => {
    aliceHas(pods("get", "list"));
    expect(write("rolebindings", binding("ClusterRole", "reader"))).toBe("allowed");
    const wide = { ...binding("ClusterRole", "reader"), metadata: { ...metadata, name: "b" } };
    expect(write("clusterrolebindings", wide)).toContain("not currently held");
  });

  it("is allowed to who may bind that role", () => {
    aliceHas({
      apiGroups: ["rbac.authorization.k8s.io"],
      resources: ["clusterroles"],
      resourceNames: ["reader"],
      verbs: ["bind"],
    });
    expect(write("rolebindings", binding("ClusterRole", "reader"))).toBe("allowed");
    objects.put(clusterRoles, {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name: "other" },
      rules: [pods("delete")],
    });
    expect(write("rolebindings", binding("ClusterRole", "other"))).toContain("not currently held");
  });

  it("is refused to a role that is not there, which could become anything", () => {
    expect(write("rolebindings", binding("Role", "nothing"))).toBe(
      'roles.rbac.authorization.k8s.io "nothing" not found',
    );
  });

  it("does not take a ClusterRole of a Role's name", () => {
    aliceHas(pods("*"));
    expect(write("rolebindings", binding("Role", "reader"))).toBe('roles.rbac.authorization.k8s.io "reader" not found');
  });
});
