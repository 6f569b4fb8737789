// SPDX-License-Identifier: MIT
//
//   run.mjs [WORD...]   all tests of what packaging has for AWS and Prometheus, or those whose name holds a WORD
import { runTests } from '../e2e/suite.mjs';
import './cloudformation.mjs';
import './ecs-daemon.mjs';
import './packer.mjs';
import './prometheus.mjs';

process.exitCode = (await runTests(process.argv.slice(2))) ? 0 : 1;
