import { type Answer, type Fields, fieldsOf } from "../message.ts";
import { LAST_SESSION_VERSION, MetaKey, SESSION_VERSIONS } from "../meta-keys.ts";

const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** An initialize result that says what the server can, in the words of earlier revisions. */
export function greetingFrom(discover: Fields, asked: unknown): Fields {
  const serverInfo = fieldsOf(discover, "_meta")[MetaKey.serverInfo] ?? { name: "unknown", version: "0" };
  const { instructions } = discover;
  return {
    protocolVersion: typeof asked === "string" && SESSION_VERSIONS.includes(asked) ? asked : LAST_SESSION_VERSION,
    capabilities: sessionCapabilities(fieldsOf(discover, "capabilities")),
    serverInfo,
    ...(instructions !== undefined && { instructions }),
  };
}

/** Tasks of the later revision are an extension, whose messages earlier clients do not know. */
function sessionCapabilities(capabilities: Fields): Fields {
  const { [TASKS_EXTENSION]: _, ...extensions } = fieldsOf(capabilities, "extensions");
  return { ...capabilities, ...(capabilities.extensions !== undefined && { extensions }) };
}

/** Changes of roots are no longer told. */
export function statelessCapabilities({ roots, tasks: _, ...capabilities }: Fields): Fields {
  return { ...capabilities, ...(roots !== undefined && { roots: {} }) };
}

/** Without what only the later revision knows: the kind of the result, and how long it may be kept. */
export function sessionAnswer(answer: Answer): Answer {
  if ("error" in answer) return answer;
  const { resultType: _, ttlMs: _ttlMs, cacheScope: _cacheScope, ...result } = answer.result as Fields;
  return { ...answer, result };
}

/** Earlier revisions name each elicitation that goes by a URL. */
export function sessionParams(method: string, params: Fields, id: string): Fields {
  const needsId = method === "elicitation/create" && params.mode === "url" && params.elicitationId === undefined;
  return needsId ? { ...params, elicitationId: id } : params;
}
