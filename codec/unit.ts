// A unit in its one form, the same at every door.

/**
 * A unit without the white space at its ends, which cells of tables and meters add: "kW " is kW.
 * What is empty then declares none.
 */
export const readUnit = (text: string): string => text.trim();
