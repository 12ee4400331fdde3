import type { JsonSchema } from "../json-schema.ts";

/** `spec.source.package`: a server that is a package of a registry, run as a local process. */
export const packageSource: JsonSchema = {
  type: "object",
  description: "A package whose program is the server. It is installed once for all that run it, without its scripts.",
  properties: {
    npm: {
      type: "string",
      minLength: 1,
      maxLength: 214,
      pattern: "^(@[a-z0-9][a-z0-9._~-]*/)?[a-z0-9][a-z0-9._~-]*$",
      description: "Name of an npm package, with its scope: @modelcontextprotocol/server-everything.",
    },
    pypi: {
      type: "string",
      minLength: 1,
      maxLength: 214,
      pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
      description:
        "Name of a package of PyPI, as uvx takes it: mcp-server-time. Slipway's machine must have uv and a Python. Only wheels are installed: nothing is built.",
    },
    version: {
      type: "string",
      minLength: 1,
      maxLength: 128,
      pattern: "^[-0-9A-Za-z.+*^~<>=|!, ]+$",
      default: "latest",
      description:
        "Version, range of versions or tag; of pypi a version, specifiers such as >=1.2,<2, or latest. It is resolved once per generation, and what it was then runs.",
    },
  },
  "x-kubernetes-validations": [
    { rule: "has(self.npm) != has(self.pypi)", message: "exactly one of npm and pypi must be set" },
  ],
};

/** `spec.source.process`: a server that is a program of the machine that Slipway runs on. */
export const processSource: JsonSchema = {
  type: "object",
  description: "A program of the machine that Slipway runs on. No shell is involved.",
  required: ["command"],
  properties: {
    command: {
      type: "string",
      minLength: 1,
      maxLength: 4096,
      description: "Absolute path of the program, or a name that is looked for in PATH.",
    },
    args: {
      type: "array",
      maxItems: 256,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string", maxLength: 32768 },
      description: "Its arguments, exactly as they stand here.",
    },
    workingDir: {
      type: "string",
      maxLength: 4096,
      pattern: "^/",
      description: "Absolute path of the directory that it starts in. Default: one of its own.",
    },
  },
};
