// Reports: consumers of events for a loop's option `report`.
export { prefix, type PrefixOptions } from './prefix.ts';
export { json } from './json.ts';
export { quiet } from './quiet.ts';
export type { ReportOptions } from './screen.ts';
