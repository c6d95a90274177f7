// devalue refuses fields that are named `__proto__`. They are written with a mark before it, and those that look marked get one more.

export const writtenName = (name: string): string =>
  name.endsWith('__proto__') && /^~*__proto__$/.test(name) ? `~${name}` : name;

export const fieldName = (written: string): string =>
  written.endsWith('__proto__') && /^~+__proto__$/.test(written) ? written.slice(1) : written;
