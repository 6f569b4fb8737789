// SPDX-License-Identifier: MIT
//
//   run.mjs [WORD...]   all tests of shipping to AWS, or those whose name holds a WORD
import { runTests } from '../e2e/suite.mjs';
import { closeSignatures } from './context.mjs';
import './ending.mjs';
import './estimate.mjs';
import './kill.mjs';
import './notices.mjs';
import './prometheus.mjs';
import './shipping.mjs';
import './tokens.mjs';

const good = await runTests(process.argv.slice(2));
closeSignatures();
process.exitCode = good ? 0 : 1;
