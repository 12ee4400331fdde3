import type { Environment } from "@marcbachmann/cel-js";
import { baseEnvironment as celEnvironment } from "../../../cel/base-environment.ts";
import { deepEqual } from "../deep-equal.ts";
import { type CelType, CelTypes, type ObjectType, typeName } from "./cel-type.ts";
import { type CelObject, ValueConverter } from "./cel-value.ts";
import { registerFormats } from "./library-format.ts";

let shared: Environment | undefined;

/** CEL with all the libraries that Kubernetes adds; clone it. */
export function baseEnvironment(): Environment {
  if (shared !== undefined) return shared;
  const environment = celEnvironment().clone();
  registerFormats(environment);
  shared = environment;
  return environment;
}

/** The types of one kind, and the environments in which its rules are compiled. */
export class RuleEnvironment {
  readonly types = new CelTypes();
  readonly values = new ValueConverter();
  #kind: Environment | undefined;
  readonly #scopes = new Map<string, Environment>();

  /** An environment in which `self` and `oldSelf` have the type. All types must be made before. */
  forSelf(type: CelType, optionalOldSelf: boolean): Environment {
    const name = typeName(type);
    const key = `${name} ${optionalOldSelf}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = this.#forKind()
        .clone()
        .registerVariable("self", name)
        .registerVariable("oldSelf", optionalOldSelf ? `optional<${name}>` : name);
      this.#scopes.set(key, scope);
    }
    return scope;
  }

  #forKind(): Environment {
    if (this.#kind !== undefined) return this.#kind;
    const environment = baseEnvironment().clone();
    for (const type of this.types.objects) registerObjectType(environment, type, this.values);
    this.#kind = environment;
    return environment;
  }
}

/** Makes a type known. Objects are made after those within them, so the fields' types are known already. */
export function registerObjectType(environment: Environment, type: ObjectType, values: ValueConverter): void {
  const fields = Object.fromEntries([...type.fields].map(([name, field]) => [name, typeName(field.type)]));
  environment.registerType(type.name, { ctor: values.classOf(type), fields });
  environment.registerOperator(`${type.name} == ${type.name}`, (a: CelObject, b: CelObject) =>
    deepEqual(a.source, b.source),
  );
}
