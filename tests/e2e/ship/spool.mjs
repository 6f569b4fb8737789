// SPDX-License-Identifier: MIT
//
//   spool.mjs [--kills N] [--seed N] [WORD...]
//
// What the spool is for: tests in which the process that ships is killed, in which receivers
// are dead or slow, and in which the way to them has every fault that it may have,
// and so has the disk. All tests, or those whose name holds a WORD.
import { parseArgs } from 'node:util';
import { runTests } from '../suite.mjs';
import { testKills } from './kill.mjs';
import './disks.mjs';
import { closeDatabase } from './faults.mjs';
import './restart.mjs';
import './sinks.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
	kills: { type: 'string', default: '80' },
	seed: { type: 'string', default: String(1 + Date.now() % 0xfffffff) },
} });

testKills(Number(values.kills), Number(values.seed));
const good = await runTests(positionals);
await closeDatabase();
process.exitCode = good ? 0 : 1;
