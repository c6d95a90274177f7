/** Where the program of a name may be, as execvp goes through PATH; what isn't absolute is seen from the program's folder. */
export function candidates(name: string, path = '/bin:/usr/bin'): readonly string[] {
  if (name === '') return [];
  if (name.includes('/')) return [name];
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${name}`);
}
