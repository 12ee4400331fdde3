/** A gateway as it is asked for, after the rules of ContextForge's schema. */
export interface GatewayInput {
  readonly name: string;
  readonly url: string;
  readonly description: string;
  readonly transport: "SSE" | "STREAMABLEHTTP";
  readonly tags: readonly string[];
  readonly visibility: "public" | "team" | "private";
  readonly teamId: string | undefined;
  readonly refreshIntervalSeconds: number | undefined;
  readonly auth: { readonly type: "none" } | { readonly type: "bearer"; readonly token: string };
}

/** What FastAPI answers with 422. It repeats the input, secrets included, as pydantic does. */
export interface InputProblem {
  readonly loc: readonly string[];
  readonly msg: string;
  readonly input: unknown;
}

export type Partial422 = { readonly problems: readonly InputProblem[] };

const NAME = /^[a-zA-Z0-9_.\- ]+$/;
const TAG = /^[a-z0-9][a-z0-9\-:.]*[a-z0-9]$/;
const MASK = "*****";

/** Reads a body by either spelling of its members. `before`: an update, whose absent members stay. */
export function readGatewayInput(
  body: unknown,
  { before, allowLocalhost }: { before?: GatewayInput | undefined; allowLocalhost: boolean },
): GatewayInput | Partial422 {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return { problems: [{ loc: ["body"], msg: "Input should be a valid dictionary", input: body }] };
  }
  const given = body as Record<string, unknown>;
  const member = (snake: string) => given[snake] ?? given[snake.replace(/_(\w)/g, (_, c: string) => c.toUpperCase())];
  const problems: InputProblem[] = [];
  const refuse = (at: string, msg: string) => problems.push({ loc: ["body", at], msg, input: given });

  const name = member("name") ?? before?.name;
  if (typeof name !== "string") refuse("name", "Field required");
  else if (name === "" || name.length > 255 || !NAME.test(name)) refuse("name", "Value error, invalid name");

  const url = member("url") ?? before?.url;
  const trouble = urlProblem(url, allowLocalhost);
  if (trouble !== undefined) refuse("url", trouble);

  const transport = String(member("transport") ?? before?.transport ?? "SSE").toUpperCase();
  if (transport !== "SSE" && transport !== "STREAMABLEHTTP") refuse("transport", "Value error, invalid transport");

  const visibility = member("visibility") ?? before?.visibility ?? "public";
  if (visibility !== "public" && visibility !== "team" && visibility !== "private")
    refuse("visibility", "Value error, invalid visibility");
  const teamId = member("team_id") ?? before?.teamId;
  if (visibility === "team" && typeof teamId !== "string") refuse("team_id", "Value error, team_id is required");

  const refresh = member("refresh_interval_seconds") ?? before?.refreshIntervalSeconds;
  if (refresh !== undefined && !(typeof refresh === "number" && refresh >= 60))
    refuse("refresh_interval_seconds", "Input should be greater than or equal to 60");

  const tags = member("tags") ?? before?.tags ?? [];
  if (!Array.isArray(tags)) refuse("tags", "Input should be a valid list");

  const auth = readAuth(member, before?.auth, refuse);
  if (problems.length > 0) return { problems };
  return {
    name: name as string,
    url: rewritten(url as string),
    description: String(member("description") ?? before?.description ?? ""),
    transport: transport as GatewayInput["transport"],
    // Those that break the rules are left out without a word.
    tags: [...new Set((tags as unknown[]).map((tag) => String(tag).trim().toLowerCase()))].filter(
      (tag) => tag.length >= 2 && tag.length <= 50 && TAG.test(tag),
    ),
    visibility: visibility as GatewayInput["visibility"],
    teamId: teamId as string | undefined,
    refreshIntervalSeconds: refresh as number | undefined,
    auth,
  };
}

function urlProblem(url: unknown, allowLocalhost: boolean): string | undefined {
  if (typeof url !== "string") return "Field required";
  const parsed = URL.parse(url);
  if (!parsed || !/^(https?|wss?):$/.test(parsed.protocol)) return "Value error, must start with http(s) or ws(s)";
  const isLocal = /^(localhost|127\.|\[::1\])/.test(parsed.hostname);
  return isLocal && !allowLocalhost ? "Value error, URL resolves to a loopback address" : undefined;
}

function readAuth(
  member: (name: string) => unknown,
  before: GatewayInput["auth"] | undefined,
  refuse: (at: string, msg: string) => void,
): GatewayInput["auth"] {
  const type = member("auth_type");
  if (type === undefined) return before ?? { type: "none" };
  if (type === "none") return { type: "none" };
  const token = member("auth_token");
  if (type !== "bearer") refuse("auth_type", "this fake knows none and bearer");
  else if (typeof token !== "string" || token === "") refuse("auth_token", "Value error, bearer needs auth_token");
  // What it masked itself, sent back, means as it was.
  else if (token === MASK && before) return before;
  return { type: "bearer", token: String(token) };
}

/** As it is stored. */
function rewritten(url: string): string {
  return url.replace(/^(\w+:\/\/)127\.0\.0\.1(?=[:/]|$)/, "$1localhost");
}

export function slugify(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\W_]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

export { MASK };
