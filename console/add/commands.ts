// The commands and programs of "Add a machine", with address and names filled in. A test runs them.

export type CommandOptions = {
  origin: string;
  machine: string;
  signal: string;
  unit: string;
  /** Each request needs a key, in the variable KEY. */
  needsKey: boolean;
};

const shellText = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Names come from the page's address, so a link must not be able to put a command into them. */
export const keyCommand = (machine: string): string =>
  `KEY=$(npx millrace keys create --name ${shellText(machine)} --scope write ` +
  `--machine ${shellText(machine)})`;

export function curlCommand({ origin, machine, signal, unit, needsKey }: CommandOptions): string {
  const row = { machine, signal, time: "now", value: 42.5, ...(unit === "" ? {} : { unit }) };
  const body = shellText(JSON.stringify({ signals: [row] }));
  return [
    `curl ${shellText(`${origin}/signals`)}`,
    ...(needsKey ? ['-H "authorization: Bearer $KEY"'] : []),
    "-H 'content-type: application/json'",
    `-d ${body}`,
  ].join(" \\\n  ");
}

/** In the reader's program, not in ours: only runtime/config.ts reads our environment. */
const keyHeader = `\n  authorization: "Bearer " + ${["process", "env", "KEY"].join(".")},`;

/** Without types, so that any Node runs it as it is. */
export function typescriptProgram(options: CommandOptions): string {
  const { origin, machine, signal, unit, needsKey } = options;
  const row = [
    `machine: ${JSON.stringify(machine)}`,
    `signal: ${JSON.stringify(signal)}`,
    ...(unit === "" ? [] : [`unit: ${JSON.stringify(unit)}`]),
    "time: new Date().toISOString()",
    "value",
  ];
  return `const address = ${JSON.stringify(`${origin}/signals`)};
const headers = {
  "content-type": "application/json",${needsKey ? keyHeader : ""}
};

for (;;) {
  const value = 40 + 5 * Math.random(); // read your machine here
  const signals = [{ ${row.join(", ")} }];
  const response = await fetch(address, {
    method: "POST",
    headers,
    body: JSON.stringify({ signals }),
  });
  const answer = await response.json();
  if (!response.ok || answer.rejected > 0) throw new Error(JSON.stringify(answer));
  console.log("stored", value);
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
`;
}

export function pythonProgram(options: CommandOptions): string {
  const { origin, machine, signal, unit, needsKey } = options;
  const unitLine = unit === "" ? "" : `\n        "unit": ${JSON.stringify(unit)},`;
  return `import datetime${needsKey ? ", os" : ""}, json, random, time, urllib.request

address = ${JSON.stringify(`${origin}/signals`)}
headers = {"content-type": "application/json"}
${needsKey ? 'headers["authorization"] = "Bearer " + os.environ["KEY"]\n' : ""}
while True:
    value = 40 + 5 * random.random()  # read your machine here
    row = {
        "machine": ${JSON.stringify(machine)},
        "signal": ${JSON.stringify(signal)},${unitLine}
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "value": value,
    }
    body = json.dumps({"signals": [row]}).encode()
    with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as response:
        answer = json.load(response)
    if answer["rejected"] > 0:
        raise SystemExit(json.dumps(answer))
    print("stored", value, flush=True)
    time.sleep(1)
`;
}

/** gRPC, not the gateway: the producer speaks to the accessor. */
export function producerCommand(options: CommandOptions): string {
  const { machine, signal, unit, needsKey } = options;
  const row = JSON.stringify({
    machine,
    signal,
    ...(unit === "" ? {} : { unit }),
    time: "2026-12-01T08:00:00Z",
    value: 42.5,
  });
  return [
    `echo ${shellText(row)} > rows.ndjson`,
    ...(needsKey ? ["export MILLRACE_API_KEY=$KEY"] : []),
    "npm run producer -- --input rows.ndjson --accessor http://127.0.0.1:50051",
  ].join("\n");
}
