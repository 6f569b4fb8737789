// SPDX-License-Identifier: MIT
//
// Where a sink is: in its file, as userspace/collector/sink_state.c writes it, and in the
// names of its requests.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for a spool, removed with the test. */
export function spoolDirectory(t) {
	const directory = mkdtempSync(join(tmpdir(), 'hadal-spool-'));
	t.after(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

/** The number of the next record, and how much of that is settled; undefined: it has no file. */
export function readPlace(directory, sink) {
	const file = join(directory, `sink-${sink}.state`);
	if (!existsSync(file))
		return undefined;
	const bytes = readFileSync(file);
	assert.equal(bytes.toString('latin1', 0, 8), 'HADALSNK');
	return { position: bytes.readBigUInt64LE(16), settled: { m: bytes.readBigUInt64LE(24), l: bytes.readBigUInt64LE(32) } };
}

export const shown = (place) => place && `${place.position} m${place.settled.m} l${place.settled.l}`;

/** Of which record a request is, and which of its items, from first to below end. */
export function parseId(id) {
	const [, run, sequence, signal, first, items] = /^([0-9a-f]+)-(\d+)-([ml])(\d+)\+(\d+)$/.exec(id);
	return { record: `${run}-${sequence}-${signal}`, sequence: BigInt(sequence), signal, first: BigInt(first),
		end: BigInt(first) + BigInt(items) };
}
