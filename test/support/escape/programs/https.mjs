import { get } from "node:https";

/** `node https.mjs URL CA`: an HTTPS request as any program makes it. One line of JSON, as the other attempts answer. */
const [url, ca] = process.argv.slice(2);
const tell = (ok, why) => {
  console.log(JSON.stringify({ ok, why }));
  process.exit(0);
};
get(url, { ca, timeout: 5_000 }, (response) => tell(response.statusCode === 200, `status ${response.statusCode}`))
  .on("timeout", () => tell(false, "timeout"))
  .on("error", (error) => tell(false, String(error.code ?? error.message)));
