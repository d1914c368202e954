// How the text of a flag or an environment variable becomes a typed value. Which settings exist is
// each service's own business.

/** Reads one kind of value. */
export interface ValueReader<T> {
  /**
   * The name of the value in `--help`, as in `--port PORT`; absent for a switch, which takes no
   * value.
   */
  readonly placeholder?: string;
  /** What is allowed, to follow "expected": "a whole number from 1 to 100". */
  readonly expects: string;
  /** The value, or undefined if `text` is not one. */
  read(text: string): T | undefined;
}

/**
 * Any text of 1 to `maxLength` characters (default 4096) that matches `pattern`; describe in
 * `expects` what the pattern allows.
 */
export function text(
  options: { placeholder?: string; expects?: string; pattern?: RegExp; maxLength?: number } = {},
): ValueReader<string> {
  const { placeholder = "TEXT", expects = "some text", pattern, maxLength = 4096 } = options;
  const fits = (value: string) =>
    value.length >= 1 && value.length <= maxLength && (pattern?.test(value) ?? true);
  return { placeholder, expects, read: (value) => (fits(value) ? value : undefined) };
}

/** A switch: off by default, on with `--name`; `--name=false` or its variable can also set it. */
export function onOff(): ValueReader<boolean> {
  const words: Record<string, boolean> = {
    true: true,
    1: true,
    yes: true,
    on: true,
    false: false,
    0: false,
    no: false,
    off: false,
  };
  return {
    expects: "true or false",
    read: (value) =>
      Object.hasOwn(words, value.toLowerCase()) ? words[value.toLowerCase()] : undefined,
  };
}

/** A whole number from `min` (default 0) to `max` (default 2^53 - 1). */
export function count({ min = 0, max = Number.MAX_SAFE_INTEGER } = {}): ValueReader<number> {
  const upTo = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return {
    placeholder: "N",
    expects: `a whole number ${upTo}`,
    read(value) {
      const number = Number(value);
      return /^-?\d+$/.test(value) && number >= min && number <= max ? number : undefined;
    },
  };
}

/** A number, whole or not, from `min` to `max`. */
export function decimal({
  min = -Number.MAX_VALUE,
  max = Number.MAX_VALUE,
} = {}): ValueReader<number> {
  return {
    placeholder: "X",
    expects: `a number from ${min} to ${max}`,
    read(value) {
      const number = Number(value);
      return /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?$/i.test(value) && number >= min && number <= max
        ? number
        : undefined;
    },
  };
}

/** A TCP port; 0 lets the system choose. */
export function port(): ValueReader<number> {
  return { ...count({ max: 65_535 }), placeholder: "PORT", expects: "a port from 0 to 65535" };
}

/**
 * An address to listen on: `127.0.0.1:50051`, `localhost:0`, `[::1]:0`. The host is returned
 * without brackets.
 */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export function listenAddress(): ValueReader<ListenAddress> {
  return {
    placeholder: "HOST:PORT",
    expects: "HOST:PORT, as 127.0.0.1:50051 or [::1]:0",
    read(value) {
      const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(value);
      const number = Number(match?.[3]);
      return match && number <= 65_535
        ? { host: (match[1] ?? match[2])!, port: number }
        : undefined;
    },
  };
}

/**
 * A URL with one of the given schemes ("http", "postgres"), a host unless `hostless`, as the text
 * that was given.
 */
export function url({ schemes }: { schemes: readonly string[] }): ValueReader<string> {
  return {
    placeholder: "URL",
    expects: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
    read: (value) =>
      URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1))
        ? value
        : undefined,
  };
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A length of time with its unit (`250ms`, `1.5s`, `1m`, `24h`, `7d`; `0` needs none), in whole
 * milliseconds from `minMs` to `maxMs`.
 */
export function durationMs({
  minMs = 0,
  maxMs = Number.MAX_SAFE_INTEGER,
} = {}): ValueReader<number> {
  const bounds = [
    minMs > 0 ? `at least ${minMs}ms` : "",
    maxMs < Number.MAX_SAFE_INTEGER ? `at most ${maxMs}ms` : "",
  ];
  return {
    placeholder: "TIME",
    expects: ["a length of time such as 250ms, 5s, 1m, 24h", ...bounds.filter(Boolean)].join(", "),
    read(value) {
      const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value === "0" ? "0s" : value);
      if (!match) return undefined;
      const ms = Math.round(Number(match[1]) * unitMs[match[2]!]!);
      return ms >= minMs && ms <= maxMs ? ms : undefined;
    },
  };
}

const unitBytes: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/**
 * A size with its unit (`512B`, `64KiB`, `4MiB`, `1.5GB`; `0` needs none), in whole bytes from
 * `minBytes` to `maxBytes`.
 */
export function bytes({
  minBytes = 0,
  maxBytes = Number.MAX_SAFE_INTEGER,
} = {}): ValueReader<number> {
  const bounds = [
    minBytes > 0 ? `at least ${minBytes}B` : "",
    maxBytes < Number.MAX_SAFE_INTEGER ? `at most ${maxBytes}B` : "",
  ];
  return {
    placeholder: "SIZE",
    expects: ["a size such as 64KiB, 4MiB, 2GB", ...bounds.filter(Boolean)].join(", "),
    read(value) {
      const match = /^(\d+(?:\.\d+)?)([kKMGT]i?B|B)$/.exec(value === "0" ? "0B" : value);
      const unit = match && unitBytes[match[2]!];
      if (!match || !unit) return undefined;
      const size = Math.round(Number(match[1]) * unit);
      return size >= minBytes && size <= maxBytes ? size : undefined;
    },
  };
}

/**
 * A point in time, RFC 3339 with a zone and at most six fractional digits; as microseconds since
 * the epoch, which a double holds exactly from 1684 to 2255.
 */
export function instant(): ValueReader<number> {
  const shape =
    /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
  return {
    placeholder: "WHEN",
    expects:
      "a time such as 2026-03-01T08:00:00Z, with a zone, at most microseconds, years 1685 to 2254",
    read(value) {
      const match = shape.exec(value);
      if (!match) return undefined;
      const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      date.setUTCHours(hour, minute, second);
      // Date rolls 30 February or 25:00 over; the result then differs from the text.
      if (date.toISOString().slice(0, 19) !== `${value.slice(0, 10)}T${value.slice(11, 19)}`)
        return undefined;
      const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
      if (offsetHours > 23 || offsetMinutes > 59) return undefined;
      const offsetMs = (match[8] === "-" ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
      const timeUs = (date.getTime() - offsetMs) * 1000 + Number((match[7] ?? "").padEnd(6, "0"));
      return Number.isSafeInteger(timeUs) ? timeUs : undefined;
    },
  };
}

/** One of the given words. */
export function oneOf<const W extends string>(words: readonly W[]): ValueReader<W> {
  return {
    placeholder: words.join("|"),
    expects: `one of ${words.join(", ")}`,
    read: (value) => words.find((word) => word === value),
  };
}
