// SPDX-License-Identifier: MIT
//
// A real hadald, without the module, with seccomp's filter of the strict kind: a
// system call that its list does not have ends it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OWN = /^(AWS_|OTEL_|HADAL_|CREDENTIALS_DIRECTORY)/;

export class Collector {
	/**
	 * @sections: { section: { key: value } }, on top of what makes it ship each second and ask nobody else; {} in a
	 * value, and in one of @environment, is a directory of its own, with @files: { name: text }, of mode 0600.
	 */
	constructor(program, sections, environment = {}, files = {}) {
		this.directory = mkdtempSync(join(tmpdir(), 'hadal-aws-'));
		this.path = join(this.directory, 'hadald.conf');
		this.log = '';
		const base = { collector: { interval: 1, seccomp: 'kill', builds: 'off', stop_timeout: 600 }, query: { socket: '' }, docker: { socket: '' },
			ecs: { introspection: '', task_metadata: '' }, ec2: { metadata: '' }, spool: { directory: '' } };
		for (const [section, keys] of Object.entries(sections))
			base[section] = { ...base[section], ...keys };
		for (const [name, text] of Object.entries(files))
			this.write(name, text);
		const placed = (value) => String(value).replace('{}', this.directory);
		writeFileSync(this.path, Object.entries(base).map(([section, keys]) =>
			`[${section}]\n${Object.entries(keys).map(([key, value]) => `${key} = ${placed(value)}\n`).join('')}`).join(''));
		const own = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, placed(value)]));
		const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN.test(name)));
		this.start = () => {
			this.process = spawn(program, ['--config', this.path], { env: { ...inherited, ...own },
				stdio: ['ignore', 'inherit', 'pipe'] });
			this.process.stderr.on('data', (data) => { this.log += data; });
			this.ended = new Promise((done) => this.process.on('close', (code, signal) => done(code ?? signal)));
		};
		this.start();
	}

	/** Replaces a file, all at once. */
	write(name, text) {
		const path = join(this.directory, name);
		writeFileSync(`${path}.new`, text, { mode: 0o600 });
		renameSync(`${path}.new`, path);
	}

	read(name) {
		return readFileSync(join(this.directory, name), 'utf8');
	}

	/** As nothing can be prepared for. */
	async kill() {
		this.process.kill('SIGKILL');
		assert.equal(await this.ended, 'SIGKILL', this.log);
	}

	/** As systemd ends it; it is to ship what is left and to say that all is well. */
	async stop() {
		this.process.kill('SIGTERM');
		return this.ended;
	}

	async remove() {
		this.process.kill('SIGKILL');
		await this.ended;
		rmSync(this.directory, { recursive: true });
	}
}
