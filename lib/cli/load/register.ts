// Makes `node --import …/register.js` (and `sluice run`) understand TypeScript: registers the hooks beside this file.
import { register } from 'node:module';

register('./hooks.js', import.meta.url);
process.setSourceMapsEnabled(true);
