import type { JsonSchema } from "../json-schema.ts";
import { packageSource, processSource } from "./program-source.schema.ts";
import { remoteSource } from "./remote-source.schema.ts";
import { reference } from "./schema-parts.ts";

const image: JsonSchema = {
  type: "object",
  description: "A container image.",
  required: ["reference"],
  properties: {
    reference: {
      type: "string",
      minLength: 1,
      maxLength: 1024,
      pattern: "^\\S+$",
      description:
        "Image reference: [registry/]repository[:tag][@digest]. A tag is resolved to a digest once per generation, and the digest runs.",
    },
    pullPolicy: {
      type: "string",
      enum: ["Always", "IfNotPresent", "Never"],
      default: "IfNotPresent",
      description:
        "Always asks the registry at each change of the spec; IfNotPresent takes what the Engine has; Never pulls nothing.",
    },
    pullSecretRef: reference("Secret of type kubernetes.io/dockerconfigjson in the same namespace."),
  },
};

const HOST = "[a-zA-Z0-9][-.a-zA-Z0-9]*";
/** Characters that need no escape in an address, in a shell or in an option of git. */
const PATH = "[-._~%+/a-zA-Z0-9]+";
const GIT_URL = `^(https://${HOST}(:[0-9]{1,5})?/|ssh://git@${HOST}(:[0-9]{1,5})?/|git@${HOST}:)[.~_/a-zA-Z0-9](${PATH})?$`;
const WITH_CREDENTIALS = "^https?://[^/]*@";

const gitUrl: JsonSchema = {
  type: "string",
  minLength: 1,
  maxLength: 512,
  description:
    "Address of the repository: https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH. Credentials do not belong into it.",
  "x-kubernetes-validations": [
    {
      rule: "!self.startsWith('http://')",
      message: "http:// sends code and credentials readable and changeable for everybody between; use https://",
    },
    {
      rule: `!self.matches('${WITH_CREDENTIALS}')`,
      message: "must hold no user and no password; put them into a Secret, and name that in credentialsRef",
    },
    { rule: "!self.endsWith('/')", message: "must not end with a slash" },
    {
      rule: `self.startsWith('http://') || self.endsWith('/') || self.matches('${WITH_CREDENTIALS}') || self.matches('${GIT_URL}')`,
      message: "must be https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH",
    },
  ],
};

/** No blanks, nothing that git reads as an option, a range or another kind of revision. */
const REF = "^[_a-zA-Z0-9][-._/#+@=,a-zA-Z0-9]*$";

function gitRef(description: string): JsonSchema {
  return { type: "string", minLength: 1, maxLength: 253, pattern: REF, description };
}

/** A path below the repository's root, or another folder of it. */
function innerPath(what: string, description: string): JsonSchema {
  return {
    type: "string",
    minLength: 1,
    maxLength: 253,
    pattern: "^[._+@/a-zA-Z0-9][-._+@/a-zA-Z0-9]*$",
    description,
    "x-kubernetes-validations": [
      { rule: "!self.startsWith('/')", message: `must be relative to ${what}, without a slash at its beginning` },
      {
        rule: "!self.matches('(^|/)[.][.](/|$)')",
        message: `must stay inside of ${what}, so it must not contain the segment ..`,
      },
    ],
  };
}

/** With a registry that cannot be taken for a part of the path: it has a dot or a port, or is localhost. */
const REGISTRY = "((localhost|[-a-zA-Z0-9]+([.][-a-zA-Z0-9]+)+)(:[0-9]{1,5})?|[-a-zA-Z0-9]+:[0-9]{1,5})";
const REPOSITORY = `^${REGISTRY}(/[a-z0-9][-._a-z0-9]*)+$`;

const push: JsonSchema = {
  type: "object",
  description: "Where the image goes. A backend that builds elsewhere than it runs, such as Code Engine, needs it.",
  required: ["repository"],
  properties: {
    repository: {
      type: "string",
      minLength: 1,
      maxLength: 255,
      description:
        "Registry and repository, for example us.icr.io/team/files. Its tags are the backend's affair: what was built runs by digest.",
      "x-kubernetes-validations": [
        {
          rule: "!self.contains('@') && !self.matches(':[^/]*$')",
          message: "must have neither tag nor digest: each build makes another",
        },
        {
          rule: `self.matches('@|:[^/]*$') || self.matches('${REPOSITORY}')`,
          message:
            "must be REGISTRY/REPOSITORY, the repository in lower case: us.icr.io/team/files, docker.io/team/files",
        },
      ],
    },
    secretRef: reference(
      "Secret of type kubernetes.io/dockerconfigjson in the same namespace that may push there. Code Engine needs it. The image is pulled with it, too.",
    ),
  },
};

const git: JsonSchema = {
  type: "object",
  description:
    "A git repository with a Dockerfile, from which an image is built. Built once: change the spec, or the value of the annotation slipway.dev/rebuild, for a branch that has moved.",
  required: ["url"],
  properties: {
    url: gitUrl,
    branch: gitRef("Branch. Default: the repository's own default branch."),
    tag: gitRef("Tag."),
    commit: {
      type: "string",
      maxLength: 64,
      pattern: "^([0-9a-f]{40}|[0-9a-f]{64})$",
      description: "Commit, in full: 40 or 64 hexadecimal digits.",
    },
    contextDir: innerPath("the repository", "Folder of the build's context. Default: the repository's root."),
    dockerfile: {
      ...innerPath("the context", "Path of the Dockerfile below contextDir."),
      default: "Dockerfile",
    },
    buildArgs: {
      type: "object",
      maxProperties: 64,
      additionalProperties: { type: "string", maxLength: 4096 },
      description:
        "Values of the Dockerfile's ARGs. They can be read by whoever may read this object, and out of the image: no secrets belong here.",
    },
    credentialsRef: reference(
      "Secret in the same namespace to clone with: of type kubernetes.io/basic-auth for https, kubernetes.io/ssh-auth (with known_hosts, if wanted) for ssh.",
    ),
    push,
    timeoutSeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 3600,
      default: 600,
      description: "Seconds that a build may take.",
    },
  },
  "x-kubernetes-validations": [
    {
      rule: "[has(self.branch), has(self.tag), has(self.commit)].filter(present, present).size() <= 1",
      message: "at most one of branch, tag and commit may be set",
    },
    {
      rule: "has(self.credentialsRef) || !self.url.matches('^(git@|ssh:)')",
      message: "credentialsRef must be set for ssh: name a Secret of type kubernetes.io/ssh-auth",
    },
  ],
};

/** `spec.source` of a RuntimeDeployment. */
export const source: JsonSchema = {
  type: "object",
  description: "Where the server comes from. Exactly one of its members is set.",
  properties: { image, git, package: packageSource, process: processSource, remote: remoteSource },
  "x-kubernetes-validations": [
    {
      // `package` is a word of CEL: Kubernetes writes such names with underscores.
      rule: "[has(self.image), has(self.git), has(self.__package__), has(self.process), has(self.remote)].filter(present, present).size() == 1",
      message: "exactly one of image, git, package, process and remote must be set",
    },
  ],
};
