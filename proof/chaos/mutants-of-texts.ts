// Broken variants of the checks on texts, tokens and headers from outside.
import type { Mutant } from "./mutant.ts";

export const textMutants: readonly Mutant[] = [
  {
    name: "a quote that never closes swallows its rows",
    edits: [
      {
        file: "codec/row/csv-record.ts",
        find: "      open && {\n",
        replace: "      open && open.lines < 0 && {\n",
      },
    ],
    catch: { test: "gateway/rest/post-csv.test.ts", says: /FAIL.*a quote that never closes/ },
  },
  {
    name: "a record has any number of fields",
    edits: [
      {
        file: "codec/row/csv-record.ts",
        find: "export const maxFields = 100;",
        replace: "export const maxFields = 1e9;",
      },
    ],
    catch: { test: "codec/row/csv-text.test.ts", says: /FAIL.*another field is refused/ },
  },
  {
    name: "a line of JSON has any number of parts",
    edits: [
      {
        file: "codec/row/json-rows.ts",
        find: "return parts > maxParts;",
        replace: "return parts > 1e9;",
      },
    ],
    catch: { test: "gateway/rest/post-lines.test.ts", says: /FAIL.*more parts than any row has/ },
  },
  {
    name: "a record in quotes goes on for ever",
    edits: [
      {
        file: "codec/row/csv-record.ts",
        find: "if (open.lines > maxRecordLines)",
        replace: "if (open.lines > 1e9)",
      },
    ],
    catch: { test: "gateway/rest/post-csv.test.ts", says: /FAIL.*a record of too many lines/ },
  },
  {
    name: "a kept Link is of the host that asked first",
    edits: [
      {
        file: "gateway/rest/cached.ts",
        find: "return keep(result, version, cache.monotonicMs());",
        replace: `const link = \`<\${call.origin}\${route.path}>; rel="next"\`;
    return keep({ ...result, headers: { ...result.headers, link } }, version, cache.monotonicMs());`,
      },
      {
        file: "gateway/rest/mount.ts",
        find: "        ...kept.headers,\n        ...linkTo(kept.next),\n",
        replace: "        ...linkTo(kept.next),\n        ...kept.headers,\n",
      },
    ],
    catch: {
      test: "gateway/admission/allowed-hosts.test.ts",
      says: /FAIL.*a kept answer holds nothing of the request/,
    },
  },
  {
    name: "the gateway answers to any name",
    edits: [
      {
        file: "gateway/admission/allowed-hosts.ts",
        find: "if (host === undefined || isKnown(host)) return;",
        replace: 'if (host === undefined || isKnown(host) || host !== "") return;',
      },
    ],
    catch: {
      test: "gateway/admission/allowed-hosts.test.ts",
      says: /FAIL.*a foreign name is refused/,
    },
  },
  {
    name: "a request names two hosts",
    edits: [
      {
        file: "gateway/http/request-target.ts",
        find: 'if (hosts.size > 1) return "the Host header and :authority differ";',
        replace: "",
      },
      {
        file: "gateway/http/request-target.ts",
        find: 'if (count > 1) return "the request has more than one Host header";',
        replace: "",
      },
    ],
    catch: { test: "gateway/admission/allowed-hosts.test.ts", says: /FAIL.*two hosts are 400/ },
  },
  {
    name: "a page token needs no signature",
    edits: [
      {
        file: "accessor/rpc/page-token.ts",
        find: "if (!timingSafeEqual(check(body, query), bytes.subarray(bodyBytes))) throw invalid(notOurs);",
        replace: "void timingSafeEqual;",
      },
    ],
    catch: {
      test: "accessor/rpc/page-token.test.ts",
      says: /FAIL.*who knows the form and not the key/,
    },
  },
  {
    name: "each unknown key of a token asks the issuer",
    edits: [
      {
        file: "accessor/access/issuer-keys.ts",
        find: "if (isAnswered && monotonicMs() - askedMs < cooldownMs) throw error;",
        replace: "if (isAnswered && askedMs < 0 * cooldownMs) throw error;",
      },
    ],
    catch: {
      test: "accessor/access/issuer-keys.test.ts",
      says: /FAIL.*asked for once in the cooldown/,
    },
  },
  {
    name: "an issuer that does not answer is asked by every call",
    edits: [
      {
        file: "accessor/access/issuer-keys.ts",
        find: "if (leftMs > 0)",
        replace: "if (leftMs > 1e12)",
      },
    ],
    catch: {
      test: "accessor/access/issuer-keys.test.ts",
      says: /FAIL.*an issuer that hangs is asked once/,
    },
  },
  {
    name: "32 MiB of an issuer's keys are read",
    edits: [
      {
        file: "accessor/access/issuer-keys.ts",
        find: "if (bytes > maxBytes) throw",
        replace: "if (bytes > 32 * maxBytes) throw",
      },
    ],
    catch: { test: "accessor/access/issuer-keys.test.ts", says: /FAIL.*is left at the bound/ },
  },
  {
    name: "a log passes control characters on to terminals",
    edits: [
      {
        file: "runtime/log.ts",
        find: "const control = /[\\p{Cc}",
        replace: "const control = /[\\u0001",
      },
    ],
    catch: {
      test: "runtime/log.test.ts",
      says: /FAIL.*nothing that is said can move a terminal's cursor/,
    },
  },
  {
    name: "safe CSV has formulas",
    edits: [
      {
        file: "codec/row/csv-text.ts",
        find: 'toCsvText(safe && typeof value === "string" ?',
        replace: 'toCsvText(safe && typeof value === "undefined" ?',
      },
    ],
    catch: { test: "gateway/rest/export.test.ts", says: /FAIL.*no text of an export is a formula/ },
  },
  {
    name: "a list may be spread into a call",
    edits: [
      {
        file: "tools/no-spread-in-calls.grit",
        find: "$args <: some JsSpread() as $spread,",
        replace: '$args <: some JsSpread() as $spread,\n    $args <: r"nothing",',
      },
    ],
    catch: {
      test: "tools/no-spread-in-calls.test.ts",
      says: /FAIL.*a method, behind other arguments/,
    },
  },
];
