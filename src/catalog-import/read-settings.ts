import type { Setting } from "./catalog.ts";
import type { FieldReader } from "./field-reader.ts";
import { hasPlaceholder, resolved } from "./placeholders.ts";

/** Names by which people call credentials. Their values go into Secrets, also where they stand in the catalog itself. */
const CREDENTIAL = /authorization|cookie|token|secret|passw|api[-_]?key|credential|private[-_]?key/i;
/** The rules of Kubernetes for keys of Secrets, and for names of variables. */
const SECRET_KEY = /^[-._a-zA-Z0-9]{1,246}$/;
const VARIABLE = /^[-._a-zA-Z][-._a-zA-Z0-9]{0,245}$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** Reads what may hold `${VAR}`, and refuses it where it would end in plain sight. */
export class SettingReader {
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment;
  }

  /** Text that stands in a deployment for all to read. */
  plain(fields: FieldReader, field: string, required?: "required"): string | undefined {
    const text = fields.text(field, required);
    if (text === undefined || !hasPlaceholder(text)) return text;
    fields.refuse(field, PLAIN);
    return undefined;
  }

  plains(fields: FieldReader, field: string): string[] {
    return fields.texts(field).filter((text, at) => {
      if (!hasPlaceholder(text)) return true;
      fields.refuse([field, at], PLAIN);
      return false;
    });
  }

  variables(fields: FieldReader): Setting[] {
    return this.#settings(fields, "env", (name) => (VARIABLE.test(name) ? undefined : "is no name of a variable"));
  }

  headers(fields: FieldReader): Setting[] {
    const found = this.#settings(fields, "headers", (name) =>
      SECRET_KEY.test(name) ? undefined : "must be made of letters, digits, -, _ and .",
    );
    const seen = new Set<string>();
    for (const { name, value } of found) {
      if (seen.has(name.toLowerCase())) fields.refuse(["headers", name], "is there twice: case does not count");
      if (!HEADER_VALUE.test(value)) fields.refuse(["headers", name], "has characters that a header cannot have");
      seen.add(name.toLowerCase());
    }
    return found;
  }

  /** Lines of NAME=VALUE, literally, as Docker reads them; NAME alone has the value of the environment. All are secret. */
  variableFile(text: string, fields: FieldReader): Setting[] {
    return text.split(/\r?\n/).flatMap((line, at) => {
      if (line.trim() === "" || line.trimStart().startsWith("#")) return [];
      const equals = line.indexOf("=");
      const name = (equals < 0 ? line : line.slice(0, equals)).trim();
      const value = equals < 0 ? this.#environment[name] : line.slice(equals + 1);
      if (VARIABLE.test(name) && value !== undefined) return [{ name, value, secret: true }];
      const what = VARIABLE.test(name) ? `${name} is not set in the environment of this command` : "is no NAME=VALUE";
      fields.refuse("env_file", `line ${at + 1} of the file: ${what}`);
      return [];
    });
  }

  #settings(fields: FieldReader, field: string, problemOf: (name: string) => string | undefined): Setting[] {
    return fields.textsByName(field).map(([name, text]) => {
      const problem = problemOf(name);
      if (problem !== undefined) fields.refuse([field, name], problem);
      const value = resolved(text, this.#environment, (message) => fields.refuse([field, name], message));
      return { name, value, secret: hasPlaceholder(text) || CREDENTIAL.test(name) };
    });
  }
}

const PLAIN =
  "variables are resolved in env and headers only, since everybody who may read the deployment reads this; write the value itself, or hand it over by env";
