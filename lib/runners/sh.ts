import type { Runner } from '../kernel/index.ts';
import { program, type ProgramOptions, type ProgramResult } from './program.ts';
import { shellText } from './quote.ts';

type Template = (strings: TemplateStringsArray, ...values: unknown[]) => Runner<ProgramResult>;

/**
 * A command of the shell with its values quoted: `` sh`grep ${pattern} ${files} > ${out}` ``. Every value becomes one word,
 * whatever is in it; an array becomes several words. With options: `` sh({ cwd: 'lib' })`ls ${path}` ``.
 *
 * Throws a TypeError for undefined, null, objects and functions as values, and where a value's place can't be quoted.
 */
export function sh(options: ProgramOptions): Template;
export function sh(strings: TemplateStringsArray, ...values: unknown[]): Runner<ProgramResult>;
export function sh(
  first: TemplateStringsArray | ProgramOptions,
  ...values: unknown[]
): Runner<ProgramResult> | Template {
  if (Array.isArray(first)) return program(shellText(first as unknown as TemplateStringsArray, values));
  if (typeof first !== 'object' || first === null)
    throw new TypeError('sh: write it as a template: sh`ls ${path}`; for a string use program(string)');
  return (strings, ...inner) => program(shellText(strings, inner), first as ProgramOptions);
}
