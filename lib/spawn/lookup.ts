/** Where the program of a name may be, as execvp goes through PATH; what isn't absolute is seen from the program's folder. */
export function candidates(name: string, path = '/bin:/usr/bin'): readonly string[] {
  if (name === '') return [];
  if (name.includes('/')) return [name];
  if (latest?.name !== name || latest.path !== path)
    latest = { name, path, found: path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${name}`) };
  return latest.found;
}

let latest: { readonly name: string; readonly path: string; readonly found: readonly string[] } | undefined;
