// npm run redeclare: corrects the declaration of a machine's signal, as RedeclareSignal does, in
// the accessor's database. It prints the old and new declaration and warnings to standard output.
import { create } from "@bufbuild/protobuf";
import {
  RedeclareSignalRequestSchema,
  RedeclareSignalResponseSchema,
  type SignalDeclaration,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Duplicates, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { duplicatesWord, readDuplicates } from "../../codec/row/duplicates.ts";
import { durationForms, durationText, parseInterval } from "../../codec/row/duration.ts";
import { readSampleType, sampleTypeWord } from "../../codec/row/sample-type.ts";
import { maxMaxGapUs, textBounds } from "../../codec/row/text-fault.ts";
import { toDuration, toDurationUs } from "../../codec/timestamps.ts";
import { ConfigError, setting, splitWords } from "../../runtime/config.ts";
import { onOff, url, type ValueReader } from "../../runtime/config-values.ts";
import { run } from "../../runtime/lifecycle.ts";
import { Failure } from "../domain/failure.ts";
import { redeclareSignal } from "../rpc/redeclare.ts";
import { Catalog } from "../store/catalog.ts";
import { openDatabase } from "../store/database.ts";

const unitReader: ValueReader<string> = {
  placeholder: "UNIT",
  expects: `at most ${textBounds.unit} characters; empty for none`,
  // RedeclareSignal itself refuses what is no unit.
  read: (word) => word,
};

const gapReader: ValueReader<number> = {
  placeholder: "TIME",
  expects: `${durationForms}, above 0 and at most 24h`,
  read(word) {
    const us = Number(parseInterval(word) ?? 0);
    return us > 0 && us <= maxMaxGapUs ? us : undefined;
  },
};

const typeReader: ValueReader<SampleType> = {
  placeholder: "linear|step|counter",
  expects: "linear, step or counter",
  read: (word) => readSampleType(word) || undefined,
};

const duplicatesReader: ValueReader<Duplicates> = {
  placeholder: "keep|drop",
  expects: "keep or drop",
  read: (word) => readDuplicates(word) || undefined,
};

const settings = {
  unit: setting({
    flag: "unit",
    parse: unitReader,
    optional: true,
    doc: 'the correct unit; "" for none',
  }),
  maxGap: setting({
    flag: "max-gap",
    parse: gapReader,
    optional: true,
    doc: "the longest distance between two samples that a line bridges, or that a value holds",
  }),
  sampleType: setting({
    flag: "sample-type",
    parse: typeReader,
    optional: true,
    doc: "how values go on between samples; a max_gap that was inferred follows it",
  }),
  duplicates: setting({
    flag: "duplicates",
    parse: duplicatesReader,
    optional: true,
    doc: "whether equal records are several (keep) or one (drop), from now on; also of states and errors",
  }),
  validateOnly: setting({
    flag: "validate-only",
    parse: onOff(),
    doc: "print what would change, and change nothing",
  }),
  databaseUrl: setting({
    env: "DATABASE_URL",
    parse: url({ schemes: ["postgres", "postgresql"] }),
    doc: "the accessor's PostgreSQL database",
  }),
};
const usage =
  "redeclare MACHINE SIGNAL [--unit UNIT] [--max-gap TIME] [--sample-type TYPE] [--duplicates WORD] [--validate-only]";
const dashHint =
  "put a name that begins with - at the end, after --: redeclare --unit kW -- -7 power";

const { words, rest: argv } = splitWords();
const [machine = "", signal = "", ...more] = words;

/** Reasons that the caller can correct; others concern the database. */
const isMistake: ReadonlySet<string> = new Set([
  "MACHINE_UNKNOWN",
  "MACHINE_NAME_INVALID",
  "SIGNAL_UNKNOWN",
  "SIGNAL_NAME_INVALID",
  "SIGNAL_NOT_NUMERIC",
  "REQUEST_INVALID",
]);

await run({
  name: "redeclare",
  about: `${usage}\n\n${dashHint}\n\nCorrects the declaration of a signal of a machine. Answers about its past use it too.`,
  settings,
  argv,
  async open({ settings: { validateOnly, databaseUrl, ...asked }, log }) {
    const { unit, maxGap, sampleType, duplicates } = asked;
    const isAsked = Object.values(asked).some((one) => one !== undefined);
    if (machine === "" || signal === "" || more.length > 0 || !isAsked)
      throw new ConfigError([
        `expected: ${usage}, with at least one of the first four flags; quote names that contain spaces; ${dashHint}`,
      ]);
    await using database = await openDatabase({
      url: databaseUrl,
      applicationName: "millrace-redeclare",
      log,
    });
    const request = create(RedeclareSignalRequestSchema, {
      machine,
      signal,
      validateOnly,
      ...(unit === undefined ? {} : { unit }),
      ...(maxGap === undefined ? {} : { maxGap: toDuration(maxGap) }),
      ...(sampleType === undefined ? {} : { sampleType }),
      ...(duplicates === undefined ? {} : { duplicates }),
    });
    const answer = await redeclareSignal(request, {
      catalog: new Catalog(database),
      permits: undefined,
    }).catch((error: unknown) => {
      throw error instanceof Failure && isMistake.has(error.reason)
        ? new ConfigError([error.message])
        : error;
    });
    const { before, after, warnings } = create(RedeclareSignalResponseSchema, answer);
    const [was, is] = [textOf(before!), textOf(after!)];
    print(`before: ${was}`);
    print(`after:  ${is}`);
    for (const { message } of warnings) print(`warning: ${message}.`);
    if (validateOnly) print("Nothing was changed (--validate-only).");
    else if (was === is) print("Nothing changed: this is already the declaration.");
    else {
      log.info("redeclared a signal", {
        audit: "signal-redeclared",
        machine,
        signal,
        before: was,
        after: is,
      });
      print(
        "Answers use it within seconds. Until sums of the past are recalculated, those over long windows take longer.",
      );
    }
    return { done: Promise.resolve(), [Symbol.asyncDispose]: async () => {} };
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function textOf(declaration: SignalDeclaration): string {
  const { unit, maxGap, maxGapInferred, sampleType, duplicates } = declaration;
  const equal = `duplicates ${duplicatesWord(duplicates)}`;
  if (maxGap === undefined) return equal;
  const gap = durationText(BigInt(toDurationUs(maxGap)));
  return `unit ${unit === "" ? "none" : JSON.stringify(unit)}, max_gap ${gap}${maxGapInferred ? " (inferred)" : ""}, sample_type ${sampleTypeWord(sampleType)}, ${equal}`;
}
