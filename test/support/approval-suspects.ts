import { expect } from "@jest/globals";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import type { Approval } from "../../src/api/v1alpha1/index.ts";
import { addPerson, addRobot, approvalsOf, decisionPatch, type Person, policy, untilAsked } from "./approval-people.ts";
import { refusalsOf } from "./audit-lines.ts";
import { eventually } from "./eventually.ts";
import { ensureMcpImage } from "./images.ts";
import { deployment, Installation } from "./installation.ts";
import type { KubectlResult } from "./kubectl.ts";

interface Cast {
  /** Writes deployments. */
  readonly dana: Person;
  /** May by RBAC do all of it, and is no approver by any policy. */
  readonly mallory: Person;
  /** Approvers who may write deployments, too. */
  readonly sam: Person;
  readonly kim: Person;
  /** A robot that writes deployments. */
  readonly argo: Person;
  /** Bound to `cluster-admin`. */
  readonly root: Person;
}

/**
 * People who would gain from getting around an approval, in an installation whose policy `one` asks the group `security` about
 * everything.
 */
export class Suspects implements AsyncDisposable {
  readonly slipway: Installation;
  readonly people: Cast;

  private constructor(slipway: Installation, people: Cast) {
    this.slipway = slipway;
    this.people = people;
  }

  /** `policies`: beside `one`. */
  static async gather(admission: string, policies: readonly object[] = []): Promise<Suspects> {
    await ensureMcpImage();
    await ensureSandboxImage(() => undefined);
    const slipway = await Installation.start({ args: ["--admission", admission] });
    try {
      const both = ["slipway-developer", "slipway-approver"];
      const people = {
        dana: await addPerson(slipway, "dana", { roles: ["slipway-developer"] }),
        mallory: await addPerson(slipway, "mallory", { roles: [...both, "admin"] }),
        sam: await addPerson(slipway, "sam", { roles: [...both, "edit"], groups: ["security"] }),
        kim: await addPerson(slipway, "kim", { roles: both, groups: ["security"] }),
        argo: await addRobot(slipway, "argo", "slipway-developer"),
        root: await addPerson(slipway, "root", { roles: [] }),
      };
      await slipway.kubectl.run(["create", "clusterrolebinding", "root", "--clusterrole=cluster-admin", "--user=root"]);
      await slipway.kubectl.apply(policy("one"), ...policies);
      await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicies", "--all", "--timeout=60s"]);
      return new Suspects(slipway, people);
    } catch (error) {
      await slipway[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Deploys, and answers what is asked about it. */
  async asked(name: string, by = this.people.dana, spec: Record<string, unknown> = {}): Promise<Approval> {
    await by.kubectl.apply(deployment(name, spec));
    return await untilAsked(this.slipway, name);
  }

  /** Deploys, has it approved by sam, and waits until it runs. */
  async running(name: string, spec: Record<string, unknown> = {}): Promise<Approval> {
    const approval = await this.asked(name, this.people.dana, spec);
    passed(await approve(this.people.sam, approval));
    await this.slipway.untilPhase(name, "Connected");
    return approval;
  }

  /** It was refused to its author's face, with this said, and the log knows who tried. */
  async refused(by: Person, attempt: () => Promise<KubectlResult>, because: RegExp): Promise<void> {
    const before = refusalsOf(this.slipway, by.name).length;
    const { code, stderr } = await attempt();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(because) });
    expect(stderr).toMatch(/is forbidden: /);
    const isKnown = () => refusalsOf(this.slipway, by.name).length > before;
    await eventually(`the log knows of the attempt by ${by.name}`, isKnown);
  }

  /** It still waits, and nothing runs. */
  async waits(name: string): Promise<void> {
    const pending = (await approvalsOf(this.slipway, name)).filter(({ status }) => status?.phase === "Pending");
    expect(pending).toHaveLength(1);
    expect(await this.slipway.containers(name)).toEqual([]);
    expect((await this.slipway.get(name)).status?.phase).toBe("PendingApproval");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.slipway[Symbol.asyncDispose]();
  }
}

export async function approve(
  person: Person,
  { metadata }: Approval,
  verdict: "Approved" | "Rejected" = "Approved",
): Promise<KubectlResult> {
  return await patchApproval(person, metadata.name, decisionPatch(verdict, "because"));
}

/** By a JSON patch. */
export async function patchApproval(person: Person, name: string, body: string): Promise<KubectlResult> {
  return await person.kubectl.try(["patch", "approval", name, "--type=json", "-p", body]);
}

export function passed(result: KubectlResult): void {
  expect(result).toMatchObject({ code: 0 });
}
