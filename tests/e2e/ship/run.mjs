// SPDX-License-Identifier: MIT
//
//   run.mjs [WORD...]   all tests of shipping, or those whose name holds a WORD
import { runTests } from '../suite.mjs';
import { closeDatabase } from './metrics.mjs';
import './logs.mjs';
import './retry.mjs';
import './security.mjs';

const good = await runTests(process.argv.slice(2));
await closeDatabase();
process.exitCode = good ? 0 : 1;
