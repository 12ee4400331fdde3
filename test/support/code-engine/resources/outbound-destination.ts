import { applyMergePatch } from "../../../../src/server/patch/merge-patch.ts";
import type { DestinationReason } from "../failures.ts";
import { cidrBlock, covers, parseCidr } from "../fields/cidr.ts";
import { type JsonObject, oneOf, type ReadOptions, readFields, required, text, withDefault } from "../fields/field.ts";
import { workName } from "../fields/names.ts";
import { invalidField } from "../http/api-error.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "./resource.ts";

type Spec =
  | { readonly type: "cidr_block"; readonly cidr_block: string }
  | {
      readonly type: "private_path_service_gateway";
      readonly private_path_service_gateway_crn: string;
      readonly isolation_policy: "shared" | "dedicated";
    };

const EVERYTHING = "0.0.0.0/0";
const type = required(oneOf("cidr_block", "private_path_service_gateway"));
const MEMBERS = ["name", "cidr_block", "private_path_service_gateway_crn", "isolation_policy"];

/** @throws {ApiError} 400 */
export function readDestinationName(body: JsonObject): string {
  return readFields({ name: required(workName) }, body).name;
}

function readSpec(body: JsonObject, options: ReadOptions): Spec {
  const head = readFields({ type }, body, { ...options, others: MEMBERS });
  if (head.type === "cidr_block") {
    return { type: head.type, ...readFields({ cidr_block: required(cidrBlock) }, body) };
  }
  const fields = {
    private_path_service_gateway_crn: required(text({ min: 20, max: 253 })),
    isolation_policy: withDefault(oneOf("shared", "dedicated"), "shared"),
  };
  return { type: head.type, ...readFields(fields, body) };
}

/** Where everything in a project may connect to: applications, jobs and builds alike. */
export class OutboundDestination extends Resource {
  readonly project: Project;
  #written: JsonObject;
  #spec: Spec;
  #status: "deploying" | "ready" | "failed" = "deploying";
  #reason: DestinationReason | "ready" | "deploying" = "deploying";

  constructor(project: Project, name: string, written: JsonObject) {
    super({
      world: project.world,
      name,
      href: `${project.href}/allowed_outbound_destinations/${name}`,
    });
    this.project = project;
    this.#written = written;
    this.#spec = readSpec(written, { strict: this.world.switches.strictBodies });
    this.#settle(this.#spec);
  }

  /** The range that it opens. */
  get cidr(): string | undefined {
    return this.#spec.type === "cidr_block" ? this.#spec.cidr_block : undefined;
  }

  /** @throws {ApiError} 400 */
  patch(patch: JsonObject): void {
    const { name: _, ...changes } = patch;
    if (changes.type !== undefined && changes.type !== this.#spec.type) {
      throw invalidField("type", `type must stay ${this.#spec.type}.`);
    }
    const written = applyMergePatch(this.#written, changes);
    const spec = readSpec(written, { strict: this.world.switches.strictBodies });
    this.#settle(spec);
    this.#written = written;
    this.#spec = spec;
    this.specChanged();
  }

  view(): JsonObject {
    return {
      ...this.head(this.project.id, "allowed_outbound_destination_v2"),
      entity_tag: this.entityTag,
      ...this.#spec,
      status: this.#status,
      status_details: {
        reason: this.#reason,
        ...(this.#spec.type === "private_path_service_gateway" && {
          endpoint_gateway: { name: `eg-${this.name}` },
          private_path_service_gateway: { name: `ppsg-${this.name}` },
        }),
      },
    };
  }

  /** Rules add up, none may lie within another, and the one that opens everything replaces all others. */
  #settle(spec: Spec): void {
    const others = this.project.destinations.list().filter((other) => other !== this && !other.deleting);
    if (spec.type === "cidr_block" && spec.cidr_block === EVERYTHING) {
      for (const other of others) if (other.cidr !== undefined) this.project.destinations.remove(other);
    } else if (spec.type === "cidr_block") checkOverlap(spec.cidr_block, others);
    this.#status = "deploying";
    this.#reason = "deploying";
    this.world.after(this.world.timings.workStepMs, () => {
      this.#reason = this.world.failures.take("destination", { names: [this.name] }) ?? "ready";
      this.#status = this.#reason === "ready" ? "ready" : "failed";
      this.statusChanged();
    });
  }
}

/** @throws {ApiError} 400 */
function checkOverlap(cidr: string, others: readonly OutboundDestination[]): void {
  const range = parseCidr(cidr);
  for (const other of others) {
    const open = parseCidr(other.cidr ?? "");
    if (range === undefined || open === undefined || !covers(open, range)) continue;
    const message = `${cidr} is covered by ${other.cidr} of '${other.name}'.`;
    throw invalidField("cidr_block", message);
  }
}
