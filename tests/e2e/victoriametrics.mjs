// SPDX-License-Identifier: MIT
//
// Runs a real VictoriaMetrics on loopback for a test and asks it what it holds.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A port on loopback that nobody listens on. */
export async function freePort() {
	const server = createServer();
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const { port } = server.address();
	await new Promise((done) => server.close(done));
	return port;
}

// Without one it is this second's beginning, and what this second brought is missing.
const END = '4000000000';

export class VictoriaMetrics {
	/** Starts the binary that tests/e2e/fetch-victoriametrics prints, with further flags. */
	static async start(binary, ...flags) {
		for (let tries = 0; tries < 5; tries++) {
			const database = new VictoriaMetrics(binary, await freePort(), flags);
			if (await database.#ready())
				return database;
			await database.stop();	// someone else took the port
		}
		throw new Error('VictoriaMetrics does not start');
	}

	constructor(binary, port, flags) {
		this.directory = mkdtempSync(join(tmpdir(), 'hadal-vm-'));
		this.url = `http://127.0.0.1:${port}`;
		this.endpoint = `${this.url}/opentelemetry`;
		this.process = spawn(binary, [`-storageDataPath=${this.directory}`, `-httpListenAddr=127.0.0.1:${port}`,
			'-search.latencyOffset=0s', '-retentionPeriod=100y', '-loggerLevel=WARN', ...flags],
			{ stdio: ['ignore', 'inherit', 'inherit'] });
		this.ended = new Promise((done) => this.process.on('exit', () => done(true)));
	}

	async #ready() {
		for (;;) {
			const gone = await Promise.race([this.ended, new Promise((done) => setTimeout(done, 20, false))]);
			if (gone)
				return false;
			try {
				if ((await fetch(`${this.url}/health`)).ok)
					return true;
			} catch {
				// not listening yet
			}
		}
	}

	async stop() {
		this.process.kill('SIGKILL');
		await this.ended;
		rmSync(this.directory, { recursive: true, force: true });
	}

	async #get(path, parameters = {}) {
		const answer = await fetch(`${this.url}${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
		if (!answer.ok)
			throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
		return answer.text();
	}

	/**
	 * Makes visible to queries what was taken so far. What it was making so of its own accord just then
	 * it does not wait for (its issue 11260, closed in version 1.148).
	 */
	async flush() {
		await this.#get('/internal/force_flush');
		while ((await this.#get('/debug/pprof/goroutine', { debug: '1' })).includes('flushRowssToInmemoryParts'))
			await new Promise((done) => setTimeout(done, 5));
	}

	/** Every sample of the series that @match selects: [{metric, values, timestamps}], in ms. */
	async export(match) {
		await this.flush();
		const text = await this.#get('/api/v1/export', { 'match[]': match, end: END });
		return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
	}

	/** The result of an instant query at @time, in seconds: [{metric, value: [time, text]}]. */
	async query(query, time) {
		await this.flush();
		const answer = JSON.parse(await this.#get('/api/v1/query', { query, time: String(time) }));
		return answer.data.result;
	}
}
