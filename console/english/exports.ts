// The texts of the export menu.
export const exportWords = {
  button: "Export",
  csv: (what: string) => `${what} as CSV`,
  ndjson: (what: string) => `${what} as NDJSON`,
  json: (what: string) => `${what} as JSON`,
  png: "The chart as PNG",
  curl: (what: string) => `Copy ${what} as curl`,
  copied: "Copied.",
  notCopied: "The browser does not allow to copy. The command is:",
  reading: (size: string) => `Reading … ${size}`,
  cancel: "Cancel",
  tooLarge: (most: string) =>
    `The file would be larger than ${most}, which is all that a page may hold. Use the curl command.`,
  signals: { state: "States", error: "Errors", summary: "Figures" },
} as const;
