// YAML as Ansible reads it: its parser takes fewer words for something else than a text than YAML 1.1 has.
import type { ScalarTag, Tags } from 'yaml';
import type { InventoryDraft } from './inventoryDraft.ts';

/** Stands where `!vault` is. */
const SECRET = Symbol('encrypted');

/** What is encrypted is left out, and noted. @throws TypeError with the line and column of what is no YAML */
export async function parseYaml(text: string, name: string, draft: InventoryDraft): Promise<unknown> {
  // Loaded for those who need it.
  const { parse } = await import('yaml');
  const left = (key: unknown, value: unknown): unknown => {
    if (value !== SECRET) return value;
    draft.notes.push(`inventory: ${name}: ${String(key)} is left out: it is encrypted`);
    return undefined;
  };
  try {
    // Names are what is written: a host `no`, a group `010`.
    return parse(text, left, {
      version: '1.1',
      logLevel: 'error',
      uniqueKeys: false,
      stringKeys: true,
      customTags,
    }) as unknown;
  } catch (error) {
    const [message] = (error as Error).message.split('\n');
    throw new TypeError(`inventory: ${name}: ${message!.replace(/:$/, '')}`, { cause: error });
  }
}

/** `y`, `n`, 2026-01-31 and 1e3 are texts. */
function customTags(tags: Tags): Tags {
  const own = (tag: ScalarTag, test: RegExp): ScalarTag => ({ ...tag, test });
  return [
    ...tags.flatMap((tag) => {
      if (typeof tag === 'string' || !('test' in tag) || tag.test === undefined) return [tag];
      if (tag.tag === 'tag:yaml.org,2002:timestamp') return [];
      if (tag.tag === 'tag:yaml.org,2002:bool') return [own(tag, tag.test.test('no') ? NO : YES)];
      if (tag.tag === 'tag:yaml.org,2002:float' && tag.format === 'EXP') return [own(tag, EXPONENT)];
      return [tag];
    }),
    ...['!vault', '!vault-encrypted'].map((tag): ScalarTag => ({ tag, resolve: () => SECRET })),
  ];
}

const YES = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const NO = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;
const EXPONENT = /^[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)[eE][-+]\d+$/;
