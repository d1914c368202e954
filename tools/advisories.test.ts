// An audit fails because of packages, and never because of a missing network.
import { expect, test } from "vitest";
import { judge } from "./advisories.ts";

const report = (severity: string) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: {
      left: { severity, via: [{ title: "It leaks", url: "https://advisories.example/1" }] },
      right: { severity: "low", via: ["left"] },
    },
    metadata: { vulnerabilities: { low: 1, [severity]: 1, total: 2 } },
  });

test("severe advisories fail, others are counted", () => {
  expect(judge(report("moderate"), "")).toEqual({ text: "2 advisories, 0 severe", failed: false });
  for (const severity of ["high", "critical"]) {
    const { text, failed } = judge(report(severity), "");
    expect([failed, text]).toEqual([
      true,
      expect.stringContaining(`left (${severity}): It leaks https://advis`),
    ]);
  }
});

test.each([
  [
    '{"message":"request to … failed, reason: getaddrinfo ENOTFOUND"}',
    "",
    /cannot be had: request to/,
  ],
  [
    '{"error":{"code":"ENOAUDIT","summary":"the service is off"}}',
    "npm error",
    /the service is off/,
  ],
  ["", "\nnpm error audit endpoint returned an error\n", /npm error audit endpoint/],
  ["<html>", "", /no answer/],
  ["", "no answer within 60 s", /no answer within 60 s/],
])("without a report (%s) it says so and passes", (stdout, stderr, text) => {
  expect(judge(stdout, stderr)).toEqual({ text: expect.stringMatching(text), failed: false });
});
