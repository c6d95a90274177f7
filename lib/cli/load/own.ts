// Which file 'sluice' is: that of the running copy, from anywhere. Two copies in one process would not know each other's runs.

const NAMES = /^sluice(\/rx|\/testing)?$/;
const lib = new URL('../../', import.meta.url); // dist/lib/, also when the caller is lib/

/** The URL behind 'sluice', 'sluice/rx' and 'sluice/testing'; undefined for other specifiers. */
export function ownEntry(specifier: string): string | undefined {
  const match = NAMES.exec(specifier);
  if (match === null) return undefined;
  return new URL(`${match[1]?.slice(1) ?? '.'}/index.js`, lib).href;
}
