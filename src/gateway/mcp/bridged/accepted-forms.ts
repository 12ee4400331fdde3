/** In which forms the answer to a POST may come. */
export interface AcceptedForms {
  readonly json: boolean;
  readonly events: boolean;
}

/**
 * By the Accept header. Clients of MCP name both. Who takes anything, as curl does, gets JSON where that can hold the answer;
 * weights are not looked at, since no client of MCP sends them.
 */
export function acceptedForms(accept: string | undefined): AcceptedForms {
  // What the SDKs send with every POST.
  if (accept === "application/json, text/event-stream") return BOTH;
  const types = (accept ?? "*/*").toLowerCase().split(",");
  const names = new Set(types.map((type) => type.split(";", 1)[0]?.trim()));
  const isAnything = names.has("*/*");
  return {
    json: isAnything || names.has("application/json") || names.has("application/*"),
    events: isAnything || names.has("text/event-stream") || names.has("text/*"),
  };
}

const BOTH: AcceptedForms = { json: true, events: true };
