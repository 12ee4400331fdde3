import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Approval, ApprovalPolicy } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "./eventually.ts";
import type { Installation } from "./installation.ts";
import { Kubectl, type KubectlResult } from "./kubectl.ts";
import type { SlipwayProcess } from "./slipway-process.ts";

const NAMESPACE = "default";

/** Somebody with a token of their own. */
export class Person {
  readonly name: string;
  readonly kubectl: Kubectl;
  readonly #process: SlipwayProcess;

  constructor(name: string, kubeconfig: string, process: SlipwayProcess) {
    this.name = name;
    this.kubectl = new Kubectl(kubeconfig);
    this.#process = process;
  }

  /** A command of Slipway's, as this person. */
  async slipway(...args: readonly string[]): Promise<KubectlResult> {
    return await this.#process.command(...args, "--kubeconfig", this.kubectl.kubeconfig);
  }

  /** Where the server is now: it has another port after each start. */
  reconnect(): void {
    const { clusters } = parse(readFileSync(this.#process.kubectl.kubeconfig, "utf8")) as { clusters: unknown };
    const own = parse(readFileSync(this.kubectl.kubeconfig, "utf8")) as object;
    const names = (own as { clusters: { name: string }[] }).clusters.map(({ name }) => name);
    const moved = (clusters as { name: string }[]).map((each, at) => ({ ...each, name: names[at] ?? each.name }));
    writeFileSync(this.kubectl.kubeconfig, stringify({ ...own, clusters: moved }));
  }
}

/** Adds a user, and binds roles in the namespace `default`. */
export async function addPerson(
  { process }: Installation,
  name: string,
  { roles, groups = [] }: { readonly roles: readonly string[]; readonly groups?: readonly string[] },
): Promise<Person> {
  const file = await process.addUser(name, groups);
  for (const role of roles) {
    const binding = ["rolebinding", `${name}-${role}`, `--clusterrole=${role}`, `--user=${name}`, "-n", NAMESPACE];
    await process.kubectl.run(["create", ...binding]);
  }
  return new Person(name, file, process);
}

/** The one of `system:masters` whose kubeconfig `slipway up` writes. */
export function administratorOf({ process }: Installation): Person {
  const { users } = parse(readFileSync(process.kubectl.kubeconfig, "utf8")) as { users: { name: string }[] };
  return new Person(users[0]?.name ?? "", process.kubectl.kubeconfig, process);
}

/** A service account with a role in the namespace `default`, such as Argo CD's. */
export async function addRobot({ process }: Installation, name: string, role: string): Promise<Person> {
  await process.kubectl.run(["create", "serviceaccount", name, "-n", NAMESPACE]);
  const subject = `--serviceaccount=${NAMESPACE}:${name}`;
  await process.kubectl.run(["create", "rolebinding", name, `--clusterrole=${role}`, subject, "-n", NAMESPACE]);
  const token = (await process.kubectl.run(["create", "token", name, "-n", NAMESPACE])).trim();
  const config = parse(readFileSync(process.kubectl.kubeconfig, "utf8")) as { users: { name: string }[] };
  const file = join(process.dataDir, `${name}.kubeconfig`);
  const users = config.users.map((user) => ({ name: user.name, user: { token } }));
  writeFileSync(file, stringify({ ...config, users }), { mode: 0o600 });
  return new Person(`system:serviceaccount:${NAMESPACE}:${name}`, file, process);
}

/** Asks about everything, and takes the group `security` for approvers; `spec` on top. */
export function policy(name: string, spec: Partial<ApprovalPolicy["spec"]> = {}): object {
  return {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "ApprovalPolicy",
    metadata: { name },
    spec: {
      rules: [{ name: "everything", sourceTypes: ["image", "git"] }],
      approvers: { groups: ["security"] },
      ...spec,
    },
  };
}

/** Everything that was asked about deployments of this name, the oldest first. */
export async function approvalsOf({ kubectl }: Installation, deployment: string): Promise<Approval[]> {
  const selector = `--field-selector=spec.deploymentRef.name=${deployment}`;
  const { items } = await kubectl.get<{ items: Approval[] }>("approvals", selector);
  const version = ({ metadata }: Approval) => Date.parse(metadata.creationTimestamp);
  return items.toSorted((a, b) => version(a) - version(b));
}

/** Waits until one alone is pending, and answers it. */
export async function untilAsked(slipway: Installation, deployment: string): Promise<Approval> {
  const look = async () => {
    const pending = (await approvalsOf(slipway, deployment)).filter(({ status }) => status?.phase === "Pending");
    return pending.length === 1 ? pending[0] : undefined;
  };
  return await eventually(`one Approval of ${deployment} is pending`, look, {
    explain: () => slipway.explain(deployment),
  });
}

/** Waits until an Approval has a phase, and answers it. */
export async function untilApprovalIs(
  { kubectl }: Installation,
  name: string,
  phase: NonNullable<Approval["status"]>["phase"],
): Promise<Approval> {
  const look = async () => {
    const found = await kubectl.get<Approval>("approval", name);
    return found.status?.phase === phase ? found : undefined;
  };
  return await eventually(`Approval ${name} is ${phase}`, look, {
    explain: () => kubectl.run(["get", "approval", name, "-o", "yaml"]),
  });
}

/** The JSON patch by which kubectl decides. */
export function decisionPatch(verdict: "Approved" | "Rejected", reason: string, digest?: string): string {
  return JSON.stringify([
    ...(digest === undefined ? [] : [{ op: "test", path: "/spec/digest", value: digest }]),
    { op: "add", path: "/spec/decisions/-", value: { verdict, reason } },
  ]);
}
