import { StatusError } from "./status-error.ts";

/** How the client wants its answer. */
export interface Accepted {
  readonly format: "json" | "yaml";
  /** A transformation of the object, from `;as=…;g=meta.k8s.io`. */
  readonly as: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | undefined;
  /** Version of the transformed kind in meta.k8s.io. */
  readonly version: "v1" | "v1beta1";
}

const PLAIN: Accepted = { format: "json", as: undefined, version: "v1" };

/** @throws {StatusError} 406 when nothing in `accept` can be served. */
export function negotiate(accept: string): Accepted {
  // What client-go and most others send; the answer needs no parsing.
  if (accept === "" || accept === "application/json" || accept === "*/*") return PLAIN;
  for (const clause of clauses(accept)) {
    const accepted = choose(clause);
    if (accepted) return accepted;
  }
  throw new StatusError(
    406,
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The clauses in the order of the client's preference. */
function clauses(accept: string): Clause[] {
  return accept
    .split(",")
    .map((part) => {
      const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim());
      const map = new Map(
        parameters.map((piece) => piece.split("=", 2).map((side) => side.trim()) as [string, string]),
      );
      return { type: type.toLowerCase(), parameters: map, quality: Number(map.get("q") ?? 1) };
    })
    .sort((a, b) => b.quality - a.quality);
}

function choose({ type, parameters }: Clause): Accepted | undefined {
  const format = FORMATS.get(type);
  if (format === undefined) return undefined;
  const as = parameters.get("as");
  if (as === undefined) return { ...PLAIN, format };
  if (as !== "Table" && as !== "PartialObjectMetadata" && as !== "PartialObjectMetadataList") return undefined;
  const version = parameters.get("v");
  if (parameters.get("g") !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return undefined;
  return { format, as, version };
}

const FORMATS = new Map<string, "json" | "yaml">([
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["application/yaml", "yaml"],
]);
