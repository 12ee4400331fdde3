import { applyMergePatch } from "../../../../src/server/patch/merge-patch.ts";
import type { DomainMappingReason } from "../failures.ts";
import { type JsonObject, object, oneOf, type ReadOptions, readFields, required } from "../fields/field.ts";
import { appName, domainName, dottedName } from "../fields/names.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "./resource.ts";

const component = object((members, at) => ({
  resource_type: required(oneOf("app_v2"))(members.resource_type, `${at}.resource_type`),
  name: required(appName)(members.name, `${at}.name`),
}));
const fields = { component: required(component), tls_secret: required(dottedName) };

/** @throws {ApiError} 400 */
export function readDomainName(body: JsonObject): string {
  return readFields({ name: required(domainName) }, body).name;
}

function readSpec(body: JsonObject, options: ReadOptions) {
  return readFields(fields, body, { ...options, others: ["name"] });
}

/** A domain of one's own that leads to an application. */
export class DomainMapping extends Resource {
  readonly project: Project;
  #written: JsonObject;
  #spec: ReturnType<typeof readSpec>;
  #status: "deploying" | "ready" | "failed" = "deploying";
  #reason: DomainMappingReason | "ready" | "deploying" = "deploying";

  constructor(project: Project, name: string, written: JsonObject) {
    super({ world: project.world, name, href: `${project.href}/domain_mappings/${name}` });
    this.project = project;
    this.#written = written;
    this.#spec = readSpec(written, { strict: this.world.switches.strictBodies });
    this.#settle();
  }

  /** @throws {ApiError} 400 */
  patch(patch: JsonObject): void {
    const { name: _, ...changes } = patch;
    const written = applyMergePatch(this.#written, changes);
    this.#spec = readSpec(written, { strict: this.world.switches.strictBodies });
    this.#written = written;
    this.specChanged();
    this.#settle();
  }

  view(): JsonObject {
    const { subdomain } = this.project;
    return {
      ...this.head(this.project.id, "domain_mapping_v2"),
      entity_tag: this.entityTag,
      ...this.#spec,
      cname_target: `custom.${subdomain}.${this.world.region}.codeengine.appdomain.cloud`,
      user_managed: true,
      visibility: "custom",
      status: this.#status,
      status_details: { reason: this.#reason },
    };
  }

  #settle(): void {
    this.#status = "deploying";
    this.#reason = "deploying";
    this.world.after(this.world.timings.workStepMs, () => {
      const injected = this.world.failures.take("domain-mapping", { names: [this.name] });
      this.#reason = injected ?? (this.project.apps.get(this.#spec.component.name) ? "ready" : "app_ref_failed");
      this.#status = this.#reason === "ready" ? "ready" : "failed";
      this.statusChanged();
    });
  }
}
