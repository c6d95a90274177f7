export function moduleCode(_url: string): { files: readonly string[] } {
  throw new Error('not yet');
}
