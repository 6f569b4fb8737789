// SPDX-License-Identifier: MIT
//
// What the tests of shipping have in common.
import { Receiver } from '../otlp-log-receiver.mjs';
import { Driver } from './driver.mjs';

export const { SHIP_DRIVER, OTLP_DECODER, VICTORIAMETRICS } = process.env;

/** A driver whose repeats come fast (a list of options says itself how fast), ended with the test however it goes. */
export function startDriver(t, options) {
	const driver = new Driver(SHIP_DRIVER, Array.isArray(options) ? options :
		{ backoff_first_ms: 1, backoff_max_ms: 20, ...options });
	t.after(() => driver.process.kill('SIGKILL'));
	return driver;
}

export async function startReceiver(t, options = {}) {
	const receiver = await new Receiver({ decoder: OTLP_DECODER, ...options }).listen(options.port);
	t.after(() => receiver.close());
	return receiver;
}

/** A reproducible stream of numbers from 0 to below @limit. */
export function randomNumbers(seed) {
	let state = seed >>> 0;
	return (limit) => {	// xorshift32
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % limit;
	};
}

const NS = 1000000000n;

/** Whole seconds in the recent past, as nanoseconds in text: moments that receivers accept. */
export const now = BigInt(Math.floor(Date.now() / 1000));
export const ns = (seconds) => String(seconds * NS);

export function counterResource(name, attributes, value, at = now) {
	return { resource: { 'host.id': 'host' }, metrics: [{ name, unit: '{connection}', kind: 'counter',
		points: [{ attributes, start: ns(now - 1000n), time: ns(at), int: String(value) }] }] };
}

let records = 0;

/** A resource with @count log records, no two ever alike. */
export function logResource(count, more = {}) {
	const logs = Array.from({ length: count }, () => {
		records++;
		return { event: 'hadal.process.exec', time: ns(now), observed: ns(now), severity: 9,
			attributes: { number: records, ...more } };
	});
	return { resource: { 'host.id': 'host' }, logs };
}

export const recordNumbers = (records) => records.map(({ attributes }) => Number(attributes.number.int));

/** What never happens twice: a repeated batch is known by its id. */
export function onceEach(requests) {
	const ids = requests.filter(({ answer }) => /^(200|partial|reset)/.test(answer))
		.map(({ headers }) => headers['hadal-batch-id']);
	return new Set(ids).size === ids.length;
}

/** Every point or record must end up in exactly one account; what was recovered is submitted. */
export function accountsBalance({ submitted, recovered, waiting, ...settled }) {
	return submitted === waiting + Object.values(settled).reduce((sum, one) => sum + one, 0);
}
