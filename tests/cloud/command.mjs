// SPDX-License-Identifier: MIT
//
// Programs that judge, and the configuration that user data brings as hadald judges it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** What a program prints; fails with all it said if it ends with another status than 0. */
export function run(program, args, options = {}) {
	try {
		return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
	} catch (error) {
		throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${error.stdout}${error.stderr}`);
	}
}

/** A directory that is gone when the test is over. */
export function scratch(t) {
	const directory = mkdtempSync(join(tmpdir(), 'hadal-cloud.'));
	t.after(() => rmSync(directory, { recursive: true }));
	return directory;
}

/** Files of @userData, parsed, put where hadald reads them, pass hadald --check-config; returns hadald's, by name. */
export function checkUserData(t, userData) {
	const directory = scratch(t), taken = {};
	mkdirSync(join(directory, 'hadald.d'));
	writeFileSync(join(directory, 'hadald.conf'), '');
	for (const { path, content } of userData.write_files.filter((file) => file.path.startsWith('/etc/hadal/'))) {
		assert.match(path, /^\/etc\/hadal\/hadald\.d\/[^/]+\.conf$/);
		writeFileSync(join(directory, 'hadald.d', basename(path)), content);
		taken[basename(path)] = content;
	}
	run(process.env.HADALD, ['--check-config', '--config', join(directory, 'hadald.conf')]);
	return taken;
}
