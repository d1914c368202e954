// What `npm start` prints once it runs: where everything is, and commands to try.
export type WelcomeOptions = {
  httpUrl: string;
  grpcUrl: string;
  /** How many machines are simulated. */
  machines: number;
  /** Whether each request needs a key. */
  needsKey: boolean;
  /** The value of --data-dir; undefined for the default. */
  dataDir: string | undefined;
};

export function welcome({ httpUrl, grpcUrl, machines, needsKey, dataDir }: WelcomeOptions): string {
  const header = needsKey ? `-H "authorization: Bearer $KEY" ` : "";
  const place = dataDir === undefined ? "" : ` --data-dir '${dataDir.replaceAll("'", "'\\''")}'`;
  const key = (scopes: string) =>
    `KEY=$(npx millrace keys create --name me ${scopes} --machine '*'${place})`;
  const record =
    '{"signals":[{"machine":"oven-1","signal":"temperature","unit":"°C","time":"now","value":181.5}]}';
  const send = `curl ${header}-H 'content-type: application/json' -d '${record}' ${httpUrl}/signals`;
  const watch = `npx buf curl ${header}--protocol grpc --http2-prior-knowledge -d '{"signals":["state"]}' ${grpcUrl}/millrace.v1.SignalService/WatchSignals`;
  const lines =
    machines === 0
      ? [send, `curl ${header}'${httpUrl}/signals'`, watch]
      : [
          `curl ${header}'${httpUrl}/signals/power?from=-10s&limit=5'`,
          `curl ${header}-N ${httpUrl}/signals/state/live`,
          watch,
        ];
  const scopes = `--scope read --scope live${machines === 0 ? " --scope write" : ""}`;
  return `
Millrace is running. Open it in a browser:
  ${httpUrl}
gRPC clients connect to ${grpcUrl}.
${machines === 0 ? "No machine is simulated (--machines 0): send records of your own.\n" : ""}${
  needsKey ? "Each request needs a key (--auth keys).\n" : ""
}
Try, in another terminal in this folder:
${[...(needsKey ? [key(scopes)] : []), ...lines].map((line) => `  ${line}\n`).join("")}
Ctrl-C stops it.

`;
}
