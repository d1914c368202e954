// A unit in its one form, the same for every interface.

/**
 * A unit without the white space at its ends, which cells of tables and meters add: "kW " is kW. If
 * nothing is left, no unit is declared.
 */
export const readUnit = (text: string): string => text.trim();
