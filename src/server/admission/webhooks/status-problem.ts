/** As much of a body as client-go shows. */
const MAX_SHOWN = 2048;

/** What client-go says of an answer that is no success (`NewGenericServerResponse`). */
export function statusProblem(code: number, body: string): string {
  const shown = body.trim().slice(0, MAX_SHOWN) || "unknown";
  switch (code) {
    case 400:
      return "the server rejected our request for an unknown reason";
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
      return shown;
    case 404:
      return "the server could not find the requested resource";
    case 405:
      return "the server does not allow this method on the requested resource";
    case 415:
      return shown;
    case 429:
      return "the server has received too many requests and has asked us to try again later";
    case 503:
      return "the server is currently unable to handle the request";
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be processing the request";
    default:
      return code >= 500
        ? `an error on the server (${JSON.stringify(shown)}) has prevented the request from succeeding`
        : `the server responded with the status code ${code} but did not return more information`;
  }
}
