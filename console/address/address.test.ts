// The address as signals, without a browser.
import { expect, test } from "vitest";
import { hrefTo, navigate, parameter, parameters, path, setParameters } from "./address.ts";

test("parameters are set, repeated and removed, and the rest stays", () => {
  navigate("/errors?machine=mill-1&zone=utc");
  setParameters({ severity: ["ERROR", "CRITICAL"], from: "2026-12-01T08:00:00Z" });
  expect(path.value).toBe("/errors");
  expect(parameters("severity")).toEqual(["ERROR", "CRITICAL"]);
  expect([parameter("machine"), parameter("from")]).toEqual(["mill-1", "2026-12-01T08:00:00Z"]);
  setParameters({ machine: undefined, severity: [] });
  expect([parameter("machine"), parameters("severity")]).toEqual([undefined, []]);
});

test("a link to another view keeps zone and range, and reads well", () => {
  navigate("/machines/mill-1?zone=utc&from=2026-12-01T08:00:00Z&to=2026-12-01T09:00:00Z&hide=x");
  expect(hrefTo("/errors", { machine: "Halle 3 / Presse" })).toBe(
    "/errors?zone=utc&from=2026-12-01T08:00:00Z&to=2026-12-01T09:00:00Z&machine=Halle+3+%2F+Presse",
  );
  navigate("/");
  expect(hrefTo("/system")).toBe("/system");
});

test("names with a slash stay encoded in the path", () => {
  navigate(`/machines/${encodeURIComponent("Halle 3 / Presse 7")}`);
  expect(path.value).toBe("/machines/Halle%203%20%2F%20Presse%207");
});
