// SPDX-License-Identifier: MIT
//
// Runs ship_driver and speaks with it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Driver {
	/** Starts @program with @options as driver.c lists them: an object of names, or a list for several sinks. */
	constructor(program, options) {
		const list = Array.isArray(options) ? options : Object.entries(options).flatMap(([name, value]) =>
			[value].flat().map((one) => `${name}=${one}`));
		this.process = spawn(program, list, { stdio: ['pipe', 'pipe', 'pipe'] });
		this.process.stdin.on('error', () => {});
		this.messages = '';
		this.process.stderr.on('data', (data) => { this.messages += data; });
		this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
		this.ended = new Promise((done) => this.process.on('close', (code, signal) => done(code ?? signal)));
	}

	send(...lines) {
		for (const line of lines)
			this.process.stdin.write(`${JSON.stringify(line)}\n`);
	}

	submit(...resources) {
		this.send(...resources, { submit: true });
	}

	async #line() {
		const { value, done } = await this.lines.next();
		if (done)
			throw new Error(`ship_driver ended: ${await this.ended}: ${this.messages}`);
		return JSON.parse(value);
	}

	/** The counters now. */
	async stats() {
		this.send({ stats: true });
		return this.#line();
	}

	/** The counters once @holds of them; a test's own time limit ends a vain wait. */
	async until(holds) {
		for (;;) {
			const stats = await this.stats();
			if (holds(stats))
				return stats;
			await new Promise((done) => setTimeout(done, 5));
		}
	}

	/** Waits until everything submitted was settled; the counters then. */
	async settle() {
		this.send({ settle: true });
		return this.stats();
	}

	/** Ends it; the last counters. Sanitizers make its exit status tell. */
	async stop() {
		this.process.stdin.end();
		const stats = await this.#line();
		const code = await this.ended;
		if (code !== 0)
			throw new Error(`ship_driver: exit ${code}: ${this.messages}`);
		return stats;
	}

	/** For a start that must fail: exit status and message. */
	async refusal() {
		this.process.stdin.end();
		return { code: await this.ended, message: this.messages };
	}
}
