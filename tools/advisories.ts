// The result of `npm audit --json`, in words: npm reports packages at fault and an unreachable
// service in the same way.

type Report = {
  metadata?: { vulnerabilities?: Record<string, number> };
  vulnerabilities?: Record<
    string,
    { severity: string; via: readonly (string | { title?: string; url?: string })[] }
  >;
  message?: string;
  error?: { code?: string; summary?: string };
};

const severe = ["high", "critical"];

/** `stderr` has the reason if there is no report. */
export function judge(stdout: string, stderr: string): { text: string; failed: boolean } {
  const report = parse(stdout);
  const counts = report?.metadata?.vulnerabilities;
  if (counts === undefined) {
    const lines = stderr.split("\n").map((line) => line.trim());
    const why =
      report?.error?.summary ||
      report?.message ||
      report?.error?.code ||
      lines.find((line) => line !== "");
    return {
      text: `not done, since the advisories cannot be had: ${why || "no answer"}`,
      failed: false,
    };
  }
  const found = Object.entries(report?.vulnerabilities ?? {}).filter(([, { severity }]) =>
    severe.includes(severity),
  );
  const lines = found.map(([name, { severity, via }]) => {
    const advisories = via.flatMap((one) =>
      typeof one === "string" ? [] : [`${one.title} ${one.url}`],
    );
    return `\n  ${name} (${severity}): ${advisories.join("; ") || `by ${via.join(", ")}`}`;
  });
  const total = counts["total"] ?? 0;
  return {
    text: `${total} advisories, ${found.length} severe${lines.join("")}`,
    failed: found.length > 0,
  };
}

function parse(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
