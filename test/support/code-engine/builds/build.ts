import { applyMergePatch } from "../../../../src/server/patch/merge-patch.ts";
import type { BuildReason } from "../failures.ts";
import type { JsonObject } from "../fields/field.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "../resources/resource.ts";
import { type BuildSpec, readBuildSpec } from "./build-fields.ts";

/** How images are made from sources: what build runs inherit. */
export class Build extends Resource {
  readonly project: Project;
  /** As clients wrote it. */
  written: JsonObject;
  #spec: BuildSpec;
  /** Asked for by tests. */
  #injected: BuildReason | undefined;

  constructor(project: Project, name: string, written: JsonObject) {
    super({ world: project.world, name, href: `${project.href}/builds/${name}` });
    this.project = project;
    this.written = written;
    this.#spec = readBuildSpec(written, { strict: this.world.switches.strictBodies });
    this.#injected = this.#takeFailure();
  }

  /** Secrets may come later: until then their absence shows here. */
  get reason(): BuildReason | "registered" {
    if (this.#injected !== undefined) return this.#injected;
    const { output_secret, source_secret } = this.#spec;
    const lacksOutput = this.project.secrets.get(output_secret) === undefined;
    const lacksSource = source_secret !== undefined && this.project.secrets.get(source_secret) === undefined;
    if (lacksOutput && lacksSource) return "multiple_secret_ref_not_found";
    if (lacksOutput) return "spec_output_secret_ref_not_found";
    return lacksSource ? "spec_source_secret_not_found" : "registered";
  }

  get ready(): boolean {
    return this.reason === "registered";
  }

  /** @throws {ApiError} 400 */
  patch(patch: JsonObject): void {
    const { name: _, ...changes } = patch;
    const written = applyMergePatch(this.written, changes);
    this.#spec = readBuildSpec(written, { strict: this.world.switches.strictBodies });
    this.written = written;
    this.#injected = this.#takeFailure();
    this.specChanged();
  }

  view(): JsonObject {
    return {
      ...this.head(this.project.id, "build_v2"),
      entity_tag: this.entityTag,
      ...this.#spec,
      status: this.ready ? "ready" : "failed",
      status_details: { reason: this.reason },
    };
  }

  #takeFailure(): BuildReason | undefined {
    return this.world.failures.take("build", { names: [this.name] });
  }
}
